"""Statistics of kept weights = numpy over the masked weights, and a few by hand."""

from itertools import product

import numpy as np
import pytest
import torch
from helpers import random_network

from ossum import weight_statistics as statistics
from ossum.networks import Network, Subnetwork
from ossum.weight_statistics import weight_statistics


def whole(network: Network) -> Subnetwork:
    return Subnetwork(tuple(torch.arange(width) for width in network.hidden_widths))


def test_by_hand():
    first = torch.tensor([[1.0, -3.0], [0.0, 0.5], [-2.0, 2.0]])
    second = torch.tensor([[4.0, 9.0, -1.0], [7.0, 7.0, 7.0]])
    network = Network((first, second, torch.ones(2, 2)))
    rows = weight_statistics(network, Subnetwork((torch.tensor([0, 2]), torch.tensor([0]))))
    assert rows == [
        # 1, -3, -2, 2: squared distances from -0.5 are 2.25, 6.25, 2.25, 6.25.
        {"layer": 1, "count": 4, "max": 2.0, "min": -3.0, "mean": -0.5, "variance": 4.25}
        | {"positive": 2, "negative": 2},
        {"layer": 2, "count": 2, "max": 4.0, "min": -1.0, "mean": 1.5, "variance": 6.25}
        | {"positive": 1, "negative": 1},
    ]
    (zeros,) = weight_statistics(
        Network((torch.zeros(3, 2), torch.ones(2, 3))), Subnetwork((torch.tensor([1]),))
    )
    assert (zeros["count"], zeros["positive"], zeros["negative"]) == (2, 0, 0)


@pytest.mark.parametrize("block", [1, 13, 2**20])
def test_against_numpy(block, monkeypatch):
    monkeypatch.setattr(statistics, "_BLOCK_WEIGHTS", block)
    network = random_network(6, 9, 8, 7, 3)
    some = Subnetwork((torch.tensor([0, 3, 8]), torch.arange(8), torch.tensor([2, 5])))
    for subnetwork in (some, whole(network)):
        masks = [np.isin(np.arange(6), np.arange(6))]
        masks += [
            np.isin(np.arange(width), kept.numpy())
            for width, kept in zip(network.hidden_widths, subnetwork.kept, strict=True)
        ]
        for layer, row in enumerate(weight_statistics(network, subnetwork), start=1):
            weights = network.weights[layer - 1].numpy().astype(np.float64)
            kept = [
                weights[j, i]
                for j, i in product(*map(range, weights.shape))
                if masks[layer][j] and masks[layer - 1][i]
            ]
            assert row["layer"] == layer and row["count"] == len(kept)
            assert (row["max"], row["min"]) == (max(kept), min(kept))
            assert row["mean"] == pytest.approx(np.mean(kept), rel=1e-12, abs=1e-15)
            assert row["variance"] == pytest.approx(np.var(kept), rel=1e-12)
            assert row["positive"] == np.sum(np.array(kept) > 0)
            assert row["negative"] == np.sum(np.array(kept) < 0)


def test_replaced_weights_count():
    network = random_network(6, 5, 4, 3)
    replaced = {1: torch.full((2, 6), 3.0), 2: torch.tensor([[-1.0, 5.0]]), 3: torch.ones(3, 1)}
    first, second = weight_statistics(
        network, Subnetwork((torch.tensor([0, 3]), torch.tensor([1])), replaced)
    )
    assert (first["count"], first["mean"], first["variance"]) == (12, 3.0, 0.0)
    assert (second["count"], second["mean"], second["variance"]) == (2, 2.0, 9.0)


def test_no_digits_are_lost_where_the_mean_is_large(monkeypatch):
    """Mean of squares minus square of the mean would be 0 or worse; float32 sums drift."""
    monkeypatch.setattr(statistics, "_BLOCK_WEIGHTS", 4000)
    first = 1e6 + torch.arange(400 * 100, dtype=torch.float32).remainder(2).reshape(400, 100)
    (row,) = weight_statistics(
        Network((first, torch.ones(3, 400))), Subnetwork((torch.arange(400),))
    )
    assert row["mean"] == pytest.approx(1e6 + 0.5, rel=1e-15)
    assert row["variance"] == pytest.approx(0.25, rel=1e-9)


def test_only_blocks_are_in_double_precision(monkeypatch):
    sizes, plain = [], torch.var_mean

    def spy(block, **arguments):
        sizes.append(block.numel())
        return plain(block, **arguments)

    monkeypatch.setattr(statistics, "_BLOCK_WEIGHTS", 20)
    monkeypatch.setattr(torch, "var_mean", spy)
    network = random_network(6, 9, 3)
    weight_statistics(network, whole(network))
    assert sizes == [18, 18, 18]
