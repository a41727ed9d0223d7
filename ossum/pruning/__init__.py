"""Pruning methods behind one interface.

A method is a function

    prune(network, widths, view) -> list[Subnetwork]

that gets *all* wanted widths at once (one tuple of kept neurons a hidden layer for each subnetwork)
so that it can share work between them, and a `TrainingView`, which computes what methods have in
common once. Its module is listed in `ossum.registry`, nowhere else.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from ossum.networks import Network, Subnetwork
from ossum.pruning.view import TrainingView
from ossum.registry import METHODS, lookup

Widths = tuple[int, ...]


class PruningMethod(Protocol):
    """What every pruning method looks like."""

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
    return prune(network, widths, view)
