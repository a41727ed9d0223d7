"""Architecture search: what is shared changes nothing, and is shared."""

from fractions import Fraction
from itertools import product

import pytest
import torch
from helpers import float64, options, random_network, random_split
from hypothesis import given
from hypothesis import strategies as st

from ossum import evaluation, forward, memory
from ossum.architectures import width_combinations
from ossum.evaluation import evaluate_cells
from ossum.forward import hidden_blocks, layers_above
from ossum.networks import Network, Subnetwork
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView
from ossum.search import search

FRACTIONS = [0.2, 0.5, 0.9]


def a_view(network, seed=3):
    return TrainingView(network, random_split(60), options(), seed)


def test_the_730_subnetworks_of_the_paper():
    widths = width_combinations((1000,) * 3, [n / 10 for n in range(1, 10)])
    hundreds = range(100, 1000, 100)
    assert widths == [*product(hundreds, hundreds, hundreds), (1000, 1000, 1000)]


def test_fractions_are_rounded_as_written_and_combinations_are_different():
    # 3.5 and 0.5 go up, which 5 * (1 - 0.3) and 5 * (1 - 0.9) in binary would not.
    assert width_combinations((5,), [0.7, 0.1]) == [(1,), (4,), (5,)]
    assert width_combinations((2, 3), [0.1, 0.2, 1]) == [(1, 1), (1, 3), (2, 1), (2, 3)]


@given(st.integers(1, 50), st.integers(1, 20))
def test_widths_are_the_nearest(width, twentieths):
    (kept,), *_ = width_combinations((width,), [twentieths / 20])
    exact = Fraction(width * twentieths, 20)
    assert abs(kept - exact) <= Fraction(1, 2) or (kept == 1 and exact < 1)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("method", ["ossum-norm", "ossum-pab", "log-ossum-pab", "coreset"])
def test_searching_is_pruning_and_evaluating_each_by_itself(method, activation, monkeypatch):
    """Each with a fresh view of the training set, to the last bit of the loss."""
    monkeypatch.setattr("ossum.forward.BATCH_ROWS", 7)
    monkeypatch.setattr("ossum.forward.BLOCK_NEURONS", 5)
    network, test = random_network(6, 9, 8, 7, 3, activation=activation), random_split(50, seed=1)
    rows = search(method, a_view(network), test, FRACTIONS)
    widths = [*product((2, 5, 8), (2, 4, 7), (1, 4, 6)), (9, 8, 7)]
    assert [tuple(row["widths"]) for row in rows] == widths
    for wanted, row in zip(widths, rows, strict=True):
        (subnetwork,) = prune_network(method, network, [wanted], a_view(network))
        assert evaluate_cells(network, [subnetwork], test) == [row]


def test_layers_above_are_those_of_the_masked_network():
    network, inputs = random_network(6, 9, 8, 7, 3), torch.randn(11, 6)
    ways = [
        (torch.tensor(first), torch.tensor(second))
        for first, second in product(([0, 4, 5], [2], list(range(9))), ([1, 2, 6], [7]))
    ]
    found = {}
    for i, layer, below in layers_above(network, ways, inputs):
        assert torch.equal(layer.weights[1], network.weights[3])
        blocks = [activations.clone() for _, activations in hidden_blocks(layer, below)]
        found[i] = torch.cat(blocks, dim=1)
    for i, (first, second) in enumerate(ways):
        small = Subnetwork((first, second, torch.arange(7))).of(network)
        torch.testing.assert_close(
            found[i].double(), float64(small, inputs)[0], rtol=1e-5, atol=1e-6
        )
    assert len(found) == len(ways)


def test_shared_layers_are_computed_once(monkeypatch):
    """Of three widths a layer: one layer 1, 3 layers 2 and 9 layers 3, for 27 subnetworks."""
    network, inputs = random_network(6, 9, 8, 7, 3), torch.randn(11, 6)
    calls, plain = [], Network.hidden

    def counting(layer, below):
        calls.append(layer.layer_sizes)
        return plain(layer, below)

    monkeypatch.setattr(Network, "hidden", counting)
    first, second = ([torch.arange(n) for n in widths] for widths in ((2, 5, 9), (1, 4, 8)))
    above = list(layers_above(network, list(product(first, second)), inputs))
    assert calls == [(6, 9, 8), (2, 8, 7), (5, 8, 7), (9, 8, 7)]
    assert sorted(i for i, *_ in above) == list(range(9))


@pytest.mark.parametrize("hidden", [(40,), (30, 20), (9, 8, 7)])
def test_memory_is_planned_for_all_output_weights(hidden, monkeypatch):
    assert memory.HEAD_ROWS == evaluation.HEAD_ROWS and memory.BATCH_ROWS == forward.BATCH_ROWS
    held, plain = [], evaluation._stacked_heads

    def counting(*arguments):
        held.append(plain(*arguments).numel())
        return plain(*arguments)

    monkeypatch.setattr(evaluation, "_stacked_heads", counting)
    network = random_network(6, *hidden, 3)
    rows = search("norm", a_view(network), random_split(20), FRACTIONS)
    groups = len({tuple(row["widths"][:-1]) for row in rows})
    assert len(held) == groups
    planned = memory.head_weights(network.layer_sizes, len(rows), groups)
    assert planned / 2 < sum(held) <= planned


def test_memory_of_the_papers_search():
    """Its 1,460 subnetworks would be gigabytes; their plan must stay within a laptop's means."""
    one = memory.search_mb("mnist", "FC-1000-1000-1000", 1)
    nine = memory.search_mb("mnist", "FC-1000-1000-1000", 9)
    # Output weights of 730 subnetworks in 82 groups, 4 bytes each, and the rest.
    assert 40 < nine - one < 120
