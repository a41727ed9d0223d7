"""Neurons one by one by the training loss, against the plain loop over all of them."""

import pytest
import torch
import torch.nn.functional as F
from helpers import float64, options, random_network, random_split

from ossum.config.options import GreedyCrossEntropyOptions
from ossum.networks.evaluation import evaluate
from ossum.pruning import prune_network
from ossum.pruning.bottom_up import OutputLayer
from ossum.pruning.second_order import Layer, units
from ossum.pruning.view import TrainingView

SPLIT = random_split(60)


def prune(network, widths, **changes):
    chosen = GreedyCrossEntropyOptions(**changes)
    seen = options().model_copy(update={"greedy_cross_entropy": chosen})
    return prune_network(
        "greedy-cross-entropy", network, widths, TrainingView(network, SPLIT, seen, 0)
    )


@pytest.mark.parametrize("biased", [False, True])
def test_each_step_adds_the_neuron_that_leaves_the_lowest_loss(biased):
    network = random_network(6, 20, 3, biased=biased)
    seen = TrainingView(network, SPLIT, options(), 0)
    layer = Layer.of(seen, (), OutputLayer.of(network), seen.class_sums, 60)
    (unit,) = units(layer, [slice(0, 20)], [6])
    kept = []
    for _ in range(6):
        losses = {}
        for j in set(range(20)) - {*kept}:
            _, logits = float64(network, SPLIT.inputs(), (torch.tensor([*kept, j]),))
            losses[float(F.cross_entropy(2 * unit * logits, SPLIT.labels))] = j
        kept.append(losses[min(losses)])
    (found,) = prune(network, [(6,)], inverse_temperatures=[2])
    assert found.kept[0].tolist() == sorted(kept)


def test_the_inverse_temperature_is_the_one_with_the_best_training_accuracy():
    network, grid = random_network(6, 20, 3), [0.5, 2, 8]
    alone = [prune(network, [(6,)], inverse_temperatures=[factor])[0] for factor in grid]
    accuracies = [each.accuracy for each in evaluate(network, alone, SPLIT)]
    (found,) = prune(network, [(6,)], inverse_temperatures=grid)
    assert torch.equal(found.kept[0], alone[accuracies.index(max(accuracies))].kept[0])


def test_few_candidates_find_nearly_what_all_find(monkeypatch):
    """By the loss on the training set, of what all candidates gain."""
    network = random_network(6, 60, 3)
    losses = {}
    for tried in (4, 60):
        monkeypatch.setattr("ossum.pruning.greedy_cross_entropy._CANDIDATES", tried)
        (found,) = prune(network, [(10,)], inverse_temperatures=[2])
        (whole,) = evaluate(network, [found], SPLIT)
        losses[tried] = whole.accuracy
    assert losses[4] >= losses[60] - 0.05
