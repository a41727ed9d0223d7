"""Pruning layer by layer from the input up, each layer on top of what is kept below it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ossum.networks.network import Kept, Network, Subnetwork, Widths
from ossum.pruning.scoring import top_neurons

LayerScores = Callable[[int, list[Kept]], list[Tensor]]


def prune_bottom_up(
    network: Network, widths: Sequence[Widths], scores: LayerScores
) -> list[Subnetwork]:
    """Keep the highest-scored neurons of each hidden layer; ties go to the lower index.

    scores(layer, kept): the scores [h] of all neurons of hidden layer 1..L, one tensor for each way
    in which the layers below are pruned. It is called once per layer with all different ways:
    subnetworks whose widths agree in the first layers share these layers, so n widths per layer
    need 1 + n + n^2 scorings for n^3 subnetworks. A layer that keeps all neurons needs none.
    """
    kept: dict[Widths, Kept] = {(): ()}
    for layer, width in enumerate(network.hidden_widths, start=1):
        below = list(dict.fromkeys(w[: layer - 1] for w in widths if w[layer - 1] < width))
        scored = dict(zip(below, scores(layer, [kept[w] for w in below]), strict=True))
        for wanted in dict.fromkeys(w[:layer] for w in widths):
            lower, count = wanted[:-1], wanted[-1]
            pruned = count < width
            neurons = top_neurons(scored[lower], count) if pruned else torch.arange(width)
            kept[wanted] = (*kept[lower], neurons)
    return [Subnetwork(kept[wanted]) for wanted in widths]
