"""Test accuracy and loss of many subnetworks of one network in a single pass over the test set."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.architectures import count_weights
from ossum.datasets import Split
from ossum.forward import batch_rows
from ossum.networks import Network, Subnetwork, contents
from ossum.progress import progress


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
    heads = _stacked_heads(network, subnetworks) if len(network.hidden_widths) == 1 else None
    small = [subnetwork.of(network) for subnetwork in subnetworks] if heads is None else []
    correct = torch.zeros(len(subnetworks), dtype=torch.int64)
    loss = torch.zeros(len(subnetworks), dtype=torch.float64)
    rows = batch_rows(max(network.hidden_widths))
    for start in progress(range(0, len(split), rows), "test pass"):
        batch = slice(start, min(start + rows, len(split)))
        first = network[:2].hidden(split.batch(batch))
        if heads is not None:
            logits = (first @ heads.T).view(len(first), len(subnetworks), -1).transpose(0, 1)
            if network.biases:
                logits = logits + network.biases[-1]
        else:
            logits = torch.stack(
                [
                    net[1:].logits(first[:, sub.kept[0]])
                    for sub, net in zip(subnetworks, small, strict=True)
                ]
            )
        labels = split.labels[batch].expand(len(subnetworks), -1)
        correct += (logits.argmax(dim=2) == labels).sum(dim=1)
        losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        loss += losses.view(len(subnetworks), -1).sum(dim=1, dtype=torch.float64)
    total = len(split)
    return [Score(int(c), total, float(x) / total) for c, x in zip(correct, loss, strict=True)]


def _stacked_heads(network: Network, subnetworks: list[Subnetwork]) -> Tensor:
    """Output weights [C K, d] of subnetworks of a two-layer network, zero where pruned."""
    output = network.weights[1]
    heads = torch.zeros(len(subnetworks), *output.shape)
    for head, subnetwork in zip(heads, subnetworks, strict=True):
        (kept,) = subnetwork.kept
        head[:, kept] = subnetwork.weights.get(2, output[:, kept])
    return heads.flatten(0, 1)
