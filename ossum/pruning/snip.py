"""SNIP for neurons: keep those that the loss is most sensitive to.

Lee, Ajanthan and Torr, "SNIP: single-shot network pruning based on connection sensitivity", ICLR
2019. Their masks are of weights, ours of the hidden neurons: one mask value m_j multiplies each
activation, and the sensitivity is dL/dm_j at m = 1, L being the mean cross-entropy. They look at
one batch, this at all training examples. Iterated, it is SNIP-it (Verdenius, Stol and Forre,
"Pruning via iterative ranking of sensitivity statistics", 2020): the sensitivity is taken again
after some neurons are gone. They take few steps to one size; here each step removes a sixth of what
is left, so that one path serves all sizes.

SNIP takes absolute values. A neuron whose removal lowers the loss then counts as much as one whose
removal raises it. `signed` methods keep those whose removal raises it most. OSSuM's score is the
same at m = 0, where the softmax is uniform: with small logits the two agree.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.networks.forward import Activations
from ossum.networks.network import Network, Subnetwork, Widths
from ossum.progress import progress
from ossum.pruning.scoring import top_neurons
from ossum.pruning.view import TrainingView

_ROWS = 1024
# What a step leaves: four steps halve the layer.
_LEFT = 2 ** (-1 / 4)


def snip(network: Network, widths: Sequence[Widths], view: TrainingView) -> list[Subnetwork]:
    """One hidden layer: keep the largest |dL/dm|, of the whole network."""
    return _one_shot(network, widths, view, torch.abs)


def snip_signed(network: Network, widths: Sequence[Widths], view: TrainingView) -> list[Subnetwork]:
    """One hidden layer: keep the most negative dL/dm, of the whole network."""
    return _one_shot(network, widths, view, torch.neg)


def snip_iterative(
    network: Network, widths: Sequence[Widths], view: TrainingView
) -> list[Subnetwork]:
    """The same as `snip`, a sixth of the neurons at a time."""
    return _iterative(network, widths, view, torch.abs)


def snip_signed_iterative(
    network: Network, widths: Sequence[Widths], view: TrainingView
) -> list[Subnetwork]:
    """The same as `snip_signed`, a sixth of the neurons at a time."""
    return _iterative(network, widths, view, torch.neg)


def mask_gradient(network: Network, kept: Tensor, read: Activations, view: TrainingView) -> Tensor:
    """dL/dm [k], float64, of the kept neurons [k] of one hidden layer; the others are silent.

    With delta = softmax - onehot, it is the mean over examples of a_j sum_k delta_k w_kj.
    """
    labels, device = view.split.labels, view.split.device
    everything = len(kept) == network.hidden_widths[-1]
    kept = kept.to(device)
    output = network.weights[-1].to(device).index_select(1, kept)
    bias = network.biases[-1].to(device) if network.biases else None
    total = torch.zeros(output.shape, dtype=torch.float64, device=device)
    rows = torch.arange(len(labels), device=device)
    for some in progress(rows.split(_ROWS), "sensitivities"):
        activations = read(some)
        if not everything:
            activations = activations.index_select(1, kept)
        delta = F.softmax(F.linear(activations, output, bias), dim=1)
        targets = labels.index_select(0, some)[:, None]
        delta.scatter_add_(1, targets, delta.new_full((), -1.0).expand(targets.shape))
        total += delta.T @ activations
    return (total * output).sum(dim=0).cpu() / len(labels)


def _one_shot(
    network: Network,
    widths: Sequence[Widths],
    view: TrainingView,
    score: Callable[[Tensor], Tensor],
) -> list[Subnetwork]:
    everything = torch.arange(network.hidden_widths[-1])
    scores = score(mask_gradient(network, everything, view.activation_reader(_ROWS), view))
    return [Subnetwork((top_neurons(scores, count),)) for (count,) in widths]


def _iterative(
    network: Network,
    widths: Sequence[Widths],
    view: TrainingView,
    score: Callable[[Tensor], Tensor],
) -> list[Subnetwork]:
    """A size is reached from the step before it, so it does not depend on what else is wanted."""
    full = network.hidden_widths[-1]
    chosen = {full: torch.arange(full)}
    wanted = sorted({count for (count,) in widths} - {full}, reverse=True)
    for kept, scores in _path(network, view, score) if wanted else ():
        while wanted and wanted[0] > _next_size(len(kept)):
            count = wanted.pop(0)
            chosen[count] = kept[top_neurons(scores, count)]
        if not wanted:
            break
    return [Subnetwork((chosen[count],)) for (count,) in widths]


def _path(
    network: Network, view: TrainingView, score: Callable[[Tensor], Tensor]
) -> Iterator[tuple[Tensor, Tensor]]:
    """The neurons that are left at each step, and their scores."""
    kept, read = torch.arange(network.hidden_widths[-1]), view.activation_reader(_ROWS)
    while len(kept):
        scores = score(mask_gradient(network, kept, read, view))
        yield kept, scores
        kept = kept[top_neurons(scores, _next_size(len(kept)))]


def _next_size(size: int) -> int:
    return min(size - 1, int(size * _LEFT))
