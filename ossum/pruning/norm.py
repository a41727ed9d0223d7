"""Structured magnitude pruning: keep the neurons with the largest incoming weights."""

from collections.abc import Sequence

from torch import Tensor

from ossum.networks.network import Network, Subnetwork, Widths
from ossum.pruning.scoring import top_neurons
from ossum.pruning.view import TrainingView


def norm(network: Network, widths: Sequence[Widths], view: TrainingView) -> list[Subnetwork]:
    """In each layer, keep the neurons with the largest L2 norm of all their incoming weights."""
    norms = [neuron_norms(network, i) for i in range(1, len(network.hidden_widths) + 1)]
    return [
        Subnetwork(tuple(top_neurons(n, count) for n, count in zip(norms, wanted, strict=True)))
        for wanted in widths
    ]


def neuron_norms(network: Network, layer: int) -> Tensor:
    """L2 norms [h] of the incoming weights of hidden layer 1..L, before any pruning; no biases."""
    return network.weights[layer - 1].norm(dim=1)
