"""Streaming passes of a whole split through a network, in batches that fit in memory."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ossum.datasets import Split
from ossum.networks import Network, Subnetwork
from ossum.progress import progress
from ossum.scoring import class_activation_sums

# Activations of one batch take at most this much memory: large enough for matrix products to run at
# full speed, small beside the weights of a wide network.
BATCH_BYTES = 256 * 2**20


def batch_rows(width: int) -> int:
    """Examples in one batch for layers of at most `width` neurons."""
    return max(64, min(4096, BATCH_BYTES // (4 * width)))


def hidden_batches(network: Network, split: Split, label: str) -> Iterator[tuple[slice, Tensor]]:
    """Walk through `split` once: yields (rows, activations [n, h_L] of the last hidden layer)."""
    rows = batch_rows(max(network.hidden_widths))
    for start in progress(range(0, len(split), rows), label):
        batch = slice(start, min(start + rows, len(split)))
        yield batch, network.hidden(split.batch(batch))


def sum_by_class(network: Network, split: Split, cache: Tensor | None = None) -> Tensor:
    """S [K, h_L] in float64 by one forward pass; fills `cache` [N, h_L] on the way if given."""
    sums = torch.zeros(split.n_classes, network.hidden_widths[-1], dtype=torch.float64)
    for rows, activations in hidden_batches(network, split, "forward pass"):
        sums += class_activation_sums(activations, split.labels[rows], split.n_classes)
        if cache is not None:
            cache[rows] = activations
    return sums


def subnetwork_batches(
    network: Network, subnetworks: Sequence[Subnetwork], split: Split, label: str
) -> Iterator[tuple[int, slice, Tensor]]:
    """Walk through `split` once with all `subnetworks`, which share the first layer's activations.

    A subnetwork may describe the first one or more hidden layers only. Yields (index of the
    subnetwork, rows, activations [n, width] of the last hidden layer it describes).
    """
    rows = batch_rows(max(network.hidden_widths))
    uppers = [sub.of(network[: len(sub.kept) + 1])[1:] for sub in subnetworks]
    for start in progress(range(0, len(split), rows), label):
        batch = slice(start, min(start + rows, len(split)))
        first = network[:2].hidden(split.batch(batch))
        for i, (sub, upper) in enumerate(zip(subnetworks, uppers, strict=True)):
            yield i, batch, upper.hidden(first[:, sub.kept[0]])


def sums_by_class(
    network: Network, subnetworks: Sequence[Subnetwork], split: Split
) -> list[Tensor]:
    """S [K, width] in float64 of the last hidden layer each of `subnetworks` describes."""
    sums = [
        torch.zeros(split.n_classes, sub.widths[-1], dtype=torch.float64) for sub in subnetworks
    ]
    for i, rows, activations in subnetwork_batches(network, subnetworks, split, "forward pass"):
        sums[i] += class_activation_sums(activations, split.labels[rows], split.n_classes)
    return sums


def largest_norms(network: Network, subnetworks: Sequence[Subnetwork], split: Split) -> list[float]:
    """The largest L2 norm, over examples, of what `sums_by_class` sums."""
    norms = [0.0] * len(subnetworks)
    for i, _, activations in subnetwork_batches(network, subnetworks, split, "norms of inputs"):
        norms[i] = max(norms[i], float(activations.norm(dim=1).max()))
    return norms


def largest_input_norm(split: Split) -> float:
    """The largest L2 norm of an input."""
    rows = batch_rows(split.batch(slice(0, 1)).shape[1])
    starts = range(0, len(split), rows)
    return max(float(split.batch(slice(s, s + rows)).norm(dim=1).max()) for s in starts)
