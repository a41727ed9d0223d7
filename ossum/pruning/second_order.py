"""Second-order OSSuM: the neurons that lower the loss most to second order, at a temperature.

It is not in the paper; docs/second-order.md derives it. OSSuM linearises the loss around logits of
zero, so it counts each neuron as if it were alone. The next term of the expansion says how neurons
overlap. For a 0/1 mask m of a layer's neurons, and logits multiplied by an inverse temperature b,

    L(m) = log K - b g'm + b^2/2 m'Hm + O(b^3),    H = (A'A / n) * C,

where g is OSSuM's score over K N, A [n, h] are activations of n examples, C [h, h] is the
covariance over classes of the output weights, and * multiplies entry by entry. Scaling logits
changes no prediction, so b is free. For each b we add neurons greedily, swap neurons as long as
that helps, and then take the b whose subnetwork has the best accuracy on these examples.

A layer of more than BLOCK_NEURONS is solved in blocks, so that no matrix is larger than that.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from ossum.config.options import SecondOrderOptions
from ossum.networks.network import Kept, Network, Subnetwork, Widths
from ossum.progress import progress
from ossum.pruning.bottom_up import OutputLayer
from ossum.pruning.norm_then_score import norm_then
from ossum.pruning.prune_and_build import build
from ossum.pruning.scoring import ossum_scores, top_neurons
from ossum.pruning.view import TrainingView

# The widest layer whose H is made as a whole: 400 MB.
BLOCK_NEURONS = 10_000
# Rows and columns of H that are made by one product.
_TILE = 2_048
# How many neurons of each kind, kept and pruned, are tried with each other in a swap.
_CANDIDATES = 64
# How often all blocks are solved again under the logits of the others.
_SWEEPS = 2
# Swaps that improve less than this share of all scores are rounding.
_TOLERANCE = 1e-6


def second_order(
    network: Network, widths: Sequence[Widths], view: TrainingView
) -> list[Subnetwork]:
    """Each hidden layer by this method; those below the last one as in Algorithm 2."""
    return build(network, widths, view, choose_second_order)


def second_order_norm(
    network: Network, widths: Sequence[Widths], view: TrainingView
) -> list[Subnetwork]:
    """Deep networks: the last hidden layer by this method, the layers below it by norm."""
    return norm_then(network, widths, view, choose_second_order)


def choose_second_order(
    view: TrainingView, below: Sequence[Kept], output: OutputLayer, counts: Sequence[Sequence[int]]
) -> list[list[Tensor]]:
    """A `NeuronChoice` by this method."""
    options = view.options.second_order_ossum
    sums = view.class_sums_above(below)
    return [
        _choose(Layer.of(view, kept, output, each, options.examples), some, options)
        for kept, each, some in zip(below, sums, counts, strict=True)
    ]


@dataclass(frozen=True)
class Layer:
    """A hidden layer under an output layer, with n training examples.

    gain: g [h], on the processor, where neurons are chosen; all else is on the device of the split.
    outgoing: output weights [K, h] minus their mean over classes, and bias [K], the same of the
    output bias. labels: int64 [n]. activations(neurons): float32 [n, neurons].
    """

    gain: Tensor
    outgoing: Tensor
    bias: Tensor
    labels: Tensor
    activations: Callable[[slice], Tensor]

    @classmethod
    def of(
        cls,
        view: TrainingView,
        below: Kept,
        output: OutputLayer,
        class_sums: Tensor,
        n_examples: int,
    ) -> "Layer":
        """The layer above the kept neurons `below`, by its class sums [K, h] over all examples."""
        rows, device = view.sample(n_examples), view.split.device
        weights = output.weights.to(device)
        bias = weights.new_zeros(len(weights)) if output.bias is None else output.bias.to(device)
        gain = ossum_scores(class_sums, output.weights) / (len(weights) * len(view.split))
        return cls(
            gain=gain.float(),
            outgoing=weights - weights.mean(dim=0),
            bias=bias - bias.mean(),
            labels=view.split.labels[rows],
            activations=lambda neurons: view.activations_above(below, rows, neurons),
        )


def hessian(activations: Tensor, outgoing: Tensor) -> Tensor:
    """H [h, h] from activations [n, h] and centred output weights [K, h]. Half of it is made."""
    n_classes, width = outgoing.shape
    result = activations.new_empty(width, width)
    tiles = [slice(start, start + _TILE) for start in range(0, width, _TILE)]
    for i, rows in enumerate(tiles):
        for columns in tiles[i:]:
            tile = activations[:, rows].T @ activations[:, columns]
            tile *= outgoing[:, rows].T @ outgoing[:, columns]
            tile /= n_classes * len(activations)
            result[rows, columns] = tile
            result[columns, rows] = tile.T
    return result


def minimise(linear: Tensor, hessian: Tensor, beta: float, count: int, swaps: int) -> Tensor:
    """A 0/1 mask m [h] of `count` ones with a low value of -linear'm + beta/2 m'Hm.

    Neurons are added one by one, each the best at its turn. Then one is swapped for another, the
    best pair first, until no pair improves or there were `swaps`.
    """
    diagonal = hessian.diagonal()
    mask = torch.zeros_like(linear)
    costs = beta / 2 * diagonal - linear  # of adding each neuron
    for _ in range(count):
        best = int(costs.argmin())
        mask[best] = 1
        costs.add_(hessian[best], alpha=beta)
        costs[best] = torch.inf
    if 0 < count < len(mask):
        _swap(mask, beta * (hessian @ mask) - linear, hessian, beta, swaps, linear.abs().sum())
    return mask


def _swap(
    mask: Tensor, slopes: Tensor, hessian: Tensor, beta: float, swaps: int, scale: Tensor
) -> None:
    """Swap neurons of `mask`, in place. slopes: the gradient of the quadratic at the mask."""
    curvature = beta / 2 * hessian.diagonal()
    n_kept = int(mask.sum())
    n_out, n_in = min(_CANDIDATES, n_kept), min(_CANDIDATES, len(mask) - n_kept)
    smallest = -_TOLERANCE * float(scale)
    for _ in range(swaps):
        kept = mask.bool()
        leave = torch.where(kept, curvature - slopes, torch.inf).topk(n_out, largest=False)
        enter = torch.where(kept, torch.inf, curvature + slopes).topk(n_in, largest=False)
        changes = leave.values[:, None] + enter.values
        changes -= beta * hessian[leave.indices[:, None], enter.indices]
        best = int(changes.argmin())
        if changes.view(-1)[best] >= smallest:
            break
        old, new = leave.indices[best // n_in], enter.indices[best % n_in]
        mask[old], mask[new] = 0, 1
        slopes += beta * (hessian[new] - hessian[old])


def lower_bounds(
    linear: Tensor, hessian: Tensor, betas: Sequence[float], counts: Sequence[int], steps: int = 60
) -> Tensor:
    """What -linear'm + beta/2 m'Hm is at least, of all masks m with so many ones. [pairs]

    linear: [pairs, h]; betas and counts: one for each. H has no negative eigenvalues, so the
    quadratic is convex and lies above each of its tangents. Where 0 <= m <= 1 and sum(m) = count, a
    tangent is lowest at a 0/1 mask that can be read off. The points of the tangents are those of an
    accelerated projected gradient descent.
    """
    betas = torch.tensor(betas, dtype=linear.dtype)[:, None]
    counts = torch.tensor(counts)[:, None]
    largest = torch.ones(len(hessian), dtype=linear.dtype)
    for _ in range(20):  # the power method finds the largest eigenvalue
        largest = hessian @ (largest / largest.norm())
    rates = 1 / (1.1 * betas * largest.norm()).clamp(min=1e-30)
    before = point = (counts / linear.shape[1]).expand_as(linear).to(linear.dtype)
    best, momentum = torch.full((len(linear),), -torch.inf, dtype=linear.dtype), 1.0
    for _ in range(steps):
        slopes = betas * (point @ hessian) - linear
        values = (point * (slopes - linear)).sum(dim=1) / 2
        sums = slopes.sort(dim=1).values.cumsum(dim=1).gather(1, counts - 1)[:, 0]
        best = torch.maximum(best, values + sums - (slopes * point).sum(dim=1))
        after = _onto_masks(point - rates * slopes, counts)
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        point = after + (momentum - 1) / following * (after - before)
        before, momentum = after, following
    return best


def _onto_masks(points: Tensor, counts: Tensor) -> Tensor:
    """The nearest points [pairs, h] with 0 <= m <= 1 and sum(m) = count, by bisection.

    They need not be exact, since a bound follows from the tangent at any point.
    """
    low, high = points.amin(dim=1, keepdim=True) - 1, points.amax(dim=1, keepdim=True)
    for _ in range(25):
        middle = (low + high) / 2
        too_many = (points - middle).clamp(0, 1).sum(dim=1, keepdim=True) > counts
        low, high = torch.where(too_many, middle, low), torch.where(too_many, high, middle)
    return (points - high).clamp(0, 1)


def _choose(layer: Layer, counts: Sequence[int], options: SecondOrderOptions) -> list[Tensor]:
    """The neurons to keep for each of `counts`, ascending."""
    blocks = _blocks(len(layer.gain))
    if len(blocks) == 1:
        (whole,) = map(layer.activations, blocks)
        layer = replace(layer, activations=lambda _: whole)
    factors = options.inverse_temperatures
    betas = [factor * unit for unit in units(layer, blocks, counts) for factor in factors]
    trials = [count for count in counts for _ in factors]
    masks, correct, matrix = _solve(layer, blocks, trials, betas, options.swaps)
    chosen = []
    for start in range(0, len(trials), len(factors)):  # of equally good ones the lowest
        chosen.append(max(range(start, start + len(factors)), key=correct.__getitem__))
    for i in chosen:
        logging.info(
            "%d neurons: inverse temperature %.3g, accuracy %.4f on %d training examples",
            *(trials[i], betas[i], correct[i] / len(layer.labels), len(layer.labels)),
        )
    if len(blocks) == 1:
        _log_shares(layer, matrix, masks[chosen], [betas[i] for i in chosen])
    return [masks[i].nonzero()[:, 0] for i in chosen]


def _log_shares(layer: Layer, matrix: Tensor, masks: Tensor, betas: Sequence[float]) -> None:
    """Say how far subnetworks lower the quadratic, of what is possible at their temperature."""
    everything = slice(0, len(layer.gain))
    bias = layer.bias.expand(len(layer.labels), 1, -1)
    slopes = _slopes(layer, layer.activations(everything), everything, bias).cpu()
    linear = layer.gain - torch.tensor(betas)[:, None] * slopes
    counts = masks.sum(dim=1).long().tolist()
    bounds = lower_bounds(linear, matrix, betas, counts)
    found = values(linear, matrix, betas, masks)
    for count, share in zip(counts, (found / bounds).tolist(), strict=True):
        logging.info("%d neurons: at least %.1f %% of the best possible gain", count, 100 * share)


def values(linear: Tensor, hessian: Tensor, betas: Sequence[float], masks: Tensor) -> Tensor:
    """-linear'm + beta/2 m'Hm [pairs] of masks [pairs, h], with linear [pairs, h] and betas."""
    curvatures = (masks * (masks @ hessian)).sum(dim=1) * torch.tensor(betas, dtype=masks.dtype)
    return curvatures / 2 - (linear * masks).sum(dim=1)


def _blocks(width: int) -> list[slice]:
    """Neighbouring neurons, in blocks of equal size but for one."""
    n_blocks = -(-width // BLOCK_NEURONS)
    edges = [i * width // n_blocks for i in range(n_blocks + 1)]
    return [slice(*edge) for edge in pairwise(edges)]


def units(layer: Layer, blocks: Sequence[slice], counts: Sequence[int]) -> list[float]:
    """The inverse temperatures at which OSSuM's own subnetworks have the lowest quadratic.

    They are g'm / m'Hm. In these units it does not matter how large weights and activations are. Of
    a subnetwork that also keeps neurons with negative scores, only the others count.
    """
    masks = torch.zeros(len(counts), len(layer.gain))
    for mask, count in zip(masks, counts, strict=True):
        mask[top_neurons(layer.gain, count)] = 1
    masks *= layer.gain > 0
    logits = sum(_logits(layer, layer.activations(block), block, masks) for block in blocks)
    gains, curvatures = masks @ layer.gain, logits.square().mean(dim=(0, 2)).cpu()
    # Where neurons are silent or harm, nothing depends on the temperature.
    return torch.where(curvatures > 0, gains / curvatures, 1).clamp(min=1e-12).tolist()


def _solve(
    layer: Layer, blocks: Sequence[slice], counts: Sequence[int], betas: Sequence[float], swaps: int
) -> tuple[Tensor, list[int], Tensor]:
    """Masks [trials, h] for pairs of count and beta, how many examples each classifies well, and H
    of the last block.

    Each block is solved under the logits of all others. In a first sweep nothing is known of these
    yet, so each block stands for all of them.
    """
    masks = torch.zeros(len(counts), len(layer.gain))
    logits = layer.bias.repeat(len(layer.labels), len(counts), 1)
    for sweep in range(1 if len(blocks) == 1 else 1 + _SWEEPS):
        copies = len(blocks) if sweep == 0 else 1
        for block in progress(blocks, "second order"):
            activations = layer.activations(block)
            quadratic = hessian(activations, layer.outgoing[:, block]).cpu()
            others = logits - _logits(layer, activations, block, masks)
            seen = layer.bias.expand_as(logits) if sweep == 0 else others
            slopes = _slopes(layer, activations, block, seen).cpu()
            for mask, slope, beta, count in zip(masks, slopes, betas, counts, strict=True):
                share = _share(count, block, len(layer.gain))
                linear = layer.gain[block] - beta * slope
                mask[block] = minimise(linear, quadratic, beta * copies, share, swaps)
            logits = others + _logits(layer, activations, block, masks)
    hits = logits.argmax(dim=2) == layer.labels[:, None]
    return masks, hits.sum(dim=0).cpu().tolist(), quadratic


def _share(count: int, block: slice, width: int) -> int:
    """How many of `count` neurons a block keeps; the shares of all blocks add up."""
    return count * block.stop // width - count * block.start // width


def _logits(layer: Layer, activations: Tensor, block: slice, masks: Tensor) -> Tensor:
    """What the kept neurons of a block add to the centred logits [n, trials, K]."""
    weights = layer.outgoing[:, block] * masks[:, None, block].to(activations.device)
    return (activations @ weights.flatten(0, 1).T).view(len(activations), *weights.shape[:2])


def _slopes(layer: Layer, activations: Tensor, block: slice, logits: Tensor) -> Tensor:
    """Hm [trials, neurons] of a block, for the masks that give centred logits [n, trials, K]."""
    n, trials, n_classes = logits.shape
    sums = (logits.flatten(1).T @ activations).view(trials, n_classes, -1)
    return (sums * layer.outgoing[:, block]).sum(dim=1) / (n * n_classes)
