"""Passes are counted by what is really looked at."""

import pytest
from helpers import options, random_network, random_split
from workflows import snakemake

from ossum import results
from ossum.costs import pruning_cost

SPLIT = random_split(n=100, m=6)


@pytest.mark.parametrize(
    ("method", "passes"),
    [
        ("ossum", 1),
        ("log-ossum", 1),
        ("random", 0),
        ("norm", 0),
        ("coreset", 1),  # the largest norm of an input
        ("gradient", 1 + 2),  # activations, and two epochs
    ],
)
def test_passes_of_two_layer_networks(method, passes):
    cost = pruning_cost(method, random_network(6, 8, 3), (4,), SPLIT, options(), seed=0)
    assert cost.passes == passes
    assert cost.seconds > 0


@pytest.mark.parametrize(
    ("method", "passes"), [("ossum-norm", 1), ("ossum-pab", 3), ("gradient", 2), ("norm", 0)]
)
def test_passes_of_deep_networks(method, passes):
    """PAB looks at the data once a hidden layer."""
    network = random_network(6, 8, 7, 5, 3)
    cost = pruning_cost(method, network, (4, 3, 2), SPLIT, options(), seed=0)
    assert cost.passes == passes


def test_counting_changes_nothing():
    from ossum.pruning import prune_network
    from ossum.pruning.view import TrainingView

    network = random_network(6, 8, 3)
    before = prune_network("gradient", network, [(4,)], TrainingView(network, SPLIT, options(), 0))
    pruning_cost("gradient", network, (4,), SPLIT, options(), seed=0)
    after = prune_network("gradient", network, [(4,)], TrainingView(network, SPLIT, options(), 0))
    assert before[0].kept[0].tolist() == after[0].kept[0].tolist()


def test_the_workflow_measures_every_cell(tmp_path):
    snakemake(tmp_path, "results/tables/costs.parquet", "results/claims/cost.md")
    table = results.read(tmp_path / "results/tables/costs.parquet")
    assert set(table["stage"]) == {"cost"} and set(table["architecture"]) == {"FC-64", "FC-24-16"}
    assert table.set_index("method").loc["gradient", "passes"].max() == 16
    assert "not run" in (tmp_path / "results/claims/cost.md").read_text()
