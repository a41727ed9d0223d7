"""Streaming passes of a whole split through a network, in batches that fit in memory."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ossum.datasets import Split
from ossum.networks import Network
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
