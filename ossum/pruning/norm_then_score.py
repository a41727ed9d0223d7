"""OSSuM + Norm for deep networks: the last hidden layer by score, all layers below it by norm."""

from collections.abc import Sequence

from torch import Tensor

from ossum.networks.network import Kept, Network, Subnetwork, Widths
from ossum.pruning.bottom_up import prune_bottom_up
from ossum.pruning.norm import neuron_norms
from ossum.pruning.scoring import NeuronScore
from ossum.pruning.view import TrainingView


def norm_then_score(
    network: Network, widths: Sequence[Widths], view: TrainingView, score: NeuronScore
) -> list[Subnetwork]:
    """Prune by norm, then score the last layer on the activations of the network pruned so far."""

    def scores(layer: int, kept: list[Kept]) -> list[Tensor]:
        if layer < len(network.hidden_widths):
            return [neuron_norms(network, layer)] * len(kept)
        return [score(sums, network.weights[-1]) for sums in view.class_sums_above(kept)]

    return prune_bottom_up(network, widths, scores)
