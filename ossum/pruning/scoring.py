"""OSSuM scores of the neurons of the last hidden layer (section 3 of the paper).

A score needs two things: the class sums S[alpha, j] of the activations a_j over the training
examples of class alpha, which one forward pass gives (`ossum.networks.forward.class_sums`), and the
output weights w[k, j].
"""

from collections.abc import Callable

import torch
from torch import Tensor

# Class sums [K, d] and output weights [K, d] -> scores [d], higher is better.
NeuronScore = Callable[[Tensor, Tensor], Tensor]


def classwise_scores(class_sums: Tensor, output_weights: Tensor) -> Tensor:
    """Eq. 3: c[alpha, j] = S[alpha, j] * (K w[alpha, j] - sum_k w[k, j]).

    class_sums [K, d], output_weights [K, d] -> [K, d], in float64 so that ranks do not depend on
    rounding. ValueError if the shapes differ or a number is not finite.
    """
    if class_sums.shape != output_weights.shape:
        raise ValueError(
            "class sums and output weights must both be [K, d], "
            f"got {tuple(class_sums.shape)} and {tuple(output_weights.shape)}"
        )
    for tensor in (class_sums, output_weights):
        if not torch.isfinite(tensor).all():  # ranks would hide it
            raise ValueError("scores must be finite; check the weights and the data for NaN or inf")
    weights = output_weights.double()
    return class_sums.double() * (len(weights) * weights - weights.sum(dim=0))


def ossum_scores(class_sums: Tensor, output_weights: Tensor) -> Tensor:
    """Eq. 2, OSSuM: the sum over classes of Eq. 3. [K, d], [K, d] -> [d], higher is better.

    To first order in the logits, minus the change of the summed training loss when a set of neurons
    is kept is the sum of the scores of that set divided by K.
    """
    return classwise_scores(class_sums, output_weights).sum(dim=0)


def linear_ossum_scores(class_sums: Tensor, output_weights: Tensor) -> Tensor:
    """Eq. 4, Linear OSSuM: minus the sum over classes of the class-wise rank. -> [d]."""
    return -_ranks(classwise_scores(class_sums, output_weights)).sum(dim=0)


def log_ossum_scores(class_sums: Tensor, output_weights: Tensor) -> Tensor:
    """Eq. 5, Log OSSuM: minus the sum over classes of the logarithm of the rank. -> [d].

    The sums are rounded to nine decimals, so that equal products of ranks are ties, in whatever
    order the logarithms are summed.
    """
    logs = _ranks(classwise_scores(class_sums, output_weights)).log()
    return -logs.sum(dim=0).round(decimals=9)


def top_neurons(scores: Tensor, count: int) -> Tensor:
    """Algorithm 1: ascending indices of the `count` highest scores [d], ties to the lower index.

    There are always exactly `count` of them. ValueError if `count` is not in 1..d or a score is not
    finite.
    """
    if not 1 <= count <= len(scores):
        raise ValueError(f"cannot keep {count} of {len(scores)} neurons")
    if not torch.isfinite(scores).all():
        raise ValueError("scores must be finite; check the weights and the data for NaN or inf")
    order = torch.sort(scores, descending=True, stable=True).indices
    return order[:count].sort().values


# The scores by the name that a method has in `ossum.config.registry`.
SCORES: dict[str, NeuronScore] = {
    "ossum": ossum_scores,
    "linear-ossum": linear_ossum_scores,
    "log-ossum": log_ossum_scores,
}


def _ranks(scores: Tensor) -> Tensor:
    """Ordinal ranks in each row, 1 for the highest, ties to the lower index. [K, d] -> float64."""
    order = torch.sort(scores, dim=1, descending=True, stable=True).indices
    ranks = torch.arange(1, scores.shape[1] + 1, dtype=torch.float64).expand_as(order)
    return torch.empty_like(ranks).scatter_(1, order, ranks)
