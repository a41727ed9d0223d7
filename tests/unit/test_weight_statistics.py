"""Statistics of kept weights against NumPy over the masked weights, and a few by hand."""

import numpy as np
import pytest
import torch
from helpers import random_network

from ossum.analysis import weight_statistics as module
from ossum.analysis.weight_statistics import weight_statistics
from ossum.networks.network import Network, Subnetwork


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
    zero = Network((torch.zeros(3, 2), torch.ones(2, 3)))
    (row,) = weight_statistics(zero, Subnetwork((torch.tensor([1]),)))
    assert (row["count"], row["positive"], row["negative"]) == (2, 0, 0)


@pytest.mark.parametrize("block", [1, 13, 2**20])
def test_against_numpy(block, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_WEIGHTS", block)
    network = random_network(6, 9, 8, 7, 3)
    kept = (torch.tensor([0, 3, 8]), torch.arange(8), torch.tensor([2, 5]))
    rows = weight_statistics(network, Subnetwork(kept))
    for row, weights, outputs, inputs in zip(
        rows, network.weights[:-1], kept, (torch.arange(6), *kept[:-1]), strict=True
    ):
        values = weights.double().numpy()[np.ix_(outputs, inputs)]
        assert (row["count"], row["max"], row["min"]) == (values.size, values.max(), values.min())
        assert row["mean"] == pytest.approx(values.mean(), rel=1e-12, abs=1e-15)
        assert row["variance"] == pytest.approx(values.var(), rel=1e-12)
        assert (row["positive"], row["negative"]) == ((values > 0).sum(), (values < 0).sum())


def test_replaced_weights_count():
    network = random_network(6, 5, 4, 3)
    replaced = {1: torch.full((2, 6), 3.0), 2: torch.tensor([[-1.0, 5.0]]), 3: torch.ones(3, 1)}
    subnetwork = Subnetwork((torch.tensor([0, 3]), torch.tensor([1])), replaced)
    first, second = weight_statistics(network, subnetwork)
    assert (first["count"], first["mean"], first["variance"]) == (12, 3.0, 0.0)
    assert (second["count"], second["mean"], second["variance"]) == (2, 2.0, 9.0)


def test_no_digits_are_lost_where_the_mean_is_large(monkeypatch):
    """Mean of squares minus square of the mean would be 0 or worse; float32 sums drift."""
    monkeypatch.setattr(module, "_BLOCK_WEIGHTS", 4000)
    first = 1e6 + torch.arange(400 * 100, dtype=torch.float32).remainder(2).reshape(400, 100)
    network = Network((first, torch.ones(3, 400)))
    (row,) = weight_statistics(network, Subnetwork((torch.arange(400),)))
    assert row["mean"] == pytest.approx(1e6 + 0.5, rel=1e-15)
    assert row["variance"] == pytest.approx(0.25, rel=1e-9)
