"""Greedy forward selection: from nothing, add the neuron that lowers the loss most, and again.

Ye, Gong, Nie, Zhou, Klivans and Liu, "Good subnetworks provably exist: pruning via greedy forward
selection", ICML 2020. Their network is the mean of its neurons, so n kept neurons of d give the
logits (d/n) sum_j w_j a_j. This scale changes no prediction, but the loss, as an inverse
temperature does. Like theirs, each step looks at a batch of its own. They prune trained networks,
may take a neuron several times, and fine-tune what is left; here a neuron is taken once, because
widths are exact.

Each step evaluates the loss with every other neuron added. For n neurons of d, K classes and
batches of B, that takes n d B K exponentials: it is for FC-1000 and, with patience, for FC-10000.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ossum.networks.network import Network, Subnetwork, Widths
from ossum.networks.rng import stream
from ossum.progress import progress
from ossum.pruning.view import TrainingView

_ROWS = 256
_BLOCK = 4096  # neurons that are tried at once


def greedy_forward(
    network: Network, widths: Sequence[Widths], view: TrainingView
) -> list[Subnetwork]:
    """One hidden layer: the first neurons of one greedy order. Ties go to the lower index."""
    full = network.hidden_widths[-1]
    counts = [count for (count,) in widths]
    most = max((count for count in counts if count < full), default=0)
    order = _order(network, most, view)
    everything = torch.arange(full)
    return [
        Subnetwork((order[:count].sort().values if count < full else everything,))
        for count in counts
    ]


def _order(network: Network, most: int, view: TrainingView) -> Tensor:
    device, width = view.split.device, network.hidden_widths[-1]
    output = network.weights[-1].to(device)
    bias = network.biases[-1].to(device) if network.biases else output.new_zeros(len(output))
    read, generator = view.activation_reader(_ROWS), stream(view.seed, "greedy batches")
    chosen = torch.empty(most, dtype=torch.int64, device=device)
    taken = torch.zeros(width, dtype=torch.bool, device=device)
    for step in progress(range(most), "greedy selection"):
        rows = torch.randint(len(view.split), (_ROWS,), generator=generator).to(device)
        activations, labels = read(rows), view.split.labels.index_select(0, rows)
        so_far = chosen[:step]
        kept = activations.index_select(1, so_far) @ output.index_select(1, so_far).T
        losses = added_losses(kept, activations, labels, output, bias, width / (step + 1))
        best = losses.masked_fill(taken, torch.inf).argmin()
        chosen[step] = best
        taken.index_fill_(0, best, True)
    return chosen.cpu()


def added_losses(
    kept: Tensor, activations: Tensor, labels: Tensor, output: Tensor, bias: Tensor, scale: float
) -> Tensor:
    """Mean cross-entropy [d] if each neuron were added to those that are kept.

    kept: their part of the logits, [n, K]. activations [n, d], labels int64 [n], output [K, d],
    bias [K]. Logits are scale times the sum over neurons, plus the bias.
    """
    losses = []
    targets = labels[None, :, None]
    for start in range(0, output.shape[1], _BLOCK):
        block = slice(start, start + _BLOCK)
        logits = output[:, None, block] * activations[None, :, block]  # [K, n, neurons]
        logits.add_(kept.T[:, :, None]).mul_(scale).add_(bias[:, None, None])
        right = logits.gather(0, targets.expand(1, -1, logits.shape[2]))[0]
        losses.append((logits.logsumexp(dim=0) - right).mean(dim=0))
    return torch.cat(losses)
