"""OSSuM and its two rank-based variants for networks with one hidden layer (Algorithm 1)."""

from collections.abc import Callable, Sequence

from torch import Tensor

from ossum.networks import Network, Subnetwork
from ossum.pruning.view import TrainingView
from ossum.scoring import linear_ossum_scores, log_ossum_scores, ossum_scores, top_neurons

Score = Callable[[Tensor, Tensor], Tensor]


def ossum(network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView):
    """Keep the neurons with the highest OSSuM score (Eq. 2)."""
    return _prune_by(ossum_scores, network, widths, view)


def linear_ossum(network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView):
    """Keep the neurons with the highest Linear OSSuM score (Eq. 4)."""
    return _prune_by(linear_ossum_scores, network, widths, view)


def log_ossum(network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView):
    """Keep the neurons with the highest Log OSSuM score (Eq. 5)."""
    return _prune_by(log_ossum_scores, network, widths, view)


def _prune_by(
    score: Score, network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView
) -> list[Subnetwork]:
    scores = score(view.class_sums, network.weights[-1])
    return [Subnetwork((top_neurons(scores, count),)) for (count,) in widths]
