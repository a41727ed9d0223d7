"""How long jobs should take, against counts by hand and durations that were measured."""

from dataclasses import replace
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_cells import config_with

from ossum.cells import Cell, cells_of_product
from ossum.fusion import batches
from ossum.runtime import job_seconds, limit_minutes

CONFIG = config_with()
DEEP = "FC-1000-1000-1000"
CELL = Cell("cifar10", DEEP, "tanh", "uniform", "init", "ossum-pab", 0.875, 0)


def cells(**changes) -> list[Cell]:
    """Cells of a product, of which `changes` replace the values that `CELL` has."""
    return cells_of_product({key: [value] for key, value in CELL.columns().items()} | changes)


FOUR = ["random", "norm", "ossum-norm", "ossum-pab"]
TWO_LAYERS = ["ossum", "linear-ossum", "log-ossum", "gradient", "random", "norm"]
SPARSITIES = [1 - 2.0**-k for k in range(10)]


@pytest.mark.parametrize(
    ("stage", "wanted", "measured"),
    [
        # Two cores, AMD EPYC or Intel Xeon with AVX-512, torch 2.13, nothing else running.
        ("trained-unscaled", cells(method=FOUR, seed=[0, 1, 2]), 324),
        ("trained", cells(method=FOUR, seed=[0, 1, 2], sparsity=[0.9375]), 177),
        ("trained", cells(method=FOUR, seed=[0, 1, 2], sparsity=[0.9921875]), 58),
        ("full", cells(method=[None], sparsity=[None]), 364),
        (
            "prune",
            cells(
                dataset=["mnist"],
                architecture=["FC-10000"],
                method=TWO_LAYERS,
                sparsity=SPARSITIES,
            ),
            18,
        ),
        ("search", cells(dataset=["mnist"], method=["ossum-norm"], sparsity=[None]), 41),
    ],
)
def test_estimates_are_within_a_factor_of_two_of_measured_durations(stage, wanted, measured):
    estimate = job_seconds(CONFIG, stage, wanted, threads=2)
    assert measured / 1.5 < estimate < 2 * measured
    assert limit_minutes(estimate) * 60 > 4 * measured / 1.5


@pytest.mark.parametrize(
    ("dataset", "n_train", "epochs", "a_step"),
    [("mnist", 60_000, 15, 0.25), ("cifar10", 50_000, 30, 0.99)],
)
def test_the_training_of_the_widest_networks_is_near_its_measured_steps(
    dataset, n_train, epochs, a_step
):
    """`benchmarks/wide_training.py`: SGD, whose memory traffic the estimate has in its rate."""
    wanted = cells(dataset=[dataset], architecture=["FC-100000"], method=[None], sparsity=[None])
    measured = epochs * ceil(n_train / 128) * a_step
    assert measured / 1.2 < job_seconds(CONFIG, "full", wanted, threads=2) < 1.5 * measured


def test_the_epochs_and_members_of_a_training_count():
    """By hand: one epoch of one network, times its multiply-adds, forward and backward."""
    one = job_seconds(CONFIG, "trained", cells(), 1)
    twice = job_seconds(CONFIG, "trained", cells(method=["ossum-pab", "random"]), 1)
    w1, w2, w3 = 3072 * 125, 125 * 125, 125 * 10
    products = 50_000 * (3 * (w1 + w2 * 2 + w3) - w1) + 10_000 * (w1 + w2 * 2 + w3)
    assert twice - one == pytest.approx(50 * products / 40e9)


def test_what_is_the_same_for_all_methods_is_trained_once():
    whole = cells(sparsity=[0.0], method=FOUR)
    assert job_seconds(CONFIG, "trained", whole, 2) == job_seconds(CONFIG, "trained", whole[:1], 2)


@given(
    st.sampled_from(["prune", "pruned", "statistics", "trained", "trained-unscaled", "full"]),
    st.sampled_from(["FC-64", "FC-1000", DEEP]),
    st.sampled_from(["digits", "mnist", "cifar10"]),
    st.lists(st.sampled_from([0, 0.5, 0.75]), min_size=1, unique=True),
    st.integers(1, 3),
)
def test_more_work_takes_longer_and_more_threads_do_not(stage, name, dataset, sparsities, seeds):
    wanted = cells(
        dataset=[dataset], architecture=[name], sparsity=sparsities, seed=list(range(seeds))
    )
    if len(name.split("-")) == 2:
        wanted = [replace(cell, method="gradient") for cell in wanted]
    seconds = job_seconds(CONFIG, stage, wanted, 2)
    assert 0 < job_seconds(CONFIG, stage, wanted[:1], 2) <= seconds
    assert job_seconds(CONFIG, stage, wanted, 4) <= seconds
    assert limit_minutes(2 * seconds) >= limit_minutes(seconds) > seconds / 60


@pytest.mark.parametrize("stage", ["prune", "train", "evaluate"])
def test_the_jobs_of_all_batches_have_every_cell_once(stage):
    """... whatever is fused."""
    for batch in batches(CONFIG, stage)[: len(CONFIG.grids)]:
        grid = CONFIG.grids[batch.name]
        free = {key: values for key, values in grid.values().items() if key not in batch.fused}
        jobs = [
            batch.cells({key: spelled(value) for key, value in cell.columns().items()})
            for cell in cells(**grid.values())
            if all(getattr(cell, key) == grid.values()[key][0] for key in batch.fused)
        ]
        found = [cell for job in jobs for cell in job]
        assert len(found) == len(set(found)) and set(found) == set(grid.cells())
        assert free


def spelled(value) -> str:
    return f"{value:.12f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
