"""Pruning methods and the shortcuts they share, against plain definitions."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers import float64, options, random_network, random_split

from ossum.forward import sum_by_class
from ossum.options import BestRandomOptions
from ossum.pruning import prune_network
from ossum.pruning.gradient import initial_mask
from ossum.pruning.view import TrainingView
from ossum.registry import METHODS
from ossum.rng import stream
from ossum.scoring import class_activation_sums
from ossum.training.masks import train_mask

WIDTHS = [(7,), (4,), (2,), (1,)]
TWO_LAYER = [m for m, spec in METHODS.items() if spec.max_hidden_layers == 1]


def view_of(network, split, cache=False, seed=0, **changes) -> TrainingView:
    return TrainingView(network, split, options(**changes), seed, cache_activations=cache)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_exactly_the_wanted_neurons(method):
    network, split = random_network(6, 7, 3), random_split()
    pruned = prune_network(method, network, WIDTHS, view_of(network, split))
    assert [subnetwork.widths for subnetwork in pruned] == WIDTHS
    for subnetwork in pruned:
        (kept,) = subnetwork.kept
        assert kept.tolist() == sorted(set(kept.tolist()))
    everything = pruned[0].of(network)
    assert all(torch.equal(a, b) for a, b in zip(everything.weights, network.weights, strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_asking_for_all_widths_is_asking_for_each(method):
    network, split = random_network(6, 7, 3), random_split()
    together = prune_network(method, network, WIDTHS, view_of(network, split))
    for widths, subnetwork in zip(WIDTHS, together, strict=True):
        (alone,) = prune_network(method, network, [widths], view_of(network, split))
        assert torch.equal(alone.kept[0], subnetwork.kept[0])


@pytest.mark.parametrize("method", ["random", "norm"])
def test_controls_prune_any_depth(method):
    network, split = random_network(6, 7, 5, 3), random_split()
    (subnetwork,) = prune_network(method, network, [(4, 2)], view_of(network, split))
    assert subnetwork.of(network).layer_sizes == (6, 4, 2, 3)


def test_norm_keeps_the_longest_rows():
    network, split = random_network(3, 4, 3), random_split(m=3)
    # L2 norms 3, 2, 3.5, 1; by L1 (3, 3.4, 3.5, 1.7) or the largest weight the order is another.
    rows = [[3, 0, 0], [1.2, -1.2, 1], [0, -3.5, 0], [-0.6, 0.5, 0.6]]
    network.weights[0].copy_(torch.tensor(rows))
    kept = prune_network("norm", network, [(1,), (2,), (3,)], view_of(network, split))
    assert [s.kept[0].tolist() for s in kept] == [[2], [0, 2], [0, 1, 2]]


def test_random_differs_between_seeds_and_layers_and_is_uniform():
    network, split = random_network(6, 8, 8, 3), random_split()
    kept = []
    for seed in range(200):
        (s,) = prune_network("random", network, [(4, 4)], view_of(network, split, seed=seed))
        kept.append([tuple(indices.tolist()) for indices in s.kept])
    assert len({first for first, _ in kept}) > 50
    assert sum(first == second for first, second in kept) < 20
    counts = [sum(j in first for first, _ in kept) for j in range(8)]
    assert all(70 < count < 130 for count in counts)  # 100 expected, sd 7


def draws_of(network, count, split, seed, n_draws):
    """The random subsets of a seed with (misclassified, loss) on the training set, plainly."""
    hidden, _ = float64(network, split.inputs())
    (width,) = network.hidden_widths
    for draw in range(n_draws):
        order = torch.randperm(width, generator=stream(seed, "best of random", draw))
        kept = order[:count].sort().values
        logits = hidden[:, kept] @ network.weights[1][:, kept].double().T
        wrong = (logits.argmax(dim=1) != split.labels).sum().item()
        yield kept.tolist(), (wrong, F.cross_entropy(logits, split.labels).item())


@pytest.mark.parametrize("seed", range(3))
def test_best_random_is_the_best_of_its_draws_on_the_training_set(seed, monkeypatch):
    monkeypatch.setattr("ossum.pruning.best_random._ROWS", 7)  # 50 = 7 * 7 + 1
    network, split = random_network(6, 20, 3), random_split()
    view = view_of(network, split, seed=seed)
    widths = [(20,), (10,), (3,), (1,)]
    tied = 0
    for wanted, subnetwork in zip(
        widths, prune_network("best-random", network, widths, view), strict=True
    ):
        draws = list(draws_of(network, *wanted, split, seed, n_draws=100))
        best = min(key for _, key in draws)
        assert (subnetwork.kept[0].tolist(), best) in draws
        tied += len({key for _, key in draws if key[0] == best[0]}) > 1
    assert tied  # in accuracy: the cross-entropy has decided at least once


def test_draws_are_an_option_and_one_of_them_is_random_pruning():
    network, split = random_network(6, 20, 3), random_split()
    few = options().model_copy(update={"best_random": BestRandomOptions(draws=1)})
    (subnetwork,) = prune_network(
        "best-random", network, [(5,)], TrainingView(network, split, few, seed=1)
    )
    ((only, _),) = draws_of(network, 5, split, seed=1, n_draws=1)
    assert subnetwork.kept[0].tolist() == only


def test_best_random_counts_biases():
    network, split = random_network(6, 20, 3), random_split()
    # A bias that outweighs all else: every subset says class 2, and loss decides.
    biased = replace(network, biases=(torch.zeros(20), torch.tensor([0.0, 0.0, 99.0])))
    plain, other = (
        prune_network("best-random", n, [(3,)], view_of(n, split))[0].kept[0].tolist()
        for n in (network, biased)
    )
    assert plain != other


def test_ossum_methods_use_the_training_set_only_through_class_sums():
    network, split = random_network(6, 7, 3), random_split()
    shuffled = torch.randperm(len(split))
    other = type(split)(
        split.images[shuffled], split.labels[shuffled], 255, split.mean, split.std, 3
    )
    for method in ("ossum", "linear-ossum", "log-ossum"):
        a = prune_network(method, network, WIDTHS, view_of(network, split))
        b = prune_network(method, network, WIDTHS, view_of(network, other))
        assert all(torch.equal(x.kept[0], y.kept[0]) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("cache", [False, True])
def test_one_streaming_pass_gives_the_class_sums(cache, monkeypatch):
    monkeypatch.setattr("ossum.forward.BATCH_ROWS", 7)  # 50 = 7 * 7 + 1
    monkeypatch.setattr("ossum.forward.BLOCK_NEURONS", 3)  # 7 = 3 + 3 + 1
    network, split = random_network(6, 7, 3), random_split()
    view = view_of(network, split, cache)
    hidden, _ = float64(network, split.inputs())
    expected = class_activation_sums(hidden, split.labels, 3)
    torch.testing.assert_close(view.class_sums, expected, rtol=1e-5, atol=1e-5)
    rows = torch.tensor([3, 49, 3])
    read = view.activation_reader(3)(rows)
    torch.testing.assert_close(read, hidden[rows].half().float(), rtol=1e-3, atol=1e-6)


def test_the_pass_happens_once(monkeypatch):
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return sum_by_class(*arguments)

    monkeypatch.setattr("ossum.pruning.view.sum_by_class", counted)
    network, split = random_network(6, 7, 3), random_split()
    view = view_of(network, split, cache=True)
    for method in TWO_LAYER:
        prune_network(method, network, WIDTHS, view)
    assert len(calls) == 1


def plain_supermask(network, split, mask, schedule, momentum, batch_size, order):
    """Algorithm 3 as one would write it: autograd and torch.optim.SGD. All masks, step by step."""
    inputs, labels = split.inputs(), split.labels
    mask = mask.clone().requires_grad_()
    steps = []
    for rate, epochs in schedule:
        # A new learning rate keeps the momentum buffer.
        if not steps:
            optimizer = torch.optim.SGD([mask], lr=rate, momentum=momentum)
        optimizer.param_groups[0]["lr"] = rate
        for _ in range(epochs):
            for rows in torch.randperm(len(labels), generator=order).split(batch_size):
                optimizer.zero_grad()
                hidden = torch.tanh(inputs[rows] @ network.weights[0].T) * mask
                F.cross_entropy(hidden @ network.weights[1].T, labels[rows]).backward()
                optimizer.step()
                steps.append(mask.detach().clone())
    return steps


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("exact", [True, False])
def test_mask_training_is_plain_supermask_training_step_by_step(momentum, exact):
    """From exact activations to rounding, from cached ones to that of half precision."""
    network, split = random_network(6, 20, 3), random_split(50)
    schedule = [(0.5, 2), (0.1, 1)]
    chosen = options(schedule, momentum=momentum, batch_size=16).gradient
    view = view_of(network, split, cache=True)
    start = initial_mask(20, chosen, seed=1)
    expected = plain_supermask(network, split, start, schedule, momentum, 16, stream(1, "order"))

    seen = []
    cached = view.activation_reader(16)
    steps = []

    def spy(rows):
        seen.append(rows)
        return network.hidden(split.batch(rows)) if exact else cached(rows)

    # Train to each prefix of the schedule that ends with an epoch; the order is the same stream.
    for epochs in ([(0.5, 1)], [(0.5, 2)], schedule):
        trained = train_mask(
            spy, split.labels, network.weights[1], start,
            chosen.model_copy(update={"schedule": epochs}), stream(1, "order"),
        )  # fmt: skip
        steps.append(trained)
    per_epoch = 4  # 50 examples: 16 + 16 + 16 + 2
    tolerance = 1e-5 if exact else 2e-3
    for epoch, trained in enumerate(steps, start=1):
        reference = expected[epoch * per_epoch - 1]
        torch.testing.assert_close(trained, reference, rtol=tolerance, atol=tolerance)
        assert (reference - start).abs().max() > 20 * tolerance  # it did learn something
    assert {len(rows) for rows in seen} == {16, 2}
    # Every epoch sees every example once.
    assert sorted(torch.cat(seen[:per_epoch]).tolist()) == list(range(50))


def test_mask_training_starts_from_the_stated_distribution():
    normal = initial_mask(10_000, options().gradient, 0)
    assert normal.mean().item() == pytest.approx(0.5, abs=5e-4)
    assert normal.std().item() == pytest.approx(0.01, rel=0.05)
    uniform = initial_mask(10_000, options(mask_init="uniform").gradient, 0)
    assert 0 <= uniform.min() < 0.001 and 0.999 < uniform.max() <= 1


def test_gradient_prunes_the_lowest_mask_values_and_keeps_the_mask():
    network, split = random_network(6, 7, 3), random_split()
    for subnetwork in prune_network("gradient", network, WIDTHS, view_of(network, split)):
        (kept,), (mask,) = subnetwork.kept, subnetwork.mask
        pruned = sorted(set(range(7)) - set(kept.tolist()))
        assert not pruned or mask[kept].min() >= mask[pruned].max()


def test_seeds_decide_initial_masks_and_data_order():
    network, split = random_network(6, 7, 3), random_split()

    def masks(**changes):
        values = {}
        for seed in (0, 1):
            view = view_of(network, split, seed=seed, **changes)
            (subnetwork,) = prune_network("gradient", network, [(7,)], view)
            values[seed] = subnetwork.mask[0]
        return values

    chosen = options().gradient
    assert not torch.equal(initial_mask(7, chosen, 0), initial_mask(7, chosen, 1))
    together = masks(batch_size=50)  # one batch an epoch: the order does not matter ...
    apart = masks(batch_size=5)
    assert not torch.allclose(together[0], together[1], atol=1e-4)
    assert not torch.allclose(apart[0], together[0], atol=1e-4)


def test_divergence_is_an_error():
    network, split = random_network(6, 7, 3), random_split()
    network.weights[1][0, 0] = float("inf")
    with pytest.raises(FloatingPointError, match="diverged"):
        prune_network("gradient", network, WIDTHS, view_of(network, split))


def test_unknown_methods_and_impossible_requests_are_refused():
    network, split = random_network(6, 7, 3), random_split()
    deep = random_network(6, 7, 7, 3)
    view = view_of(network, split)
    with pytest.raises(ValueError, match="did you mean 'ossum'"):
        prune_network("osum", network, WIDTHS, view)
    with pytest.raises(ValueError, match="at most 1 hidden"):
        prune_network("ossum", deep, [(1, 1)], view_of(deep, split))
    for widths in [(0,), (8,), (2, 2)]:
        with pytest.raises(ValueError, match="cannot keep"):
            prune_network("ossum", network, [widths], view)
