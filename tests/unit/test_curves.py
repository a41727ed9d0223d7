"""Learning curves as rows of the result tables."""

from math import nan

from helpers import random_network

from ossum.networks.evaluation import Evaluation
from ossum.storage.results import CURVES, KEYS
from ossum.training.curves import curve_rows
from ossum.training.ensemble import Epoch, Trained

NETWORK = random_network(6, 4, 2, 3)
BEFORE = Epoch(0, None, Evaluation(5, 50, 1.25))


def test_a_row_an_epoch_with_all_columns_of_the_table():
    first, last = curve_rows(Trained(NETWORK, (BEFORE, Epoch(1, 0.75, Evaluation(40, 50, 0.5)))))
    assert {*first} == {*last} == {*CURVES.names} - {key.name for key in KEYS} - {"seconds"}
    assert (first["epoch"], first["train_loss"], first["accuracy"]) == (0, None, 0.1)
    assert (last["epoch"], last["train_loss"], last["accuracy"]) == (1, 0.75, 0.8)
    assert (last["correct"], last["total"], last["loss"]) == (40, 50, 0.5)
    for row in (first, last):
        assert row["widths"] == [4, 2] and row["diverged"] is False


def test_divergence_is_a_row_without_results():
    _, last = curve_rows(Trained(NETWORK, (BEFORE, Epoch(1, None, Evaluation(7, 50, nan)))))
    assert last["diverged"] is True and last["total"] == 50
    assert [last[name] for name in ("train_loss", "correct", "accuracy", "loss")] == [None] * 4
