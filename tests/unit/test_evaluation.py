"""One pass over the test set is each subnetwork evaluated plainly by itself."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers import float64, random_network, random_split

from ossum.datasets import Split
from ossum.networks.evaluation import (
    Evaluation,
    evaluate,
    evaluate_networks,
    evaluation_rows,
    row_of,
)
from ossum.networks.network import Network, Subnetwork
from ossum.storage.results import EVALUATIONS, KEYS

SPLIT = random_split(50)
COLUMNS = {*EVALUATIONS.names} - {key.name for key in KEYS} - {"train_loss", "seconds"}


def plain(network: Network, subnetwork: Subnetwork, split: Split = SPLIT) -> Evaluation:
    """One subnetwork in float64."""
    _, logits = float64(subnetwork.of(network), split.inputs())
    correct = int((logits.argmax(dim=1) == split.labels).sum())
    return Evaluation(correct, 50, F.cross_entropy(logits, split.labels).item())


def assert_as_plain(network: Network, subnetworks: list[Subnetwork], split: Split = SPLIT) -> None:
    found = evaluate(network, subnetworks, split)
    for subnetwork, evaluation in zip(subnetworks, found, strict=True):
        expected = plain(network, subnetwork, split)
        assert evaluation == replace(expected, loss=pytest.approx(expected.loss, rel=1e-5))


def subnetworks_of(*widths: int, n: int = 5) -> list[Subnetwork]:
    """Random subsets of neurons."""
    generator = torch.Generator().manual_seed(1)

    def subset(width: int) -> torch.Tensor:
        count = int(torch.randint(1, width + 1, (), generator=generator))
        return torch.randperm(width, generator=generator)[:count].sort().values

    return [Subnetwork(tuple(subset(width) for width in widths)) for _ in range(n)]


@pytest.mark.parametrize("hidden", [(12,), (12, 9), (8, 7, 6)])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("in_bytes", [False, True])
def test_a_shared_pass_is_each_subnetwork_alone(hidden, activation, in_bytes, monkeypatch):
    monkeypatch.setattr("ossum.networks.forward.bytes_are_fast", lambda: in_bytes)
    monkeypatch.setattr("ossum.networks.forward.BATCH_ROWS", 7)
    monkeypatch.setattr("ossum.networks.forward.BLOCK_NEURONS", 5)
    network = random_network(6, *hidden, 3, activation=activation)
    some = subnetworks_of(*hidden)
    upper = [Subnetwork((*some[0].kept[:-1], s.kept[-1])) for s in some]  # share lower layers
    for split in (SPLIT, random_split(50, blanks=True)):
        assert_as_plain(network, [*some, *upper, some[0]], split)
    assert evaluate(network, [], SPLIT) == []


@pytest.mark.parametrize("hidden", [(12,), (12, 9), (8, 7, 6)])
def test_replaced_weights_of_any_layer_count(hidden):
    network = random_network(6, *hidden, 3)
    layers = range(1, len(hidden) + 2)
    untouched, *others = subnetworks_of(*hidden, n=len(layers) + 2)
    replaced = [
        Subnetwork(s.kept, {i: -2 * s.of(network).weights[i - 1] for i in chosen})
        for s, chosen in zip(others, [*([i] for i in layers), layers], strict=True)
    ]
    assert_as_plain(network, [*replaced, untouched])


@pytest.mark.parametrize("hidden", [(12,), (8, 7, 6)])
def test_biases_count(hidden):
    network = random_network(6, *hidden, 3)
    network = replace(network, biases=tuple(torch.randn(len(w)) for w in network.weights))
    subnetworks = subnetworks_of(*hidden)
    for subnetwork, found in zip(subnetworks, evaluate(network, subnetworks, SPLIT), strict=True):
        logits = subnetwork.of(network).to_module()(SPLIT.inputs())
        assert found.loss == pytest.approx(F.cross_entropy(logits, SPLIT.labels).item(), rel=1e-5)


@pytest.mark.parametrize("hidden", [(12,), (12, 9)])
def test_mask_accuracy_is_the_accuracy_under_the_real_mask(hidden):
    network = random_network(6, *hidden, 3)
    masks = tuple(torch.rand(width) for width in hidden)
    (without,) = subnetworks_of(*hidden, n=1)
    with_mask = Subnetwork(without.kept, mask=masks)
    first, second = evaluation_rows(network, [with_mask, without], SPLIT)
    activations = SPLIT.inputs()
    for weights, mask in zip(network.weights[:-1], masks, strict=True):
        activations = torch.tanh(activations @ weights.T) * mask
    expected = (activations @ network.weights[-1].T).argmax(dim=1) == SPLIT.labels
    assert first["mask_accuracy"] == expected.sum().item() / 50
    assert second == first | {"mask_accuracy": None}


@pytest.mark.parametrize("hidden", [(12,), (8, 7, 6)])
def test_small_networks_are_evaluated_as_the_subnetworks_that_they_come_from(hidden):
    network = random_network(6, *hidden, 3)
    subnetworks = subnetworks_of(*hidden)
    small = [subnetwork.of(network) for subnetwork in subnetworks]
    rows = evaluate_networks([*small, small[0]], network.layer_sizes, SPLIT)
    assert rows[-1] == rows[0]
    expected = evaluation_rows(network, subnetworks, SPLIT)
    for row, other in zip(rows[:-1], expected, strict=True):
        assert {*row} == {*other} == COLUMNS
        assert row == other | {"loss": pytest.approx(other["loss"], rel=1e-5)}


def test_a_loss_that_is_not_finite_is_divergence():
    network = random_network(6, 5, 3)
    huge = Network(tuple(weights * 1e38 for weights in network.weights), "relu")
    bad, good = evaluate_networks([huge, network], (6, 9, 3), SPLIT)
    assert bad["diverged"] is True and good["diverged"] is False
    assert [bad[name] for name in ("correct", "accuracy", "loss")] == [None] * 3
    assert (bad["total"], bad["widths"]) == (50, [5]) and {*bad} == COLUMNS


def test_a_row_by_hand():
    assert row_of((784, 1000, 10), (784, 250, 10), Evaluation(7, 10, 0.5)) == {
        "widths": [250],
        "weight_sparsity": pytest.approx(0.75),
        "compression": pytest.approx(4),
        "macs": 784 * 250 + 250 * 10,
        "correct": 7,
        "total": 10,
        "accuracy": 0.7,
        "loss": 0.5,
        "diverged": False,
        "mask_accuracy": None,
    }
    deep = row_of((4, 4, 4, 2), (4, 2, 1, 2), Evaluation(7, 10, 0.5))
    assert deep["macs"] == 8 + 2 + 2 and deep["compression"] == pytest.approx(40 / 12)
