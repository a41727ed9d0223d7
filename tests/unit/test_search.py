"""Architecture search gives what pruning and evaluating each subnetwork by itself gives."""

from itertools import product

import pytest
from helpers import float64, options, random_network, random_split

from ossum.analysis.search import search
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView


@pytest.mark.parametrize("method", ["ossum-norm", "log-ossum-pab", "coreset"])
def test_searching_is_pruning_and_evaluating_each_by_itself(method, monkeypatch):
    monkeypatch.setattr("ossum.networks.forward.BATCH_ROWS", 7)
    monkeypatch.setattr("ossum.networks.forward.BLOCK_NEURONS", 5)
    network, test = random_network(6, 9, 8, 7, 3), random_split(50, seed=1)

    def view():
        return TrainingView(network, random_split(60), options(), seed=3)

    rows = search(method, view(), test, [0.2, 0.5, 0.9])
    widths = [*product((2, 5, 8), (2, 4, 7), (1, 4, 6)), (9, 8, 7)]
    assert [tuple(row["widths"]) for row in rows] == widths
    for wanted, row in zip(widths, rows, strict=True):
        (subnetwork,) = prune_network(method, network, [wanted], view())
        _, logits = float64(subnetwork.of(network), test.inputs())
        losses = -logits.log_softmax(dim=1)[range(50), test.labels]
        assert row["loss"] == pytest.approx(losses.mean().item(), rel=1e-5)
        assert row["correct"] == (logits.argmax(dim=1) == test.labels).sum()
