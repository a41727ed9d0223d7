"""Statistics of the hidden weights that pruning keeps (Figure 8)."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ossum.networks.network import Network, Subnetwork

# Weights that are in double precision at the same time (8 MiB).
_BLOCK_WEIGHTS = 2**20


def weight_statistics(network: Network, subnetwork: Subnetwork) -> list[dict[str, float]]:
    """One row for each hidden layer: the incoming weights of its kept neurons.

    These are the weights from the kept neurons of the layer below (or from the inputs), or the
    replaced weights if the subnetwork has any. Columns: layer (1 to L), count, max, min, mean,
    variance (of the population), positive and negative (how many are above and below zero). All are
    computed in float64.
    """
    return [
        {"layer": layer, **_statistics(_blocks(network, subnetwork, layer))}
        for layer in range(1, len(network.weights))
    ]


def _blocks(network: Network, subnetwork: Subnetwork, layer: int) -> Iterator[Tensor]:
    """Kept incoming weights of hidden layer 1..L, some neurons at a time.

    Unlike in `Subnetwork.of`, a wide layer is never copied as a whole.
    """
    if layer in subnetwork.weights:
        weights = subnetwork.weights[layer]
        neurons, inputs = torch.arange(len(weights)), None
    else:
        weights, neurons = network.weights[layer - 1], subnetwork.kept[layer - 1]
        inputs = subnetwork.kept[layer - 2] if layer > 1 else None
    for block in neurons.split(max(1, _BLOCK_WEIGHTS // weights.shape[1])):
        rows = weights.index_select(0, block)
        yield rows if inputs is None else rows.index_select(1, inputs)


def _statistics(blocks: Iterator[Tensor]) -> dict[str, float]:
    parts = []
    for block in blocks:
        variance, mean = torch.var_mean(block.double(), correction=0)
        low, high = block.aminmax()
        positive, negative = int((block > 0).sum()), int((block < 0).sum())
        # These are plain numbers, because small tensors would stay in the holes that freed blocks
        # leave in memory, so that every next block would need fresh memory.
        numbers = map(float, (high, low, mean, variance))
        parts.append([block.numel(), *numbers, positive, negative])
    counts, highs, lows, means, variances, positives, negatives = torch.tensor(
        parts, dtype=torch.float64
    ).T
    count = counts.sum()
    mean = (counts * means).sum() / count
    # The mean of the variances within blocks plus the variance of their means loses no digits.
    variance = (counts * (variances + (means - mean) ** 2)).sum() / count
    return {
        "count": int(count),
        "max": float(highs.max()),
        "min": float(lows.min()),
        "mean": float(mean),
        "variance": float(variance),
        "positive": int(positives.sum()),
        "negative": int(negatives.sum()),
    }
