"""Architecture search: prune one network to all combinations of widths and evaluate each.

Nothing is trained. Pruning and evaluation both share what subnetworks have in common, so that n
widths for each of three layers cost n^2 passes through the last hidden layer, not n^3.
"""

import logging
from collections.abc import Sequence
from time import perf_counter

from ossum.config.architectures import width_combinations
from ossum.datasets import Split
from ossum.networks.evaluation import evaluation_rows
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView


def search(
    method: str, view: TrainingView, test: Split, fractions: Sequence[float]
) -> list[dict[str, object]]:
    """One row (see `evaluation_rows`) for each combination of widths.

    The network is the one that `view` shows, and the combinations are those of
    `width_combinations`: every one of the `fractions` in (0, 1] of every hidden layer, and the
    full network last. ValueError as for `prune_network`.
    """
    widths = width_combinations(view.network.hidden_widths, fractions)
    start = perf_counter()
    subnetworks = prune_network(method, view.network, widths, view)
    pruned = perf_counter()
    rows = evaluation_rows(view.network, subnetworks, test)
    logging.info(
        "%s: %d subnetworks pruned in %.1f s, evaluated in %.1f s",
        method,
        len(widths),
        pruned - start,
        perf_counter() - pruned,
    )
    return rows
