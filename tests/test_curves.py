"""Learning curves as rows of the result tables."""

import pytest
from helpers import random_network

from ossum.evaluation import Score
from ossum.training.curves import curve_rows
from ossum.training.ensemble import Epoch, Trained

NETWORK = random_network(6, 4, 2, 3)
BEFORE = Epoch(0, None, Score(5, 50, 1.25))
AFTER = Epoch(1, 0.75, Score(40, 50, 0.5))


def test_a_row_an_epoch_with_the_sizes_of_the_subnetwork():
    first, last = curve_rows("FC-8-4", Trained(NETWORK, (BEFORE, AFTER)))
    kept, full = 6 * 4 + 4 * 2 + 2 * 3, 6 * 8 + 8 * 4 + 4 * 3
    for row in (first, last):
        assert row["widths"] == [4, 2] and row["madds"] == kept
        assert row["weight_sparsity"] == pytest.approx(1 - kept / full)
    assert (first["epoch"], first["train_loss"], first["accuracy"]) == (0, None, 0.1)
    assert (last["epoch"], last["train_loss"], last["accuracy"]) == (1, 0.75, 0.8)
    assert (last["correct"], last["total"], last["loss"]) == (40, 50, 0.5)
    assert not first["diverged"] and not last["diverged"]


def test_divergence_is_a_row_without_a_score():
    diverged = Trained(NETWORK, (BEFORE, Epoch(1, None, None, diverged=True)))
    _, last = curve_rows("FC-8-4", diverged)
    assert last["diverged"] and last["total"] == 50 and last["train_loss"] is None
    assert not {"correct", "accuracy", "loss"} & last.keys()
