"""Streaming passes of a whole split through a network, in blocks that fit in the cache.

A pass runs on the device of the split. Networks and kept neurons may be on any device; results are
on the processor.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ossum.datasets import Split
from ossum.networks.network import Kept, Network, Subnetwork, contents, linear
from ossum.networks.pixel_weights import PixelWeights, bytes_are_fast, pixel_weights, shifted
from ossum.progress import progress

# A function from training examples, int64 [n], to their activations of the last hidden layer,
# float32 [n, d]. The next call overwrites its result.
Activations = Callable[[Tensor], Tensor]

# Examples in a batch and neurons in a block. A block of activations (16 MiB) stays in the
# processor's cache between its matrix product and its use, and all blocks share the same memory; a
# whole wide layer at once would spend a fifth of the time on fresh pages.
BATCH_ROWS = 1024
BLOCK_NEURONS = 4096


class CachedActivations:
    """Reads rows of a table of activations, float16 [N, d], as float32 [n, d].

    places: where each example is in the table, int64 [N], if not in its own place.
    on_read: is told how many rows are read.

    Each call fills the same arrays: fresh ones of this size would cost more than filling them,
    because the system hands out their pages one by one.
    """

    def __init__(self, table: Tensor, places: Tensor | None, most_rows: int):
        self.table = table
        self.on_read: Callable[[int], None] = lambda n: None
        self._places, self._most_rows = places, most_rows
        self._arrays: tuple[Tensor, Tensor] | None = None

    def find(self, rows: Tensor) -> Tensor:
        """Rows of the table, int64 [n], of these examples, which are about to be read."""
        self.on_read(len(rows))
        return rows if self._places is None else self._places[rows]

    def __call__(self, rows: Tensor) -> Tensor:
        if self._arrays is None:
            half = self.table.new_empty(self._most_rows, self.table.shape[1])
            self._arrays = half, half.float()
        n, (half, full) = len(rows), self._arrays
        torch.index_select(self.table, 0, self.find(rows), out=half[:n])
        return full[:n].copy_(half[:n])


def input_batches(
    network: Network, split: Split, label: str
) -> Iterator[tuple[Network, slice | Tensor, Tensor]]:
    """Walk through `split` once; yields (network, rows, inputs [n, c]).

    Use the network that comes with a batch: its first layer is made for these inputs, and gives
    what `network` makes of the examples. Inputs are float32, or bytes where the processor is faster
    at these (`ossum.networks.pixel_weights`). Pixels that are blank in all images of the batch are
    left out, so c <= m inputs are left. With b the input of a blank pixel, a weighted sum is

        sum_i w[j, i] x[i] = b sum_i w[j, i] + sum_(i not blank) w[j, i] (x[i] - b).

    Rows are a slice or int64 [n]: examples that use the same pixels come together.
    """
    order = split.blanks_last
    layer = _BytesLayer.of(network, split) if _use_bytes(split) else None
    layer = layer or _Float32Layer(network, split)
    for start in progress(range(0, len(split), BATCH_ROWS), label):
        stop = min(start + BATCH_ROWS, len(split))
        rows = slice(start, stop) if order is None else order.examples[start:stop]
        used = network.layer_sizes[0] if order is None else order.used[stop - 1]
        first, constant, inputs = layer.batch(rows, used)
        yield _with_first_layer(network, first, constant), rows, inputs


def _use_bytes(split: Split) -> bool:
    return split.fills_bytes and split.device.type == "cpu" and bytes_are_fast()


class _Float32Layer:
    """The first layer for float32 inputs, without the pixels that no image uses."""

    def __init__(self, network: Network, split: Split):
        self._split, self._pixels = split, _used_pixels(split)
        self._weights, self._constant = network.weights[0], None
        if self._pixels is not None:
            self._weights = self._weights.index_select(1, self._pixels)
            self._constant = _of_blanks(network, split.blank).float()

    def batch(self, rows: slice | Tensor, used: int) -> tuple[Tensor, Tensor | None, Tensor]:
        """Weights [h, used], what takes the place of the bias [h], and inputs [n, used], for a
        batch that uses the first `used` pixels alone."""
        inputs = self._split.batch(rows)
        if self._pixels is not None:
            inputs = inputs.index_select(1, self._pixels[:used]).sub_(self._split.blank)
        return self._weights[:, :used], self._constant, inputs


class _BytesLayer:
    """The same for bytes. Batches must use ever more pixels, as they do."""

    def __init__(self, weights: PixelWeights, constant: Tensor, split: Split):
        self._weights, self._constant, self._split = weights, constant, split
        self._pixels, self._seen = _used_pixels(split), 0

    @classmethod
    def of(cls, network: Network, split: Split) -> "_BytesLayer | None":
        """None where the weights cannot be integers."""
        weights = pixel_weights(network.weights[0], _used_pixels(split), split.step)
        if weights is None:
            return None
        return cls(weights, _of_blanks(network, split.blank), split)

    def batch(self, rows: slice | Tensor, used: int) -> tuple[PixelWeights, Tensor, Tensor]:
        self._constant += self._weights.offsets(self._seen, used)
        self._seen = used
        pixels = self._split.pixels(rows)
        if self._pixels is not None:
            pixels = pixels.index_select(1, self._pixels[:used])
        return self._weights.of_first(used), self._constant.float(), shifted(pixels)


def _used_pixels(split: Split) -> Tensor | None:
    """Those that some image uses, in the order of passes; None for all."""
    order = split.blanks_last
    return None if order is None else order.pixels[: order.used[-1]]


def _of_blanks(network: Network, blank: float) -> Tensor:
    """Weighted sums of the first layer, float64 [h_1], for an image that is blank."""
    # In blocks, because torch copies all that it sums in float64.
    blocks = network.weights[0].split(BLOCK_NEURONS)
    sums = torch.cat([w.sum(dim=1, dtype=torch.float64) for w in blocks]).mul_(blank)
    return sums + network.biases[0] if network.biases else sums


def _with_first_layer(
    network: Network, first: Tensor | PixelWeights, constant: Tensor | None
) -> Network:
    """The network with these weights in the first layer, and this in the place of its bias."""
    weights = (first, *network.weights[1:])
    if constant is None:
        return replace(network, weights=weights)
    others = network.biases[1:] or tuple(w.new_zeros(len(w)) for w in weights[1:])
    return replace(network, weights=weights, biases=(constant, *others))


def hidden_blocks(network: Network, inputs: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """The last hidden layer for inputs [n, m], a block of neurons at a time.

    Yields (neurons, activations [n, neurons in the block]).
    """
    for layer in range(len(network.weights) - 2):
        inputs = network.activate(layer, network.weighted_sums(layer, inputs))
    last = network[-2:]
    for start in range(0, len(last.weights[0]), BLOCK_NEURONS):
        neurons = slice(start, min(start + BLOCK_NEURONS, len(last.weights[0])))
        bias = last.biases[0][neurons] if last.biases else None
        sums = linear(inputs, last.weights[0][neurons], bias)
        yield neurons, last.activate(0, sums, neurons)


def class_activation_sums(activations: Tensor, labels: Tensor, n_classes: int) -> Tensor:
    """S[alpha, j]: the sum of a_j over the examples of class alpha.

    activations [N, d], labels int64 [N] in 0..n_classes-1 -> [n_classes, d], in the dtype of
    `activations`. The sums of disjoint batches add up to those of all examples. ValueError if a
    label is out of range (not checked on a GPU, which would have to wait for the check).
    """
    if activations.device.type != "cpu":
        return _sums_by_product(activations, labels, n_classes)
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < n_classes:
        raise ValueError(
            f"labels must lie in 0..{n_classes - 1}, got {int(labels.min())}..{int(labels.max())}"
        )
    sums = activations.new_zeros(n_classes, activations.shape[1])
    return sums.index_add_(0, labels, activations)


def _sums_by_product(activations: Tensor, labels: Tensor, n_classes: int) -> Tensor:
    """The same sums as a matrix product: a GPU would otherwise add, and so round, in any order.

    They are in float64, since products of float32 may be told to round (`precision` in the
    configuration).
    """
    one_hot = activations.new_zeros(n_classes, len(labels), dtype=torch.float64)
    one_hot.scatter_(0, labels[None], 1.0)
    return (one_hot @ activations.double()).to(activations.dtype)


def class_sums(network: Network, split: Split, cache: Tensor | None = None) -> Tensor:
    """S [K, h_L] in float64 by one forward pass, which also fills `cache` [N, h_L] if given.

    Its rows are in the order of the pass: `split.blanks_last.examples`, if there is one.
    """
    network = network.to(split.device)
    shape = split.n_classes, network.hidden_widths[-1]
    sums = torch.zeros(shape, dtype=torch.float64, device=split.device)
    start = 0
    for reduced, rows, inputs in input_batches(network, split, "forward pass"):
        labels, stop = split.labels[rows], start + len(inputs)
        for neurons, activations in hidden_blocks(reduced, inputs):
            sums[:, neurons] += class_activation_sums(activations, labels, split.n_classes)
            if cache is not None:
                cache[start:stop, neurons] = activations
        start = stop
    return sums.cpu()


def layers_above(
    network: Network, pruned: Sequence[Kept], inputs: Tensor
) -> Iterator[tuple[int, Network, Tensor]]:
    """The hidden layer above each of several ways to prune the layers below it.

    pruned: the kept neurons of hidden layers 1 to l, with the same l for all. inputs: [n, m].
    Yields for each way, in any order, its index and the two arguments of `hidden_blocks`: layer l+1
    with all its neurons, on the kept neurons below and with its weights to the layer above; and the
    activations [n, k_l] of the kept neurons below.

    Ways that agree in their first layers share the next one. That layer is computed for all of its
    neurons, even where only some are kept, so n widths per layer need n versions of layer 2 and n^2
    of layer 3, and the result of one way does not depend on the others.
    """
    yield from _above(network, pruned, list(range(len(pruned))), 0, inputs)


def _above(
    network: Network, pruned: Sequence[Kept], agreeing: list[int], depth: int, inputs: Tensor
) -> Iterator[tuple[int, Network, Tensor]]:
    """`layers_above`, depth first, so that memory holds only one layer of each depth.

    agreeing: the indices of those of `pruned` that agree in the first `depth` layers. inputs: the
    activations [n, k] of the neurons that these keep in layer `depth`.
    """
    layer = _from_kept(network[depth : depth + 2], pruned[agreeing[0]][:depth])
    if depth == len(pruned[agreeing[0]]):
        for i in agreeing:
            yield i, layer, inputs
        return
    groups: dict[tuple[bytes, ...], list[int]] = {}
    for i in agreeing:
        groups.setdefault(contents(pruned[i][depth : depth + 1]), []).append(i)
    activations = layer.hidden(inputs)
    del layer, inputs  # they are not needed while deeper layers are computed
    for group in groups.values():
        kept = pruned[group[0]][depth].to(activations.device)
        yield from _above(network, pruned, group, depth + 1, activations.index_select(1, kept))


def _from_kept(layers: Network, below: Kept) -> Network:
    """`layers` on top of the kept neurons of the layers below, if there are any below."""
    if not below:
        return layers
    first, *others = layers.weights
    # `index_select` is about three times faster than indexing with brackets.
    return replace(layers, weights=(first.index_select(1, below[-1].to(first.device)), *others))


def class_sums_above(network: Network, pruned: Sequence[Kept], split: Split) -> list[Tensor]:
    """S [K, h_{l+1}] in float64 of all neurons of the hidden layer above each of `pruned`.

    pruned: the kept neurons of hidden layers 1 to l (see `layers_above`).
    """
    network = network.to(split.device)
    shape = split.n_classes, network.hidden_widths[len(pruned[0])]
    sums = [torch.zeros(shape, dtype=torch.float64, device=split.device) for _ in pruned]
    for reduced, rows, inputs in input_batches(network, split, "forward pass"):
        labels = split.labels[rows]
        for i, layer, below in layers_above(reduced, pruned, inputs):
            for neurons, activations in hidden_blocks(layer, below):
                sums[i][:, neurons] += class_activation_sums(activations, labels, split.n_classes)
    return [each.cpu() for each in sums]


def activations_above(
    network: Network, kept: Kept, split: Split, rows: Tensor, neurons: slice
) -> Tensor:
    """Activations [n, neurons] of some neurons of the hidden layer above `kept`, for some examples.

    kept: the kept neurons of hidden layers 1 to l; empty for the first layer. rows: int64 [n], on
    the device of the split, where the result is, float32.
    """
    network = network.to(split.device)
    width = len(range(network.hidden_widths[len(kept)])[neurons])
    result = torch.empty(len(rows), width, device=split.device)
    for start in range(0, len(rows), BATCH_ROWS):
        some = slice(start, start + BATCH_ROWS)
        ((_, layer, below),) = layers_above(network, [kept], split.batch(rows[some]))
        result[some] = _part(layer, neurons).hidden(below)
    return result


def _part(layer: Network, neurons: slice) -> Network:
    """Some neurons of a network of one hidden layer."""
    lower, upper = layer.weights
    biases = (layer.biases[0][neurons], layer.biases[1]) if layer.biases else ()
    return replace(layer, weights=(lower[neurons], upper[:, neurons]), biases=biases)


def largest_norms(network: Network, subnetworks: Sequence[Subnetwork], split: Split) -> list[float]:
    """The largest L2 norm, over examples, of the activations of the last hidden layer described.

    Each of `subnetworks` describes the first one or more hidden layers. They share the activations
    of the first layer, so replaced weights are allowed only further up.
    """
    uppers = [sub.of(network[: len(sub.kept) + 1])[1:].to(split.device) for sub in subnetworks]
    kept = [sub.kept[0].to(split.device) for sub in subnetworks]
    lower = network[:2].to(split.device)
    norms = torch.zeros(len(subnetworks), device=split.device)
    for reduced, _, inputs in input_batches(lower, split, "norms of inputs"):
        first = reduced.hidden(inputs)
        for norm, neurons, upper in zip(norms, kept, uppers, strict=True):
            activations = upper.hidden(first.index_select(1, neurons))
            torch.maximum(norm, activations.norm(dim=1).max(), out=norm)
    return norms.cpu().tolist()


def largest_input_norm(split: Split) -> float:
    """The largest L2 norm of an input."""
    starts = progress(range(0, len(split), BATCH_ROWS), "norms of inputs")
    batches = (split.batch(slice(i, min(i + BATCH_ROWS, len(split)))) for i in starts)
    largest = [inputs.norm(dim=1).max() for inputs in batches]
    return float(torch.stack(largest).cpu().max())
