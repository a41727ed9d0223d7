"""OSSuM and its two rank-based variants for networks with one hidden layer (Algorithm 1)."""

from collections.abc import Sequence

from ossum.networks.network import Network, Subnetwork, Widths
from ossum.pruning.scoring import NeuronScore, top_neurons
from ossum.pruning.view import TrainingView


def by_score(
    network: Network, widths: Sequence[Widths], view: TrainingView, score: NeuronScore
) -> list[Subnetwork]:
    """Keep the hidden neurons with the highest scores."""
    scores = score(view.class_sums, network.weights[-1])
    return [Subnetwork((top_neurons(scores, count),)) for (count,) in widths]
