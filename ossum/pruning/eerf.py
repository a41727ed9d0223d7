"""Energy-based random features: keep the neurons that are most aligned with the labels.

Shahrampour, Beirami and Tarokh, "On data-dependent random features for improved generalization in
supervised learning", AAAI 2018 (EERF): of many random features, keep those with the largest
|sum_i y_i a_j(x_i)|, for labels y = +-1, by one pass; then learn output weights for them. It is the
closest ancestor of OSSuM. With several classes, this takes the labels of each class against the
rest, and adds up the squares. It does not look at output weights, which are learned afterwards in
its setting. OSSuM's score is the alignment of a neuron with the output weights that it has.
"""

from collections.abc import Sequence

from torch import Tensor

from ossum.networks.network import Network, Subnetwork, Widths
from ossum.pruning.scoring import top_neurons
from ossum.pruning.view import TrainingView


def eerf(network: Network, widths: Sequence[Widths], view: TrainingView) -> list[Subnetwork]:
    """One hidden layer: keep the neurons with the highest alignment."""
    scores = alignment(view.class_sums)
    return [Subnetwork((top_neurons(scores, count),)) for (count,) in widths]


def alignment(class_sums: Tensor) -> Tensor:
    """Sum over classes of (sum_i y_i a_j(x_i))^2 [d]; y is 1 for the class and -1 for the others.

    class_sums [K, d]: see `ossum.pruning.scoring`.
    """
    return (2 * class_sums - class_sums.sum(dim=0)).square().sum(dim=0)
