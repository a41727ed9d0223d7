"""Test accuracy and loss of many subnetworks of one network in a single pass over the test set."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.architectures import count_weights
from ossum.datasets import Split
from ossum.forward import hidden_blocks, input_batches, layers_above
from ossum.networks import Kept, Network, Subnetwork, contents

# Output weights are multiplied so many rows at a time. How a matrix product sums depends on its
# shape; with one shape for all, a subnetwork's logits do not depend, to the last bit, on how many
# others are evaluated beside it. (Several hundred rows at once would take about 0.9 of the time.)
HEAD_ROWS = 64


@dataclass(frozen=True)
class Score:
    """Correct predictions and mean cross-entropy (nats) over `total` examples."""

    correct: int
    total: int
    loss: float

    @property
    def accuracy(self) -> float:
        return self.correct / self.total


def evaluate_cells(
    network: Network, subnetworks: Sequence[Subnetwork], split: Split
) -> list[dict[str, object]]:
    """The size and score columns of the result tables, one dict for each subnetwork.

    Where a subnetwork comes from a real-valued mask, `mask_accuracy` is the accuracy of the whole
    network under that mask, before it became 0/1.
    """
    masks = {contents(s.mask): masked(network, s.mask) for s in subnetworks if s.mask}
    scores = evaluate(network, [*subnetworks, *masks.values()], split)
    mask_scores = dict(zip(masks, scores[len(subnetworks) :], strict=True))
    full = network.layer_sizes
    rows = []
    for subnetwork, score in zip(subnetworks, scores, strict=False):
        row = accounting(full, (full[0], *subnetwork.widths, full[-1]))
        row |= asdict(score) | {"accuracy": score.accuracy}
        if subnetwork.mask:
            row["mask_accuracy"] = mask_scores[contents(subnetwork.mask)].accuracy
        rows.append(row)
    return rows


def masked(network: Network, mask: Sequence[Tensor]) -> Subnetwork:
    """The whole network with its hidden activations multiplied by real values [h_l] a layer."""
    outgoing = zip(network.weights[1:], mask, strict=True)
    return Subnetwork(
        _everything(network), {i: w * m for i, (w, m) in enumerate(outgoing, start=2)}
    )


def evaluate(network: Network, subnetworks: Sequence[Subnetwork], split: Split) -> list[Score]:
    """Scores of subnetworks of `network`, in order.

    Those that keep the same neurons of all hidden layers but the last share these layers, and the
    last one too: on top of it are the output weights of all of them, with zeros in place of pruned
    neurons (see `ossum.forward.layers_above` for what others share). One with
    replaced hidden weights is evaluated by itself. The argument list may hold the same subnetwork
    twice (every method keeps all neurons at sparsity 0); it is computed once. All on the device of
    the split.
    """
    unique = {_identity(subnetwork): subnetwork for subnetwork in subnetworks}
    sharing = {key: s for key, s in unique.items() if s.weights.keys() <= {len(network.weights)}}
    scores = dict(zip(sharing, _evaluate(network, list(sharing.values()), split), strict=True))
    for key in [key for key in unique if key not in sharing]:
        small = unique[key].of(network)
        (scores[key],) = _evaluate(small, [Subnetwork(_everything(small))], split)
    return [scores[_identity(subnetwork)] for subnetwork in subnetworks]


def accounting(full: tuple[int, ...], kept: tuple[int, ...]) -> dict[str, object]:
    """Size columns of the result tables from the layer sizes (input, hidden ..., classes)."""
    all_weights, kept_weights = count_weights(full), count_weights(kept)
    return {
        "widths": list(kept[1:-1]),
        "weight_sparsity": 1 - kept_weights / all_weights,
        "compression": all_weights / kept_weights,
        "madds": kept_weights,
    }


def _identity(subnetwork: Subnetwork) -> tuple:
    return (id(subnetwork),) if subnetwork.weights else contents(subnetwork.kept)


def _everything(network: Network) -> Kept:
    return tuple(torch.arange(width) for width in network.hidden_widths)


def _evaluate(network: Network, subnetworks: list[Subnetwork], split: Split) -> list[Score]:
    """The same in one pass for different subnetworks. Only output weights may be replaced."""
    groups: dict[tuple[bytes, ...], list[int]] = {}
    for i, subnetwork in enumerate(subnetworks):
        groups.setdefault(contents(subnetwork.kept[:-1]), []).append(i)
    members = list(groups.values())
    lower = [subnetworks[i].kept[:-1] for i, *_ in members]
    heads = [_stacked_heads(network, [subnetworks[i] for i in m]) for m in members]
    network = network.to(split.device)
    heads = [head.to(split.device) for head in heads]
    correct = torch.zeros(len(subnetworks), dtype=torch.int64, device=split.device)
    loss = torch.zeros(len(subnetworks), dtype=torch.float64, device=split.device)
    for rows, inputs in input_batches(split, "test pass") if members else ():
        for group, layer, below in layers_above(network, lower, inputs):
            here = members[group]
            logits = _logits(layer, below, heads[group], len(here))
            labels = split.labels[rows].expand(len(here), -1)
            correct[here] += (logits.argmax(dim=2) == labels).sum(dim=1)
            losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
            loss[here] += losses.view(len(here), -1).sum(dim=1, dtype=torch.float64)
    total = len(split)
    pairs = zip(correct.cpu().tolist(), loss.cpu().tolist(), strict=True)
    return [Score(c, total, x / total) for c, x in pairs]


def _logits(layer: Network, inputs: Tensor, heads: Tensor, count: int) -> Tensor:
    """Logits [C, n, K] of the first C = `count` output layers of `heads` on a hidden layer."""
    logits = inputs.new_zeros(len(inputs), len(heads))
    for neurons, activations in hidden_blocks(layer, inputs):
        for part, rows in zip(logits.split(HEAD_ROWS, 1), heads.split(HEAD_ROWS), strict=True):
            part.addmm_(activations, rows[:, neurons].T)
    n_classes = len(layer.weights[-1])
    logits = logits[:, : count * n_classes].unflatten(1, (count, n_classes)).transpose(0, 1)
    return logits + layer.biases[-1] if layer.biases else logits


def _stacked_heads(network: Network, subnetworks: list[Subnetwork]) -> Tensor:
    """Output weights [C K, d], one below the other, zero where a neuron is pruned.

    Rows of zeros fill them up to a multiple of HEAD_ROWS.
    """
    output = network.weights[-1]
    used = len(subnetworks) * len(output)
    heads = torch.zeros(used + -used % HEAD_ROWS, output.shape[1])
    for head, subnetwork in zip(heads.split(len(output)), subnetworks, strict=False):
        kept = subnetwork.kept[-1]
        head[:, kept] = subnetwork.weights.get(len(network.weights), output[:, kept])
    return heads
