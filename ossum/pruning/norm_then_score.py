"""OSSuM + Norm for deep networks: the last hidden layer by score, all layers below it by norm."""

from collections.abc import Sequence

from torch import Tensor

from ossum.networks import Kept, Network, Subnetwork
from ossum.pruning.bottom_up import prune_bottom_up
from ossum.pruning.norm import neuron_norms
from ossum.pruning.scores import Score
from ossum.pruning.view import TrainingView
from ossum.scoring import linear_ossum_scores, log_ossum_scores, ossum_scores


def ossum_norm(
    network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView
) -> list[Subnetwork]:
    """Norm, then the OSSuM score (Eq. 2)."""
    return _norm_then(ossum_scores, network, widths, view)


def linear_ossum_norm(
    network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView
) -> list[Subnetwork]:
    """Norm, then the Linear OSSuM score (Eq. 4)."""
    return _norm_then(linear_ossum_scores, network, widths, view)


def log_ossum_norm(
    network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView
) -> list[Subnetwork]:
    """Norm, then the Log OSSuM score (Eq. 5)."""
    return _norm_then(log_ossum_scores, network, widths, view)


def _norm_then(
    score: Score, network: Network, widths: Sequence[tuple[int, ...]], view: TrainingView
) -> list[Subnetwork]:
    """The last layer's score sees the activations of the network that is pruned below it."""

    def scores(layer: int, kept: list[Kept]) -> list[Tensor]:
        if layer < len(network.hidden_widths):
            return [neuron_norms(network, layer)] * len(kept)
        return [score(sums, network.weights[-1]) for sums in view.class_sums_above(kept)]

    return prune_bottom_up(network, widths, scores)
