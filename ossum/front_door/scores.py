"""The scores by which pruning methods rank neurons."""

import torch
from torch import Tensor

from ossum.config.registry import METHODS
from ossum.networks.network import Network
from ossum.pruning import prune_network
from ossum.pruning.norm import neuron_norms
from ossum.pruning.prune_and_build import output_weights
from ossum.pruning.scoring import SCORES
from ossum.pruning.view import TrainingView


def score_network(method: str, network: Network, view: TrainingView) -> list[Tensor]:
    """The scores [h] of the neurons of each hidden layer, higher is better, with nothing pruned.

    ValueError for a method that has none, or that cannot prune this depth.
    """
    spec = METHODS.get(method)
    (whole,) = prune_network(method, network, [network.hidden_widths], view)  # checks both
    if whole.mask:
        return list(whole.mask)
    last = len(network.hidden_widths)
    if method == "norm-outgoing":
        return [weights.norm(dim=0) for weights in network.weights[1:]]
    if method != "norm" and not (spec and spec.score):
        raise ValueError(f"method {method!r} has no scores of neurons")

    def of_layer(layer: int) -> Tensor:
        by_norm = spec.function in ("norm", "norm_then_score") and (layer < last or not spec.score)
        if by_norm:
            return neuron_norms(network, layer)
        below = tuple(torch.arange(width) for width in network.hidden_widths[: layer - 1])
        (sums,) = view.class_sums_above([below])
        return SCORES[spec.score](sums, output_weights(network, layer, view.seed))

    return [of_layer(layer) for layer in range(1, last + 1)]
