"""Passes are counted by what is really looked at."""

import pytest
import torch
from helpers import options, random_network, random_split

from ossum.analysis.pruning_cost import pruning_cost
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView

SPLIT = random_split(n=100, blanks=True)


@pytest.mark.parametrize(
    ("method", "widths", "passes"),
    [
        ("ossum", (4,), 1),
        ("norm", (4,), 0),
        ("random", (4,), 0),
        ("coreset", (4,), 1),  # the largest norm of an input
        ("gradient", (4,), 1 + 2),  # the activations, and two epochs
        ("ossum-norm", (4, 3, 2), 1),
        ("ossum-pab", (4, 3, 2), 3),  # one for each hidden layer
        ("gradient", (4, 3, 2), 2),
    ],
)
def test_passes_over_the_training_set(method, widths, passes):
    network = random_network(6, *(2 * width for width in widths), 3)
    cost = pruning_cost(method, network, widths, SPLIT, options(), seed=0)
    assert cost.passes == passes and cost.seconds > 0


def test_counting_changes_nothing(monkeypatch):
    network, pruned = random_network(6, 8, 3), []

    def spy(*arguments):
        pruned.extend(prune_network(*arguments))

    monkeypatch.setattr("ossum.analysis.pruning_cost.prune_network", spy)
    pruning_cost("gradient", network, (4,), SPLIT, options(), seed=0)
    spy("gradient", network, [(4,)], TrainingView(network, SPLIT, options(), 0))
    torch.testing.assert_close(pruned[0].mask, pruned[1].mask)
