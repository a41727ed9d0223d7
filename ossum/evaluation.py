"""Test accuracy and loss of many subnetworks of one network in a single pass over the test set."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.architectures import count_weights
from ossum.datasets import Split
from ossum.forward import hidden_blocks, input_batches
from ossum.networks import Network, Subnetwork, contents

# Matrix products round the columns at a ragged edge differently. With whole blocks of columns, a
# subnetwork's logits do not depend, to the last bit, on how many others are evaluated beside it.
_HEAD_ROWS = 64


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
    everything = tuple(torch.arange(width) for width in network.hidden_widths)
    outgoing = zip(network.weights[1:], mask, strict=True)
    return Subnetwork(everything, {i: w * m for i, (w, m) in enumerate(outgoing, start=2)})


def evaluate(network: Network, subnetworks: Sequence[Subnetwork], split: Split) -> list[Score]:
    """Scores of subnetworks of `network`, in order.

    They share the activations of the first hidden layer. With one hidden layer the rest is one
    matrix product for all of them: output weights with zeros in place of pruned neurons, stacked
    [C K, d]. Deeper ones go on from their kept activations each by itself. The argument list may
    hold the same subnetwork twice (every method keeps all neurons at sparsity 0); it is computed
    once.
    """
    unique = {_identity(subnetwork): subnetwork for subnetwork in subnetworks}
    scores = dict(zip(unique, _evaluate(network, list(unique.values()), split), strict=True))
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


def _evaluate(network: Network, subnetworks: list[Subnetwork], split: Split) -> list[Score]:
    if len(network.hidden_widths) == 1:
        logits_of = _two_layer_logits(network, subnetworks)
    else:
        logits_of = _deep_logits(network, subnetworks)
    correct = torch.zeros(len(subnetworks), dtype=torch.int64)
    loss = torch.zeros(len(subnetworks), dtype=torch.float64)
    for rows, inputs in input_batches(split, "test pass"):
        logits = logits_of(inputs)
        labels = split.labels[rows].expand(len(subnetworks), -1)
        correct += (logits.argmax(dim=2) == labels).sum(dim=1)
        losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        loss += losses.view(len(subnetworks), -1).sum(dim=1, dtype=torch.float64)
    total = len(split)
    return [Score(int(c), total, float(x) / total) for c, x in zip(correct, loss, strict=True)]


def _two_layer_logits(
    network: Network, subnetworks: list[Subnetwork]
) -> Callable[[Tensor], Tensor]:
    """Function from inputs [n, m] to logits [C, n, K]: one matrix product for all subnetworks."""
    heads = _stacked_heads(network, subnetworks)
    n_classes = len(network.weights[-1])

    def logits_of(inputs: Tensor) -> Tensor:
        logits = torch.zeros(len(inputs), len(heads))
        for neurons, activations in hidden_blocks(network, inputs):
            logits.addmm_(activations, heads[:, neurons].T)
        logits = logits[:, : len(subnetworks) * n_classes]
        logits = logits.unflatten(1, (-1, n_classes)).transpose(0, 1)
        return logits + network.biases[-1] if network.biases else logits

    return logits_of


def _deep_logits(network: Network, subnetworks: list[Subnetwork]) -> Callable[[Tensor], Tensor]:
    """The same for more hidden layers: only the first one is shared."""
    rest = [subnetwork.of(network)[1:] for subnetwork in subnetworks]

    def logits_of(inputs: Tensor) -> Tensor:
        shared = network[:2].hidden(inputs)
        pairs = zip(subnetworks, rest, strict=True)
        return torch.stack([upper.logits(shared[:, sub.kept[0]]) for sub, upper in pairs])

    return logits_of


def _stacked_heads(network: Network, subnetworks: list[Subnetwork]) -> Tensor:
    """Output weights [C K, d] of subnetworks of a two-layer network, zero where pruned.

    Rows of zeros fill them up to a multiple of _HEAD_ROWS.
    """
    output = network.weights[1]
    used = len(subnetworks) * len(output)
    heads = torch.zeros(used + -used % _HEAD_ROWS, output.shape[1])
    for head, subnetwork in zip(heads.split(len(output)), subnetworks, strict=False):
        (kept,) = subnetwork.kept
        head[:, kept] = subnetwork.weights.get(2, output[:, kept])
    return heads
