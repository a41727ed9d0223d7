"""Pruning methods behind one interface.

A method is a function

    prune(network, widths, view) -> list[Subnetwork]

It gets *all* wanted widths at once, for each subnetwork the number of neurons to keep in every
hidden layer, so that subnetworks can share work. Its `TrainingView` computes once what several
methods need. A family of methods that differ only in how they score neurons is one function with a
fourth argument, `score`. The methods are listed in `ossum.config.registry`, nowhere else.
"""

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Protocol

from ossum.config.registry import METHODS, lookup
from ossum.networks.network import Network, Subnetwork, Widths
from ossum.pruning.scoring import SCORES
from ossum.pruning.view import TrainingView


class PruningMethod(Protocol):
    """What every pruning method looks like, once a family has been given its score."""

    def __call__(
        self, network: Network, widths: Sequence[Widths], view: TrainingView
    ) -> list[Subnetwork]: ...


def prune_network(
    method: str, network: Network, widths: Sequence[Widths], view: TrainingView
) -> list[Subnetwork]:
    """Prune `network` with the method of that id, to each of `widths`, in that order.

    ValueError for an unknown method, one that cannot prune this depth, or impossible widths.
    """
    spec = lookup(METHODS, method, "pruning method")
    full = network.hidden_widths
    if spec.max_hidden_layers and len(full) > spec.max_hidden_layers:
        deeper = f"; {method}-pab prunes any number" if f"{method}-pab" in METHODS else ""
        raise ValueError(
            f"method {method!r} prunes networks of at most {spec.max_hidden_layers} hidden "
            f"layer(s); this one has {len(full)}{deeper}"
        )
    for wanted in widths:
        if len(wanted) != len(full) or not all(
            1 <= k <= h for k, h in zip(wanted, full, strict=True)
        ):
            raise ValueError(f"cannot keep {wanted} neurons of hidden layers of {full}")
    prune: PruningMethod = getattr(import_module(spec.module), spec.function)
    if spec.score:
        prune = partial(prune, score=SCORES[spec.score])
    return prune(network, widths, view)
