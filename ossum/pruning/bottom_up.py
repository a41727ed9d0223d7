"""Pruning layer by layer from the input up, each layer on top of what is kept below it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ossum.networks.network import Kept, Network, Subnetwork, Widths
from ossum.pruning.scoring import NeuronScore, top_neurons
from ossum.pruning.view import TrainingView


class OutputLayer(NamedTuple):
    """What neurons feed when they are chosen: weights [K, h], and a bias [K] if there is one."""

    weights: Tensor
    bias: Tensor | None = None

    @classmethod
    def of(cls, network: Network) -> "OutputLayer":
        """The network's own."""
        return cls(network.weights[-1], network.biases[-1] if network.biases else None)


# choose(view, below, output, counts): the neurons to keep of a hidden layer under an output layer.
# below: the kept neurons of the layers below it, one tuple for each way in which these are pruned.
# counts: for each way, how many neurons to keep; several numbers, all lower than the layer's width.
# Returns ascending indices in the shape of `counts`.
NeuronChoice = Callable[
    [TrainingView, Sequence[Kept], OutputLayer, Sequence[Sequence[int]]], list[list[Tensor]]
]

# The same for one network's hidden layer 1..L: (layer, below, counts).
LayerChoice = Callable[[int, list[Kept], list[list[int]]], list[list[Tensor]]]


def by_score(score: NeuronScore) -> NeuronChoice:
    """Keep the neurons with the highest scores; ties go to the lower index."""

    def choose(
        view: TrainingView,
        below: Sequence[Kept],
        output: OutputLayer,
        counts: Sequence[Sequence[int]],
    ) -> list[list[Tensor]]:
        sums = view.class_sums_above(below)
        scores = (score(each, output.weights) for each in sums)
        return [[top_neurons(s, n) for n in ns] for s, ns in zip(scores, counts, strict=True)]

    return choose


def prune_bottom_up(
    network: Network, widths: Sequence[Widths], choose: LayerChoice
) -> list[Subnetwork]:
    """Prune each hidden layer by `choose`, on top of what is kept below it.

    It is called once per layer with all different ways in which the layers below are pruned:
    subnetworks whose widths agree in the first layers share these layers, so n widths per layer
    need 1 + n + n^2 choices for n^3 subnetworks. A layer that keeps all neurons needs none.
    """
    kept: dict[Widths, Kept] = {(): ()}
    for layer, width in enumerate(network.hidden_widths, start=1):
        counts: dict[Widths, list[int]] = {}
        for wanted in dict.fromkeys(w[:layer] for w in widths if w[layer - 1] < width):
            counts.setdefault(wanted[:-1], []).append(wanted[-1])
        chosen = choose(layer, [kept[w] for w in counts], list(counts.values()))
        neurons = {
            (*lower, count): each
            for (lower, of_lower), found in zip(counts.items(), chosen, strict=True)
            for count, each in zip(of_lower, found, strict=True)
        }
        for wanted in dict.fromkeys(w[:layer] for w in widths):
            own = neurons[wanted] if wanted in neurons else torch.arange(width)
            kept[wanted] = (*kept[wanted[:-1]], own)
    return [Subnetwork(kept[wanted]) for wanted in widths]
