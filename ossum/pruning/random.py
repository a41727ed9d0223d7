"""Random pruning, the control that every other method has to beat."""

from collections.abc import Sequence

import torch

from ossum.networks.network import Network, Subnetwork, Widths
from ossum.networks.rng import stream
from ossum.pruning.view import TrainingView


def random(network: Network, widths: Sequence[Widths], view: TrainingView) -> list[Subnetwork]:
    """In each layer, keep a uniformly random subset.

    The first neurons of one random order are kept, so the subset at a higher sparsity is part of
    the subset at a lower one, as it is for the methods that rank neurons.
    """
    orders = [
        torch.randperm(width, generator=stream(view.seed, "random pruning", layer))
        for layer, width in enumerate(network.hidden_widths, start=1)
    ]
    return [
        Subnetwork(tuple(o[:count].sort().values for o, count in zip(orders, wanted, strict=True)))
        for wanted in widths
    ]
