"""OSSuM + Norm for deep networks: the last hidden layer by score, all layers below it by norm."""

from collections.abc import Sequence

from torch import Tensor

from ossum.networks.network import Kept, Network, Subnetwork, Widths
from ossum.pruning.bottom_up import NeuronChoice, OutputLayer, by_score, prune_bottom_up
from ossum.pruning.norm import neuron_norms
from ossum.pruning.scoring import NeuronScore, top_neurons
from ossum.pruning.view import TrainingView


def norm_then_score(
    network: Network, widths: Sequence[Widths], view: TrainingView, score: NeuronScore
) -> list[Subnetwork]:
    """Prune by norm, then score the last layer on the activations of the network pruned so far."""
    return norm_then(network, widths, view, by_score(score))


def norm_then(
    network: Network, widths: Sequence[Widths], view: TrainingView, choose_last: NeuronChoice
) -> list[Subnetwork]:
    """The same with any way to choose the neurons of the last layer."""

    def choose(layer: int, below: list[Kept], counts: list[list[int]]) -> list[list[Tensor]]:
        if layer < len(network.hidden_widths):
            norms = neuron_norms(network, layer)
            return [[top_neurons(norms, count) for count in some] for some in counts]
        return choose_last(view, below, OutputLayer.of(network), counts)

    return prune_bottom_up(network, widths, choose)
