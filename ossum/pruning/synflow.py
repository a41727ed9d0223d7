"""SynFlow for neurons: keep those through which most can flow; no data are looked at.

Tanaka, Kunin, Yamins and Ganguli, "Pruning neural networks without any data by iteratively
conserving synaptic flow", NeurIPS 2020. R is the sum of the outputs, for inputs of ones, of the
network with absolute weights and no nonlinearities. Their score of a weight is that weight times
dR/dw; ours, of a neuron, is the same of its mask value, which is the sum over its outgoing weights.
They rank all layers together. Here each layer has its own number of neurons to keep, as for all
methods, so that no layer can collapse, which is what the iterations are for; in deep networks they
still change which neurons are kept. Biases are left out.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ossum.networks.network import Network, Subnetwork, Widths
from ossum.pruning.scoring import top_neurons
from ossum.pruning.view import TrainingView

_ROUNDS = 100


def synflow(network: Network, widths: Sequence[Widths], view: TrainingView) -> list[Subnetwork]:
    """Prune in 100 rounds, each by the same factor; in one if there is one hidden layer, whose
    scores do not depend on what else is kept."""
    weights = [weights.abs().double() for weights in network.weights]
    rounds = _ROUNDS if len(network.hidden_widths) > 1 else 1
    return [_prune(weights, wanted, rounds) for wanted in widths]


def flows(weights: Sequence[Tensor], masks: Sequence[Tensor]) -> list[Tensor]:
    """m_j dR/dm_j [h_l] of each hidden layer, but for a factor that the neurons of a layer share.

    weights: absolute, [outputs, inputs]. masks: 0 or 1, [h_l].
    """
    upward = [torch.ones(weights[0].shape[1], dtype=torch.float64)]
    for matrix, mask in zip(weights, masks, strict=False):
        flow = (matrix @ upward[-1]) * mask
        upward.append(flow / flow.sum())  # it would grow by the width of each layer
    downward = [torch.ones(len(weights[-1]), dtype=torch.float64)]
    for matrix, mask in zip(weights[:0:-1], masks[::-1], strict=True):
        flow = (matrix.T @ downward[0]) * mask
        downward.insert(0, flow / flow.sum())
    return [up * down for up, down in zip(upward[1:], downward, strict=False)]


def _prune(weights: Sequence[Tensor], wanted: Widths, rounds: int) -> Subnetwork:
    full = [len(matrix) for matrix in weights[:-1]]
    masks = [torch.ones(width, dtype=torch.float64) for width in full]
    kept = [torch.arange(width) for width in full]
    for step in range(1, rounds + 1):
        scores = flows(weights, masks)
        for layer, (width, count) in enumerate(zip(full, wanted, strict=True)):
            size = round(width * (count / width) ** (step / rounds))
            kept[layer] = kept[layer][top_neurons(scores[layer][kept[layer]], size)]
            masks[layer] = torch.zeros(width, dtype=torch.float64).index_fill(0, kept[layer], 1)
    return Subnetwork(tuple(kept))
