"""Test accuracy and loss of many subnetworks of one network in a single pass over the test set."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.config.architectures import count_weights
from ossum.datasets import Split
from ossum.networks.forward import hidden_blocks, input_batches, layers_above
from ossum.networks.network import Kept, Network, Subnetwork, contents


@dataclass(frozen=True)
class Evaluation:
    """Correct predictions and mean cross-entropy (nats) over `total` examples."""

    correct: int
    total: int
    loss: float

    @property
    def accuracy(self) -> float:
        return self.correct / self.total

    @property
    def diverged(self) -> bool:
        """Whether the loss is not finite; the predictions mean nothing then."""
        return not isfinite(self.loss)

    def columns(self) -> dict[str, object]:
        """The columns of the result tables that say how good a network is."""
        if self.diverged:
            found: dict[str, object] = {"correct": None, "accuracy": None, "loss": None}
        else:
            found = {"correct": self.correct, "accuracy": self.accuracy, "loss": self.loss}
        return found | {"total": self.total, "diverged": self.diverged}


def evaluation_rows(
    network: Network, subnetworks: Sequence[Subnetwork], split: Split
) -> list[dict[str, object]]:
    """The columns of `ossum.storage.results.EVALUATIONS` without keys, train_loss and seconds.

    One row for each subnetwork. Where a subnetwork comes from a real-valued mask, `mask_accuracy`
    is the accuracy of the whole network under that mask, before it became 0/1.
    """
    masks = {contents(s.mask): masked(network, s.mask) for s in subnetworks if s.mask}
    evaluations = evaluate(network, [*subnetworks, *masks.values()], split)
    of_masks = dict(zip(masks, evaluations[len(subnetworks) :], strict=True))
    full, rows = network.layer_sizes, []
    for subnetwork, evaluation in zip(subnetworks, evaluations, strict=False):
        of_mask = of_masks[contents(subnetwork.mask)].accuracy if subnetwork.mask else None
        rows.append(row_of(full, (full[0], *subnetwork.widths, full[-1]), evaluation, of_mask))
    return rows


def evaluate_networks(
    networks: Sequence[Network], full: tuple[int, ...], split: Split
) -> list[dict[str, object]]:
    """The same rows for small networks, which training has made of pruned ones.

    full: the layer sizes before pruning. A network that is in the list twice is evaluated once.
    """
    found = {
        key: evaluate(network, [Subnetwork(_everything(network))], split)[0]
        for key, network in {id(network): network for network in networks}.items()
    }
    return [row_of(full, network.layer_sizes, found[id(network)]) for network in networks]


def row_of(
    full: tuple[int, ...],
    kept: tuple[int, ...],
    evaluation: Evaluation,
    mask_accuracy: float | None = None,
) -> dict[str, object]:
    """Such a row, from the layer sizes (input, hidden ..., classes) before and after pruning."""
    all_weights, kept_weights = count_weights(full), count_weights(kept)
    return {
        "widths": list(kept[1:-1]),
        "weight_sparsity": 1 - kept_weights / all_weights,
        "compression": all_weights / kept_weights,
        "macs": kept_weights,
        **evaluation.columns(),
        "mask_accuracy": mask_accuracy,
    }


def masked(network: Network, mask: Sequence[Tensor]) -> Subnetwork:
    """The whole network with its hidden activations multiplied by real values [h_l] a layer."""
    outgoing = zip(network.weights[1:], mask, strict=True)
    return Subnetwork(
        _everything(network), {i: w * m for i, (w, m) in enumerate(outgoing, start=2)}
    )


def evaluate(network: Network, subnetworks: Sequence[Subnetwork], split: Split) -> list[Evaluation]:
    """Evaluations of subnetworks of `network`, in order, on the device of the split.

    Subnetworks that keep the same neurons of all hidden layers but the last share these layers and
    the whole last one (`ossum.networks.forward.layers_above` says what others share). The output
    weights of all of them are stacked on top, with zeros in place of pruned neurons. A subnetwork
    with replaced hidden weights is evaluated by itself. Equal subnetworks (at sparsity 0 every
    method keeps all neurons) are evaluated once.
    """
    unique = {_identity(subnetwork): subnetwork for subnetwork in subnetworks}
    sharing = {key: s for key, s in unique.items() if s.weights.keys() <= {len(network.weights)}}
    found = dict(zip(sharing, _evaluate(network, list(sharing.values()), split), strict=True))
    for key in unique.keys() - sharing.keys():
        small = unique[key].of(network)
        (found[key],) = _evaluate(small, [Subnetwork(_everything(small))], split)
    return [found[_identity(subnetwork)] for subnetwork in subnetworks]


def _identity(subnetwork: Subnetwork) -> tuple:
    return (id(subnetwork),) if subnetwork.weights else contents(subnetwork.kept)


def _everything(network: Network) -> Kept:
    return tuple(torch.arange(width) for width in network.hidden_widths)


def _evaluate(network: Network, subnetworks: list[Subnetwork], split: Split) -> list[Evaluation]:
    """Evaluate different subnetworks, of which only output weights are replaced, in one pass."""
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
    for reduced, rows, inputs in input_batches(network, split, "test pass") if members else ():
        for group, layer, below in layers_above(reduced, lower, inputs):
            here = members[group]
            logits = _logits(layer, below, heads[group])
            labels = split.labels[rows].expand(len(here), -1)
            correct[here] += (logits.argmax(dim=2) == labels).sum(dim=1)
            losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
            loss[here] += losses.view(len(here), -1).sum(dim=1, dtype=torch.float64)
    total = len(split)
    pairs = zip(correct.cpu().tolist(), loss.cpu().tolist(), strict=True)
    return [Evaluation(c, total, x / total) for c, x in pairs]


def _logits(layer: Network, inputs: Tensor, heads: Tensor) -> Tensor:
    """Logits [C, n, K] of output layers `heads` [C, K, d] on a hidden layer of d neurons."""
    logits = heads.new_zeros(len(inputs), heads.shape[0] * heads.shape[1])
    for neurons, activations in hidden_blocks(layer, inputs):
        logits.addmm_(activations, heads[:, :, neurons].flatten(0, 1).T)
    by_head = logits.unflatten(1, heads.shape[:2]).transpose(0, 1)
    return by_head + layer.biases[-1] if layer.biases else by_head


def _stacked_heads(network: Network, subnetworks: list[Subnetwork]) -> Tensor:
    """Output weights [C, K, d] of C subnetworks, zero where a neuron is pruned."""
    output = network.weights[-1]
    heads = output.new_zeros(len(subnetworks), *output.shape)
    for head, subnetwork in zip(heads, subnetworks, strict=True):
        kept = subnetwork.kept[-1]
        head[:, kept] = subnetwork.weights.get(len(network.weights), output[:, kept])
    return heads
