"""An ensemble is each network alone in a plain loop of autograd and torch.optim."""

import logging
from itertools import pairwise
from math import sqrt

import pytest
import torch
import torch.nn.functional as F
from helpers import random_network, random_split

from ossum.config.options import TrainingOptions
from ossum.networks.evaluation import evaluate_networks
from ossum.networks.network import Network
from ossum.networks.rng import stream
from ossum.training import ensemble
from ossum.training.curves import curve_rows
from ossum.training.ensemble import Trained, train_ensemble
from ossum.training.rescaling import rescaled
from ossum.training.stack import Stack
from ossum.workflow.resources import ensemble_size, train_mb

TRAIN, TEST = random_split(50), random_split(30, seed=1)
SEED = 3


def options(optimizer="adam", schedule=((0.01, 2),), **changes) -> TrainingOptions:
    """With batches of 16 examples, of which the last one of TRAIN has 2."""
    settings = {"batch_size": 16} | changes
    return TrainingOptions(optimizer=optimizer, schedule=list(schedule), **settings)


def networks_of(*sizes, n=3, activation="tanh") -> list[Network]:
    return [random_network(*sizes, activation=activation, seed=10 + i) for i in range(n)]


def multiplied(network: Network, factor: float) -> Network:
    return Network(tuple(weights * factor for weights in network.weights), network.activation)


def plain(network: Network, chosen: TrainingOptions) -> tuple[list[torch.Tensor], list[float]]:
    """Train one network plainly: its weights in float64, and the mean training loss by epoch."""
    module = network.to_module().double()
    optimizer = {
        "sgd": lambda p: torch.optim.SGD(p, momentum=chosen.momentum),
        "adam": torch.optim.Adam,
    }[chosen.optimizer](module.parameters())
    order, losses = stream(SEED, "training order"), []
    for rate, epochs in chosen.schedule:
        optimizer.param_groups[0]["lr"] = rate
        for _ in range(epochs):
            total = 0.0
            for rows in torch.randperm(len(TRAIN), generator=order).split(chosen.batch_size):
                loss = F.cross_entropy(module(TRAIN.batch(rows).double()), TRAIN.labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows)
            losses.append(total / len(TRAIN))
    return [weights.detach() for weights in module.parameters()], losses


def same(one: Trained, other: Trained) -> bool:
    """Whether two results are equal to the last bit."""
    equal = map(torch.equal, one.network.weights, other.network.weights)
    return curve_rows(one) == curve_rows(other) and all(equal)


def assert_close(one: Trained, other: Trained) -> None:
    for a, b in zip(one.network.weights, other.network.weights, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-4)
    losses, others = ([e.evaluation.loss for e in trained.curve] for trained in (one, other))
    assert losses == pytest.approx(others, rel=1e-5)


@pytest.mark.parametrize(
    ("optimizer", "momentum", "rate"), [("sgd", 0.9, 0.2), ("sgd", 0.3, 0.2), ("adam", 0.9, 0.02)]
)
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("hidden", [(7,), (20, 9), (8, 7, 5)])
def test_an_ensemble_is_each_network_alone_in_a_plain_loop(
    optimizer, momentum, rate, activation, hidden
):
    chosen = options(optimizer, [(rate, 2), (rate / 4, 1)], momentum=momentum)
    networks = networks_of(6, *hidden, 3, activation=activation)
    results = train_ensemble(networks, SEED, TRAIN, TEST, chosen)
    for network, trained in zip(networks, results, strict=True):
        plainly_trained, losses = plain(network, chosen)
        for before, after, expected in zip(
            network.weights, trained.network.weights, plainly_trained, strict=True
        ):
            # Adam makes a step of full size from the least gradient, so that the rounding of
            # float32 shows in single weights, but hardly in their mean.
            assert (after - expected).abs().mean() < 0.005 * (after - before).abs().mean()
            torch.testing.assert_close(after.double(), expected, rtol=1e-3, atol=5e-3)
        assert [epoch.epoch for epoch in trained.curve] == [0, 1, 2, 3]
        assert trained.curve[0].train_loss is None
        assert [e.train_loss for e in trained.curve[1:]] == pytest.approx(losses, rel=1e-4)
        assert trained.network.activation == activation and not trained.diverged


@pytest.mark.parametrize("hidden", [(5,), (9, 7)])
def test_a_point_of_the_curve_is_the_evaluation_of_the_network_after_that_epoch(hidden):
    networks, test = networks_of(6, *hidden, 3), random_split(700, seed=1)  # two batches of tests
    full = train_ensemble(networks, SEED, TRAIN, test, options(schedule=[(0.02, 3)]))
    for epochs in range(4):
        chosen = options(schedule=[(0.02, epochs)] if epochs else [])
        shorter = train_ensemble(networks, SEED, TRAIN, test, chosen)
        rows = evaluate_networks([trained.network for trained in shorter], (6, *hidden, 3), test)
        for long, short, row in zip(full, shorter, rows, strict=True):
            assert long.curve[: epochs + 1] == short.curve
            last = short.curve[-1].evaluation
            assert (last.correct, last.total) == (row["correct"], 700)
            assert last.loss == pytest.approx(row["loss"], rel=1e-5)
    assert len({e.evaluation.loss for trained in full for e in trained.curve}) == 4 * len(full)


def test_training_leaves_its_networks_and_the_random_state_of_torch_as_they_are():
    networks, results = networks_of(6, 9, 3), []
    before = [[w.clone() for w in network.weights] for network in networks]
    for seed in (1, 2):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        results.append(train_ensemble(networks, SEED, TRAIN, TEST, options()))
        assert torch.equal(torch.get_rng_state(), state)
    assert all(map(same, *results))
    for network, weights in zip(networks, before, strict=True):
        assert all(map(torch.equal, network.weights, weights))
    untrained = train_ensemble(networks, SEED, TRAIN, TEST, options(schedule=[]))
    for trained, weights in zip(untrained, before, strict=True):
        assert all(map(torch.equal, trained.network.weights, weights))
        assert len(trained.curve) == 1
    assert train_ensemble([], SEED, TRAIN, TEST, options()) == []


def test_the_seed_decides_the_order_of_the_examples():
    (network,) = networks_of(6, 9, 3, n=1)
    one, other = (train_ensemble([network], s, TRAIN, TEST, options())[0] for s in (SEED, SEED + 1))
    assert not same(one, other)


@pytest.fixture
def sizes_of_stacks(monkeypatch):
    """How many networks there are in each stack that is made."""
    sizes = []

    def spy(networks, *arguments):
        sizes.append(len(networks))
        return Stack(networks, *arguments)

    monkeypatch.setattr(ensemble, "Stack", spy)
    return sizes


@pytest.mark.parametrize(
    ("most", "expected"), [(None, [4]), (9, [4]), (3, [3, 1]), (2, [2, 2]), (0, [1, 1, 1, 1])]
)
def test_equal_networks_train_once_and_the_others_as_memory_allows(most, expected, sizes_of_stacks):
    one, *others = networks_of(6, 9, 5, 3, n=4)
    networks = [one, others[0], multiplied(one, 1), *others[1:], one]
    results = train_ensemble(networks, SEED, TRAIN, TEST, options(), most=most)
    assert sizes_of_stacks == expected
    assert results[0] is results[2] is results[5]
    for network, trained in zip(networks, results, strict=True):
        (alone,) = train_ensemble([network], SEED, TRAIN, TEST, options())
        assert_close(trained, alone)


@pytest.mark.parametrize(
    ("factor", "batch_size", "last"),
    [
        (1e18, 16, 0),  # the loss is not finite from the start
        (1e12, 16, 1),  # training gives weights that are not finite
        (1e12, 50, 1),  # a single step gives weights that are finite, but too large to multiply
    ],
)
def test_a_network_that_diverges_ends_and_the_others_go_on(factor, batch_size, last, caplog):
    networks = networks_of(6, 9, 5, 3, activation="relu")
    chosen = options("sgd", [(0.01, 3)], batch_size=batch_size)
    undisturbed = train_ensemble(networks, SEED, TRAIN, TEST, chosen)
    networks.insert(1, multiplied(networks[0], factor))
    with caplog.at_level(logging.WARNING):
        first, bad, *others = train_ensemble(networks, SEED, TRAIN, TEST, chosen)
    for one, other in zip([first, *others], undisturbed, strict=True):
        assert_close(one, other)
        assert not one.diverged and len(one.curve) == 4
    assert bad.diverged and bad.curve[-1].epoch == last and bad.curve[-1].train_loss is None
    assert not any(epoch.evaluation.diverged for epoch in bad.curve[:-1])
    assert all(weights.isnan().all() for weights in bad.network.weights)
    assert evaluate_networks([bad.network], (6, 9, 5, 3), TEST)[0]["diverged"]
    assert caplog.messages == [f"network 1 of the ensemble diverged in epoch {last}"]


def test_a_huge_learning_rate_diverges():
    networks = networks_of(6, 9, 3, activation="relu")
    chosen = options("sgd", [(0.01, 1), (1e30, 4)])
    for trained in train_ensemble(networks, SEED, TRAIN, TEST, chosen):
        assert [e.evaluation.diverged for e in trained.curve] == [False, False, True]
        assert all(weights.isnan().all() for weights in trained.network.weights)


def test_unequal_networks_and_biases_are_refused():
    one, other = random_network(6, 5, 3), random_network(6, 4, 3)
    relu = random_network(6, 5, 3, activation="relu")
    biased = Network(one.weights, biases=(torch.zeros(5), torch.zeros(3)))
    for second, message in ((other, "one architecture"), (relu, "activation"), (biased, "biases")):
        with pytest.raises(ValueError, match=message):
            train_ensemble([one, second], SEED, TRAIN, TEST, options())


@pytest.mark.parametrize("hidden", [(11,), (8, 7, 5)])
def test_rescaling_sets_the_largest_weight_of_each_layer_and_nothing_else(hidden):
    network = random_network(6, *hidden, 3, activation="relu")
    result = rescaled(network)
    assert result.activation == "relu"
    for before, after, (fan_in, _) in zip(
        network.weights, result.weights, pairwise(network.layer_sizes), strict=True
    ):
        assert after.abs().max().item() == torch.tensor(1 / sqrt(fan_in)).item()
        ratio = after.double() / before.double()
        torch.testing.assert_close(ratio, ratio[0, 0].abs().expand_as(ratio), rtol=1e-6, atol=0)


def test_rescaling_leaves_zeros_and_biases():
    weights = (torch.zeros(4, 3), torch.full((2, 4), -3.0))
    biases = (torch.rand(4), torch.rand(2))
    result = rescaled(Network(weights, "relu", biases))
    assert torch.equal(result.weights[0], torch.zeros(4, 3))
    assert torch.equal(result.weights[1], torch.full((2, 4), -0.5))
    assert all(map(torch.equal, result.biases, biases))
    assert torch.equal(weights[1], torch.full((2, 4), -3.0))  # not in place


@pytest.mark.parametrize(("hidden", "sparsity", "n"), [((500,), 0.5, 7), ((100,), 0.9, 24)])
def test_a_job_asks_for_the_memory_that_its_ensemble_takes(hidden, sparsity, n):
    key = ("mnist", "FC-1000", sparsity)
    networks = networks_of(784, *hidden, 10, n=n)
    stack = Stack(networks, ensemble.TEST_ROWS)
    arrays = [stack.parameters] * 4  # the weights, their gradients and two moments
    arrays += [*stack._buffers, stack._spare]
    arrays += 2 * [weights for network in networks for weights in network.weights]  # with results
    used = sum(array.nbytes for array in arrays) / 2**20
    assert train_mb(*key, n) - train_mb(*key, 0) == pytest.approx(used, abs=3)
    assert ensemble_size(train_mb(*key, n), *key, n) == n
