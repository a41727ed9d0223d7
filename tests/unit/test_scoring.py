"""Equations 2 to 5 against their definitions, by brute force and in exact arithmetic."""

from itertools import combinations

import pytest
import torch
import torch.nn.functional as F
from helpers import float64, random_network, random_split
from hypothesis import given
from hypothesis import strategies as st

from ossum.networks.forward import _sums_by_product, class_activation_sums
from ossum.pruning.scoring import (
    classwise_scores,
    linear_ossum_scores,
    log_ossum_scores,
    ossum_scores,
    top_neurons,
)


@pytest.fixture
def tiny():
    """A network, its activations in float64, labels and class sums by an explicit loop."""
    network, split = random_network(6, 7, 3), random_split(40)
    activations, _ = float64(network, split.inputs())
    sums = torch.zeros(3, 7, dtype=torch.float64)
    for row, label in zip(activations, split.labels.tolist(), strict=True):
        sums[label] += row
    return network, activations, split.labels, sums


def test_class_sums_are_sums_over_classes_and_batches_add_up(tiny):
    _, activations, labels, sums = tiny
    parts = [class_activation_sums(activations[i::3], labels[i::3], 3) for i in range(3)]
    torch.testing.assert_close(sum(parts), sums)
    torch.testing.assert_close(_sums_by_product(activations, labels, 3), sums)  # as on a GPU
    for label in (-1, 3):
        with pytest.raises(ValueError, match=r"0\.\.2"):
            class_activation_sums(torch.ones(1, 2), torch.tensor([label]), 3)


def test_equations_2_and_3_term_by_term(tiny):
    network, activations, labels, sums = tiny
    weights = network.weights[-1].double()
    expected = torch.zeros(3, 7, dtype=torch.float64)
    for i, label in enumerate(labels.tolist()):
        for j in range(7):
            others = sum(float(weights[k, j]) for k in range(3))
            expected[label, j] += activations[i, j] * (3 * weights[label, j] - others)
    torch.testing.assert_close(classwise_scores(sums, weights), expected)
    torch.testing.assert_close(ossum_scores(sums, weights), expected.sum(dim=0))


def test_scores_are_minus_the_first_order_change_of_the_loss(tiny):
    """Where the paper's signs do not agree, the usual softmax decides: keeping neurons changes the
    summed cross-entropy by minus their scores over K, to first order in the logits."""
    network, activations, labels, sums = tiny
    weights = network.weights[-1].double()
    scores = ossum_scores(sums, weights)
    logits = torch.zeros(len(labels), 3, dtype=torch.float64, requires_grad=True)
    F.cross_entropy(logits, labels, reduction="sum").backward()
    for size in range(1, 4):
        for kept in map(list, combinations(range(7), size)):
            change = activations[:, kept] @ weights[:, kept].T
            first_order = (logits.grad * change).sum()
            torch.testing.assert_close(-3 * first_order, scores[kept].sum())


def test_equations_4_and_5_by_hand():
    # Two classes: K w - sum is [w0 - w1, w1 - w0] = [1, -1], ...
    weights = torch.tensor([[0.5, 0.5, 0.5], [-0.5, -0.5, -0.5]])
    sums = torch.tensor([[3.0, 1.0, 2.0], [-5.0, -5.0, -7.0]])
    # ... so the class-wise scores are [3, 1, 2] and [5, 5, 7]: ranks 1 3 2 and 2 3 1 (a tie).
    assert classwise_scores(sums, weights).tolist() == [[3, 1, 2], [5, 5, 7]]
    assert linear_ossum_scores(sums, weights).tolist() == [-3, -6, -3]
    expected = -torch.tensor([1 * 2, 3 * 3, 2 * 1], dtype=torch.float64).log()
    torch.testing.assert_close(log_ossum_scores(sums, weights), expected)


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=10))
def test_ranks_are_ordinal_with_ties_to_the_lower_index(values):
    """The second class's sums are zero, so its ranks are 1, 2, 3 ... by index."""
    sums = torch.tensor([values, [0] * len(values)], dtype=torch.float64)
    weights = torch.tensor([[0.5] * len(values), [-0.5] * len(values)])
    order = sorted(range(len(values)), key=lambda j: (-values[j], j))
    expected = [-(order.index(j) + 1) - (j + 1) for j in range(len(values))]
    assert linear_ossum_scores(sums, weights).tolist() == expected


def test_equal_products_of_ranks_are_ties_in_log_ossum():
    """Ranks 1 to 7 in seven orders: plain sums of their logarithms would differ by rounding."""
    ranks = torch.stack([(torch.arange(7) * 3).roll(i) % 7 + 1 for i in range(7)]).double()
    assert len(set(ranks.log().sum(dim=0).tolist())) > 1
    weights = torch.randn(7, 7, generator=torch.Generator().manual_seed(0)).double()
    sums = -ranks / (7 * weights - weights.sum(dim=0))  # makes Eq. 3 minus the rank
    assert len(set(log_ossum_scores(sums, weights).tolist())) == 1


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12), st.data())
def test_exactly_the_wanted_number_is_kept_whatever_the_ties(values, data):
    count = data.draw(st.integers(1, len(values)))
    kept = top_neurons(torch.tensor(values, dtype=torch.float32), count).tolist()
    assert kept == sorted(sorted(range(len(values)), key=lambda j: (-values[j], j))[:count])


def test_impossible_requests_are_refused():
    for count in (0, 4):
        with pytest.raises(ValueError, match="cannot keep"):
            top_neurons(torch.ones(3), count)
    with pytest.raises(ValueError, match="finite"):
        top_neurons(torch.tensor([1.0, float("nan")]), 1)
    with pytest.raises(ValueError, match=r"\(3, 4\) and \(3, 5\)"):
        ossum_scores(torch.ones(3, 4), torch.ones(3, 5))
