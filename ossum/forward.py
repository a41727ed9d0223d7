"""Streaming passes of a whole split through a network, in blocks that fit in the cache."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ossum.datasets import Split
from ossum.networks import ACTIVATIONS, Network
from ossum.progress import progress
from ossum.scoring import class_activation_sums

# Last-hidden-layer activations, float32 [n, d], of the training examples int64 [n]. The result is
# overwritten by the next call.
Activations = Callable[[Tensor], Tensor]

# Examples in a batch and neurons in a block. A block of activations (16 MiB) stays in the
# processor's cache between its matrix product and what is done with it, and its memory is reused
# from block to block; a whole wide layer at once would spend a fifth of the time on fresh pages.
BATCH_ROWS = 1024
BLOCK_NEURONS = 4096


def batches(split: Split, label: str) -> Iterator[tuple[slice, Tensor]]:
    """Walk through `split` once: yields (rows, inputs float32 [n, m])."""
    for start in progress(range(0, len(split), BATCH_ROWS), label):
        rows = slice(start, min(start + BATCH_ROWS, len(split)))
        yield rows, split.batch(rows)


def hidden_blocks(network: Network, inputs: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """The last hidden layer for inputs [n, m], a block of neurons at a time.

    Yields (neurons, activations [n, neurons in the block]).
    """
    below, (last, _) = network.weights[:-2], network.weights[-2:]
    phi, _ = ACTIVATIONS[network.activation]
    for weights in below:
        inputs = phi(inputs @ weights.T)
    for start in range(0, len(last), BLOCK_NEURONS):
        neurons = slice(start, min(start + BLOCK_NEURONS, len(last)))
        yield neurons, phi(inputs @ last[neurons].T)


def sum_by_class(network: Network, split: Split, cache: Tensor | None = None) -> Tensor:
    """S [K, h_L] in float64 by one forward pass; fills `cache` [N, h_L] on the way if given."""
    sums = torch.zeros(split.n_classes, network.hidden_widths[-1], dtype=torch.float64)
    for rows, inputs in batches(split, "forward pass"):
        labels = split.labels[rows]
        for neurons, activations in hidden_blocks(network, inputs):
            sums[:, neurons] += class_activation_sums(activations, labels, split.n_classes)
            if cache is not None:
                cache[rows, neurons] = activations
    return sums
