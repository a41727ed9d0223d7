"""Structured magnitude pruning: keep the neurons with the largest incoming weights."""

from collections.abc import Sequence

from ossum.networks import Network, Subnetwork
from ossum.pruning.view import TrainingView
from ossum.scoring import top_neurons


def norm(
    network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView
) -> list[Subnetwork]:
    """Per layer, keep the neurons with the largest L2 norm of all their incoming weights."""
    norms = [weights.norm(dim=1) for weights in network.weights[:-1]]
    return [
        Subnetwork(tuple(top_neurons(n, count) for n, count in zip(norms, wanted, strict=True)))
        for wanted in widths
    ]
