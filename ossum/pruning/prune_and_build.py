"""OSSuM + PAB (Algorithm 2): build the pruned network up, layer by layer, for any depth.

Stage i puts the whole hidden layer i of the network on top of the neurons kept in the layers below,
and an output layer on top of that. It scores the neurons of layer i and keeps the best. The last
stage has the network's own output layer; those of the earlier stages are random and thrown away.
"""

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor

from ossum.networks.network import DISTRIBUTIONS, Kept, Network, Subnetwork, Widths
from ossum.networks.rng import stream
from ossum.pruning.bottom_up import NeuronChoice, OutputLayer, by_score, prune_bottom_up
from ossum.pruning.scoring import NeuronScore
from ossum.pruning.view import TrainingView


def prune_and_build(
    network: Network, widths: Sequence[Widths], view: TrainingView, score: NeuronScore
) -> list[Subnetwork]:
    """Algorithm 2 with any score."""
    return build(network, widths, view, by_score(score))


def build(
    network: Network, widths: Sequence[Widths], view: TrainingView, choose_neurons: NeuronChoice
) -> list[Subnetwork]:
    """Algorithm 2 with any way to choose the neurons of a layer under an output layer."""

    def choose(layer: int, below: list[Kept], counts: list[list[int]]) -> list[list[Tensor]]:
        return choose_neurons(view, below, output_layer(network, layer, view.seed), counts)

    return prune_bottom_up(network, widths, choose)


def output_layer(network: Network, layer: int, seed: int) -> OutputLayer:
    """The output layer of the stage of hidden layer 1..L: at last the network's own."""
    if layer == len(network.hidden_widths):
        return OutputLayer.of(network)
    return OutputLayer(output_weights(network, layer, seed))


def output_weights(network: Network, layer: int, seed: int) -> Tensor:
    """Output weights [K, h] of the stage of hidden layer 1..L.

    Random ones are U(-1/sqrt(h), 1/sqrt(h)). Each layer has its own stream for them, so they do not
    depend on what is kept below. Their scale does not matter to any choice of neurons.
    """
    if layer == len(network.hidden_widths):
        return network.weights[-1]
    n_classes, width = len(network.weights[-1]), network.hidden_widths[layer - 1]
    generator = stream(seed, "auxiliary output layer", layer)
    return DISTRIBUTIONS["uniform"](torch.empty(n_classes, width), 1 / sqrt(width), generator)
