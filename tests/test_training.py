"""Ensemble training = each network alone in a plain loop of autograd and torch.optim."""

import logging
from itertools import pairwise
from math import sqrt

import pytest
import torch
import torch.nn.functional as F
from helpers import random_network, random_split

from ossum.architectures import count_weights
from ossum.evaluation import evaluate
from ossum.memory import ensemble_mb, left_for_ensemble_mb, train_mb
from ossum.networks import Network, Subnetwork
from ossum.options import TrainingOptions
from ossum.rng import stream
from ossum.training import ensemble, groups
from ossum.training.ensemble import Member, train_ensemble
from ossum.training.groups import train_networks as trained_by_ensemble
from ossum.training.rescaling import rescaled
from ossum.training.stack import Stack

OPTIMIZERS = ["sgd", "adam"]


def training(optimizer="adam", schedule=((0.01, 2),), batch_size=16, **more) -> TrainingOptions:
    return TrainingOptions(
        optimizer=optimizer, schedule=list(schedule), batch_size=batch_size, **more
    )


def plain(member, train, options, dtype):
    """Train a member alone; its module, and the mean loss of each epoch's examples."""
    module = member.network.to_module().to(dtype)
    if options.optimizer == "sgd":
        optimizer = torch.optim.SGD(module.parameters(), lr=1.0, momentum=options.momentum)
    else:
        optimizer = torch.optim.Adam(module.parameters())
    order = stream(member.seed, "training order")
    losses = []
    for rate, epochs in options.schedule:
        for group in optimizer.param_groups:
            group["lr"] = rate
        for _ in range(epochs):
            total = 0.0
            for rows in torch.randperm(len(train), generator=order).split(options.batch_size):
                logits = module(train.batch(rows).to(dtype))
                loss = F.cross_entropy(logits, train.labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows)
            losses.append(total / len(train))
    return module, losses


def members_of(sizes, seeds, activation="tanh"):
    """A member for each data order, all with different weights."""
    return [
        Member(random_network(*sizes, activation=activation, seed=10 + i), seed)
        for i, seed in enumerate(seeds)
    ]


def train_networks(members, *arguments):
    """All results in the order of the members."""
    found = {i: t for part in trained_by_ensemble(members, *arguments) for i, t in part.items()}
    return [found[i] for i in range(len(members))]


def assert_close(trained, other, **tolerance):
    for a, b in zip(trained.network.weights, other.network.weights, strict=True):
        torch.testing.assert_close(a, b, **tolerance)
    assert [e.epoch for e in trained.curve] == [e.epoch for e in other.curve]
    losses, others = (
        [[e.score.loss for e in t.curve] + [e.train_loss for e in t.curve[1:]]]
        for t in (trained, other)
    )
    assert losses[0] == pytest.approx(others[0], rel=1e-5)


def identical(trained, other):
    pairs = zip(trained.network.weights, other.network.weights, strict=True)
    return trained.curve == other.curve and all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("hidden", [(7,), (20, 9), (8, 7, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("as_in_jobs", [True, False])
def test_an_ensemble_is_each_member_alone_in_a_plain_loop(
    optimizer, activation, hidden, dtype, as_in_jobs, torch_as_before
):
    train, test = random_split(50), random_split(30, seed=1)  # the last batch has 2 of 16
    rate = {"sgd": 0.2, "adam": 0.02}[optimizer]
    # Adam makes a step of full size from the least gradient, so it shows the rounding of float32,
    # unless both sides round alike.
    exact = optimizer == "sgd" or (dtype == torch.float32 and not as_in_jobs)
    atol = 2e-5 if exact else 5e-3
    if not as_in_jobs:
        torch.set_float32_matmul_precision("highest")
    options = training(optimizer, [(rate, 2), (rate / 4, 1)])
    members = members_of((6, *hidden, 3), (0, 1, 0, 2, 1), activation)
    for member, trained in zip(members, train_ensemble(members, train, test, options), strict=True):
        module, losses = plain(member, train, options, dtype)
        for ours, theirs in zip(trained.network.weights, module.parameters(), strict=True):
            torch.testing.assert_close(ours.to(dtype), theirs.detach(), rtol=2e-4, atol=atol)
        moved = (trained.network.weights[0] - member.network.weights[0]).abs().max()
        assert moved > 2e-3
        assert [epoch.epoch for epoch in trained.curve] == [0, 1, 2, 3]
        assert [e.train_loss for e in trained.curve[1:]] == pytest.approx(losses, rel=1e-4)
        assert trained.network.activation == activation


def test_momentum_is_an_option():
    train = random_split(50)
    (member,) = members_of((6, 7, 3), [0])
    options = training("sgd", momentum=0.3)
    (trained,) = train_ensemble([member], train, train, options)
    module, _ = plain(member, train, options, torch.float64)
    torch.testing.assert_close(
        trained.network.weights[0].double(), module[0].weight.detach(), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("hidden", [(5,), (9, 7)])
def test_curves_are_test_scores_of_the_network_after_each_epoch(hidden):
    """Training to each epoch by itself gives the same curve, with scores as evaluated plainly."""
    train, test = random_split(50), random_split(700, seed=1)  # more than one batch of tests
    members = members_of((6, *hidden, 3), (0, 1))
    full = train_ensemble(members, train, test, training(schedule=[(0.02, 3)]))
    for epochs in range(4):
        schedule = [(0.02, epochs)] if epochs else []
        shorter = train_ensemble(members, train, test, training(schedule=schedule))
        for long, short in zip(full, shorter, strict=True):
            assert long.curve[: epochs + 1] == short.curve
            everything = Subnetwork(tuple(torch.arange(width) for width in hidden))
            (score,) = evaluate(short.network, [everything], test)
            last = short.curve[-1].score
            assert (last.correct, last.total) == (score.correct, 700)
            assert last.loss == pytest.approx(score.loss, rel=1e-5)
    assert full[0].curve[0].train_loss is None
    assert len({epoch.score.loss for trained in full for epoch in trained.curve}) == 8


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("chosen", [[0], [3], [5, 2, 0], [4, 4], [6, 5, 4, 3, 2, 1, 0]])
def test_company_changes_nothing(optimizer, activation, chosen):
    train, test = random_split(50), random_split(30, seed=1)
    members = members_of((6, 9, 5, 3), (0, 1, 0, 2, 0, 1, 0), activation)
    together = train_ensemble(members, train, test, training(optimizer))
    some = train_ensemble([members[i] for i in chosen], train, test, training(optimizer))
    for i, trained in zip(chosen, some, strict=True):
        assert_close(trained, together[i], rtol=1e-5, atol=1e-6)
    others = set(range(7)) - set(chosen[:1])
    assert not any(identical(together[chosen[0]], together[i]) for i in others)


@pytest.mark.usefixtures("one_order")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("m", "hidden"),
    [
        *[(7, (19,)), (784, (100,)), (3072, (16, 62, 31)), (900, (8, 8)), (64, (1, 1))],
        *[(20, (1000,)), (20, (33, 4096))],
    ],
)
def test_company_and_threads_change_nothing_to_the_last_bit(optimizer, m, hidden):
    """Else which jobs the cells are fused into would decide their results.

    The sizes are those where a plain matrix product, or a plain optimizer, does depend on company
    or threads.
    """
    train, test = random_split(208, m, 10), random_split(50, m, 10, seed=1)
    members = members_of((m, *hidden, 10), (0, 1, 0, 2, 0))
    options = training(optimizer, [(0.01, 1)], batch_size=128)
    together = train_ensemble(members, train, test, options)
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            for chosen in ([0], [3], [4, 1, 0]):
                some = train_ensemble([members[i] for i in chosen], train, test, options)
                assert all(map(identical, some, [together[i] for i in chosen]))
    finally:
        torch.set_num_threads(1)


def test_no_epochs_change_nothing():
    split = random_split(50)
    members = members_of((6, 9, 5, 3), (0, 1, 0))
    for member, trained in zip(
        members, train_ensemble(members, split, split, training(schedule=[])), strict=True
    ):
        assert all(map(torch.equal, member.network.weights, trained.network.weights))
        assert [epoch.epoch for epoch in trained.curve] == [0]
        assert not trained.diverged


def test_no_members():
    assert train_ensemble([], random_split(), random_split(), training()) == []
    assert train_networks([], random_split(), random_split(), training(), 1) == []


def test_networks_given_are_not_modified():
    split = random_split(50)
    members = members_of((6, 9, 3), (0, 1))
    before = [[w.clone() for w in member.network.weights] for member in members]
    trained = train_ensemble(members, split, split, training())
    for member, weights, result in zip(members, before, trained, strict=True):
        assert all(map(torch.equal, member.network.weights, weights))
        assert not torch.equal(result.network.weights[0], weights[0])


def test_every_epoch_visits_each_example_once_in_an_order_of_its_own(monkeypatch):
    seen = []
    batches = ensemble._batches

    def spy(*arguments):
        for rows in batches(*arguments):
            seen.append(rows)
            yield rows

    monkeypatch.setattr(ensemble, "_batches", spy)
    split = random_split(50)
    train_ensemble(members_of((6, 5, 3), (0, 1, 0)), split, split, training())
    assert [rows.shape for rows in seen] == 2 * [(2, 16), (2, 16), (2, 16), (2, 2)]
    orders = [torch.cat(epoch, dim=1)[seed] for epoch in (seen[:4], seen[4:]) for seed in (0, 1)]
    assert all(sorted(order.tolist()) == list(range(50)) for order in orders)
    assert len({tuple(order.tolist()) for order in orders}) == 4


def test_the_global_random_state_is_neither_used_nor_changed():
    split = random_split(50)
    members = members_of((6, 9, 3), (0, 1))
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        results.append(train_ensemble(members, split, split, training()))
        assert torch.equal(torch.get_rng_state(), before)
    assert all(map(identical, *results))


@pytest.mark.usefixtures("one_order")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_member_that_diverges_ends_and_the_others_go_on(optimizer, caplog):
    """Weights near the end of the float32 range overflow within an epoch."""
    train, test = random_split(50), random_split(30, seed=1)
    good = members_of((6, 9, 5, 3), (0, 0, 1), "relu")
    huge = Network(tuple(w * 1e18 for w in good[1].network.weights), "relu")
    options = training(optimizer, [(0.01, 3)])
    alone = train_ensemble(good, train, test, options)
    with caplog.at_level(logging.WARNING):
        first, bad, *others = train_ensemble(
            [good[0], Member(huge, 0), *good[1:]], train, test, options
        )
    for a, b in zip([first, *others], alone, strict=True):
        assert identical(a, b) and not a.diverged and len(a.curve) == 4
    assert bad.diverged
    last = bad.curve[-1]
    assert (last.epoch, last.train_loss, last.score, last.diverged) == (1, None, None, True)
    assert not any(epoch.diverged for epoch in bad.curve[:-1])
    assert caplog.messages == ["training diverged in epoch 1 (layer sizes 6-9-5-3, seed 0)"]
    # Nor does company change when and how it ends.
    (lonely,) = train_ensemble([Member(huge, 0)], train, test, options)
    assert len(lonely.curve) == len(bad.curve)
    for a, b in zip(lonely.network.weights, bad.network.weights, strict=True):
        torch.testing.assert_close(a, b, equal_nan=True, rtol=0, atol=0)


@pytest.mark.usefixtures("one_order")
def test_scores_that_overflow_are_divergence_too_and_end_it_there():
    """One step from a loss of 1e36 to weights that are finite, but too large to multiply."""
    split = random_split(50)
    good, other = members_of((6, 9, 5, 3), (0, 0), "relu")
    huge = Member(Network(tuple(w * 1e12 for w in other.network.weights), "relu"), 0)
    options = training("sgd", [(0.01, 3)], batch_size=50)
    trained, bad = train_ensemble([good, huge], split, split, options)
    assert len(trained.curve) == 4
    assert [epoch.diverged for epoch in bad.curve] == [False, True]
    assert all(weights.isfinite().all() for weights in bad.network.weights)
    (lonely,) = train_ensemble([huge], split, split, options)
    assert identical(lonely, bad)


def test_a_huge_learning_rate_diverges():
    split = random_split(50)
    members = members_of((6, 9, 3), (0, 1), "relu")
    results = train_ensemble(members, split, split, training("sgd", [(0.01, 1), (1e30, 4)]))
    for trained in results:
        assert trained.diverged and trained.curve[-1].epoch == 2
        assert trained.curve[1].score is not None


def test_unequal_members_and_biases_are_refused():
    split = random_split()
    one, other = random_network(6, 5, 3), random_network(6, 4, 3)
    relu = random_network(6, 5, 3, activation="relu")
    biased = Network(one.weights, biases=(torch.zeros(5), torch.zeros(3)))
    for second, message in ((other, "one architecture"), (relu, "one .* activation")):
        with pytest.raises(ValueError, match=message):
            train_ensemble([Member(one, 0), Member(second, 0)], split, split, training())
    with pytest.raises(ValueError, match="biases"):
        train_networks([Member(biased, 0)], split, split, training(), 100)


# Rescaling


@pytest.mark.parametrize("hidden", [(11,), (8, 7, 5)])
def test_rescaling_sets_the_largest_weight_of_each_layer_and_nothing_else(hidden):
    network = random_network(6, *hidden, 3)
    sizes = network.layer_sizes
    result = rescaled(network)
    for before, after, (fan_in, _) in zip(
        network.weights, result.weights, pairwise(sizes), strict=True
    ):
        assert after.abs().max().item() == torch.tensor(1 / sqrt(fan_in)).item()
        ratio = (after.double() / before.double()).flatten()
        torch.testing.assert_close(ratio, ratio[0].expand_as(ratio), rtol=1e-6, atol=0)
        assert ratio[0] > 0
    assert result.activation == network.activation


def test_rescaling_leaves_zeros_and_biases():
    weights = (torch.zeros(4, 3), torch.full((2, 4), -3.0))
    biases = (torch.rand(4), torch.rand(2))
    result = rescaled(Network(weights, "relu", biases))
    assert torch.equal(result.weights[0], torch.zeros(4, 3))
    assert torch.equal(result.weights[1], torch.full((2, 4), -0.5))
    assert all(map(torch.equal, result.biases, biases))
    assert torch.equal(weights[1], torch.full((2, 4), -3.0))  # not in place


# Which members train together


@pytest.fixture
def calls(monkeypatch):
    """The members of each ensemble that is trained."""
    seen = []

    def spy(members, *arguments):
        seen.append(list(members))
        return train_ensemble(members, *arguments)

    monkeypatch.setattr(groups, "train_ensemble", spy)
    return seen


def test_any_networks_come_back_in_order_from_one_ensemble_a_size(calls):
    split = random_split(50)
    small, large = members_of((6, 5, 3), (0, 1, 0)), members_of((6, 9, 3), (2, 0))
    mixed = [small[0], large[0], small[1], large[1], small[2]]
    results = train_networks(mixed, split, split, training(), 1000)
    assert [len(call) for call in calls] == [3, 2]
    for member, trained in zip(mixed, results, strict=True):
        assert_close(trained, train_ensemble([member], split, split, training())[0])


def test_identical_members_are_trained_once(calls):
    split = random_split(50)
    one, other = members_of((6, 5, 3), (0, 0))
    copy = Member(Network(tuple(w.clone() for w in one.network.weights)), 0)
    reordered, relu = Member(one.network, 1), Member(Network(one.network.weights, "relu"), 0)
    results = train_networks([one, copy, other, reordered, relu], split, split, training(), 1000)
    assert [len(call) for call in calls] == [3, 1]
    assert identical(results[0], results[1])
    assert not any(identical(results[0], result) for result in results[2:])


@pytest.mark.usefixtures("one_order")
@pytest.mark.parametrize(
    ("fitting", "seeds_of_ensembles"),
    [
        (7, [[0, 0, 0, 1, 1, 2, 2]]),
        (5, [[0, 0, 0, 1, 1], [2, 2]]),
        (4, [[0, 0, 0], [1, 1, 2, 2]]),
        (2, [[0, 0], [0], [1, 1], [2, 2]]),
        (0, [[0], [0], [0], [1], [1], [2], [2]]),
    ],
)
def test_memory_splits_ensembles_between_seeds_and_changes_nothing(
    calls, fitting, seeds_of_ensembles, monkeypatch
):
    monkeypatch.setattr(groups, "ensemble_mb", lambda sizes, n: n)
    split = random_split(50)
    members = members_of((6, 5, 3), (0, 1, 2, 0, 1, 2, 0))
    results = train_networks(members, split, split, training(), fitting)
    assert [[member.seed for member in call] for call in calls] == seeds_of_ensembles
    together = train_ensemble(members, split, split, training())
    assert all(map(identical, results, together))


@pytest.mark.parametrize(("hidden", "n"), [((500, 500), 3), ((2000,), 2), ((62, 62, 62), 24)])
def test_memory_estimate_covers_what_a_stack_and_its_results_hold(hidden, n):
    networks = [random_network(784, *hidden, 10)] * n
    stack = Stack([networks], {ensemble.TEST_ROWS})
    arrays = [stack.parameters] * 4  # gradients and two moments are of the same size
    arrays += [*stack._buffers, stack._spare]
    arrays += [weights for network in networks for weights in network.weights]
    used = sum(array.numel() * array.element_size() for array in arrays) / 2**20
    assert used <= ensemble_mb((784, *hidden, 10), n) <= used + 1.1


@pytest.mark.parametrize(
    ("sizes", "least_examples"),
    [((3072, 8, 8, 8, 10), 80), ((784, 8, 10), 96), ((784, 300, 10), 16)],
)
def test_networks_of_the_paper_are_alone_in_a_stack(sizes, least_examples):
    """Of zeros only as many as 16 rows of a first layer take: no product is too small."""
    stack = Stack([[random_network(*sizes)] * 3], {128, least_examples})
    assert stack.parameters.numel() <= 3 * count_weights(sizes) + 16


@pytest.mark.parametrize("sizes", [(3072, 1000, 1, 10), (3072, 1, 1, 10), (784, 8, 8, 10)])
def test_networks_of_zeros_take_little_memory(sizes):
    stack = Stack([[random_network(*sizes)]], {128, 1})
    own = 16 * count_weights(sizes) if sizes[1] == 1 else 2 * count_weights(sizes)
    assert stack.parameters.numel() <= max(own, 2**20) + 16


def test_what_a_job_asks_for_lets_its_members_train_together():
    wide, narrow, key = (62, 62, 62), (31, 31, 31), ("cifar10", "FC-1000-1000-1000")
    for counts in ({wide: 1}, {wide: 24}, {narrow: 24, wide: 24}, {wide: 3, narrow: 24}):
        left = left_for_ensemble_mb(train_mb(*key, counts), *key, counts)
        needed = [ensemble_mb((3072, *widths, 10), n) for widths, n in counts.items()]
        assert left == max(needed)
