"""Streaming passes of a whole split through a network, in blocks that fit in the cache."""

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ossum.datasets import Split
from ossum.networks import ACTIVATIONS, Network, Subnetwork
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


def input_batches(split: Split, label: str) -> Iterator[tuple[slice, Tensor]]:
    """Walk through `split` once: yields (rows, inputs float32 [n, m])."""
    for start in progress(range(0, len(split), BATCH_ROWS), label):
        rows = slice(start, min(start + BATCH_ROWS, len(split)))
        yield rows, split.batch(rows)


def hidden_blocks(network: Network, inputs: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """The last hidden layer for inputs [n, m], a block of neurons at a time.

    Yields (neurons, activations [n, neurons in the block]).
    """
    phi, _ = ACTIVATIONS[network.activation]
    for layer in range(len(network.weights) - 2):
        inputs = phi(network.weighted_sums(layer, inputs))
    last = network[-2:]
    for start in range(0, len(last.weights[0]), BLOCK_NEURONS):
        neurons = slice(start, min(start + BLOCK_NEURONS, len(last.weights[0])))
        bias = last.biases[0][neurons] if last.biases else None
        yield neurons, phi(F.linear(inputs, last.weights[0][neurons], bias))


def sum_by_class(network: Network, split: Split, cache: Tensor | None = None) -> Tensor:
    """S [K, h_L] in float64 by one forward pass; fills `cache` [N, h_L] on the way if given."""
    sums = torch.zeros(split.n_classes, network.hidden_widths[-1], dtype=torch.float64)
    for rows, inputs in input_batches(split, "forward pass"):
        labels = split.labels[rows]
        for neurons, activations in hidden_blocks(network, inputs):
            sums[:, neurons] += class_activation_sums(activations, labels, split.n_classes)
            if cache is not None:
                cache[rows, neurons] = activations
    return sums


def subnetwork_batches(
    network: Network, subnetworks: Sequence[Subnetwork], split: Split, label: str
) -> Iterator[tuple[int, slice, Tensor]]:
    """Walk through `split` once with all `subnetworks`, which share the first layer's activations.

    A subnetwork may describe the first one or more hidden layers only. Yields (index of the
    subnetwork, rows, activations [n, width] of the last hidden layer it describes).
    """
    uppers = [sub.of(network[: len(sub.kept) + 1])[1:] for sub in subnetworks]
    for rows, inputs in input_batches(split, label):
        first = network[:2].hidden(inputs)
        for i, (sub, upper) in enumerate(zip(subnetworks, uppers, strict=True)):
            yield i, rows, upper.hidden(first[:, sub.kept[0]])


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
    return max(float(x.norm(dim=1).max()) for _, x in input_batches(split, "norms of inputs"))
