"""Structured magnitude pruning: keep the neurons with the largest weights."""

from collections.abc import Sequence

from torch import Tensor

from ossum.networks.network import Network, Subnetwork, Widths
from ossum.pruning.scoring import top_neurons
from ossum.pruning.view import TrainingView


def norm(network: Network, widths: Sequence[Widths], view: TrainingView) -> list[Subnetwork]:
    """In each layer, keep the neurons with the largest L2 norm of all their incoming weights."""
    layers = range(1, len(network.hidden_widths) + 1)
    return _highest([neuron_norms(network, layer) for layer in layers], widths)


def norm_outgoing(
    network: Network, widths: Sequence[Widths], view: TrainingView
) -> list[Subnetwork]:
    """The same by the outgoing weights. The paper does not say which it means."""
    return _highest([weights.norm(dim=0) for weights in network.weights[1:]], widths)


def _highest(scores: Sequence[Tensor], widths: Sequence[Widths]) -> list[Subnetwork]:
    """The neurons with the highest scores [h], one tensor for each hidden layer."""
    return [
        Subnetwork(tuple(top_neurons(s, count) for s, count in zip(scores, wanted, strict=True)))
        for wanted in widths
    ]


def neuron_norms(network: Network, layer: int) -> Tensor:
    """L2 norms [h] of the incoming weights of hidden layer 1..L, before any pruning; no biases."""
    return network.weights[layer - 1].norm(dim=1)
