"""One pass over the test set = each subnetwork evaluated plainly by itself."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers import float64, random_network, random_split

from ossum.evaluation import accounting, evaluate, evaluate_cells
from ossum.networks import Subnetwork


def plain(network, subnetwork, split):
    """Correct predictions and mean loss of one subnetwork in float64."""
    _, logits = float64(subnetwork.of(network), split.inputs())
    correct = int((logits.argmax(dim=1) == split.labels).sum())
    return correct, F.cross_entropy(logits, split.labels).item()


def subsets(*widths, n=5):
    generator = torch.Generator().manual_seed(1)

    def subset(width):
        count = int(torch.randint(1, width + 1, (), generator=generator))
        return torch.randperm(width, generator=generator)[:count].sort().values

    return [Subnetwork(tuple(subset(width) for width in widths)) for _ in range(n)]


@pytest.mark.parametrize("hidden", [(12,), (12, 9), (8, 7, 6)])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_shared_pass_is_each_subnetwork_alone(hidden, activation, monkeypatch):
    monkeypatch.setattr("ossum.forward.BATCH_ROWS", 7)
    monkeypatch.setattr("ossum.forward.BLOCK_NEURONS", 5)
    network = random_network(6, *hidden, 3, activation=activation)
    split = random_split(50)
    subnetworks = subsets(*hidden)
    subnetworks += subnetworks[:1]  # the same one twice
    subnetworks.append(
        Subnetwork(subnetworks[1].kept, {2: 3 * subnetworks[1].of(network).weights[1]})
    )
    for subnetwork, score in zip(subnetworks, evaluate(network, subnetworks, split), strict=True):
        correct, loss = plain(network, subnetwork, split)
        assert (score.correct, score.total) == (correct, 50)
        assert score.accuracy == correct / 50
        assert score.loss == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("hidden", [(1100,), (70, 1100), (70, 50, 90)])
def test_logits_do_not_depend_on_who_else_is_evaluated(hidden):
    """To the last bit: fusing cells into jobs must not change their files."""
    network, split = random_network(6, *hidden, 10), random_split(50, n_classes=10)
    subnetworks = subsets(*hidden, n=33)
    lower = subnetworks[0].kept[:-1]  # of some of them, so that they share these layers
    subnetworks[7:] = [Subnetwork((*lower, s.kept[-1])) for s in subnetworks[7:]]
    together = evaluate(network, subnetworks, split)
    for i in (0, 7, 22):
        assert evaluate(network, [subnetworks[i]], split) == [together[i]]
        assert evaluate(network, subnetworks[i::-1], split)[0] == together[i]


@pytest.mark.parametrize("hidden", [(12,), (12, 9), (8, 7, 6)])
def test_replaced_weights_of_any_layer_count(hidden):
    network, split = random_network(6, *hidden, 3), random_split(50)
    layers = range(1, len(hidden) + 2)
    untouched, *others = subsets(*hidden, n=len(layers) + 2)
    mixed = [
        Subnetwork(s.kept, {i: -2 * s.of(network).weights[i - 1] for i in replaced})
        for s, replaced in zip(others, [*([i] for i in layers), layers], strict=True)
    ]
    mixed.append(untouched)
    for subnetwork, score in zip(mixed, evaluate(network, mixed, split), strict=True):
        correct, loss = plain(network, subnetwork, split)
        assert score.correct == correct and score.loss == pytest.approx(loss, rel=1e-5)
        assert evaluate(network, [subnetwork], split) == [score]


@pytest.mark.parametrize("hidden", [(12,), (8, 7, 6)])
def test_biases_count(hidden):
    network, split = random_network(6, *hidden, 3), random_split(50)
    network = replace(network, biases=tuple(torch.randn(len(w)) for w in network.weights))
    subnetworks = subsets(*hidden)
    for subnetwork, score in zip(subnetworks, evaluate(network, subnetworks, split), strict=True):
        logits = subnetwork.of(network).to_module()(split.inputs())
        assert score.loss == pytest.approx(F.cross_entropy(logits, split.labels).item(), rel=1e-5)


@pytest.mark.parametrize("hidden", [(12,), (12, 9)])
def test_mask_accuracy_is_the_accuracy_under_the_real_mask(hidden):
    network, split = random_network(6, *hidden, 3), random_split(50)
    masks = tuple(torch.rand(width) for width in hidden)
    with_mask = Subnetwork(subsets(*hidden, n=1)[0].kept, mask=masks)
    without = subsets(*hidden, n=1)[0]
    first, second = evaluate_cells(network, [with_mask, without], split)
    activations = split.inputs()
    for weights, mask in zip(network.weights[:-1], masks, strict=True):
        activations = torch.tanh(activations @ weights.T) * mask
    expected = (activations @ network.weights[-1].T).argmax(dim=1) == split.labels
    assert first["mask_accuracy"] == expected.sum().item() / 50
    assert first["accuracy"] == second["accuracy"]
    assert "mask_accuracy" not in second


def test_accounting_by_hand():
    row = accounting((784, 1000, 10), (784, 250, 10))
    assert row == {
        "widths": [250],
        "weight_sparsity": pytest.approx(0.75),
        "compression": pytest.approx(4),
        "madds": 784 * 250 + 250 * 10,
    }
    deep = accounting((4, 4, 4, 2), (4, 2, 1, 2))
    assert deep["madds"] == 8 + 2 + 2
    assert deep["compression"] == pytest.approx(40 / 12)
