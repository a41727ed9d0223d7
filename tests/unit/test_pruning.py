"""The interface of all methods, and the methods for one hidden layer, against definitions."""

import pytest
import torch
import torch.nn.functional as F
from helpers import float64, options, random_network, random_split
from torch.profiler import profile

from ossum.config.options import BestRandomOptions
from ossum.config.registry import METHODS
from ossum.networks.forward import class_activation_sums, class_sums
from ossum.networks.network import Network
from ossum.networks.rng import stream
from ossum.pruning import prune_network
from ossum.pruning.gradient import initial_mask
from ossum.pruning.scoring import SCORES, top_neurons
from ossum.pruning.view import TrainingView
from ossum.training.masks import train_mask

TWO_LAYER = [(7,), (4,), (2,), (1,)]
DEEP = [(7, 5), (7, 1), (1, 5), (4, 3), (4, 2)]
# Every method with every depth that it prunes.
CASES = [(method, TWO_LAYER) for method in METHODS]
CASES += [(method, DEEP) for method, spec in METHODS.items() if not spec.max_hidden_layers]


def prune(method, network, widths, split=None, seed=0, **changes):
    view = TrainingView(network, split or random_split(), options(**changes), seed)
    return prune_network(method, network, widths, view)


@pytest.mark.parametrize(("method", "widths"), CASES)
def test_all_widths_at_once_are_what_each_is_alone_and_all_neurons_are_the_network(method, widths):
    network = random_network(6, *widths[0], 3)
    together = prune(method, network, widths)
    assert [subnetwork.widths for subnetwork in together] == widths
    for wanted, subnetwork in zip(widths, together, strict=True):
        (alone,) = prune(method, network, [wanted])
        for kept, same, width in zip(subnetwork.kept, alone.kept, widths[0], strict=True):
            assert kept.tolist() == sorted({*kept.tolist()} & {*range(width)})
            assert torch.equal(kept, same)
        assert subnetwork.weights.keys() == alone.weights.keys()
        for layer, weights in subnetwork.weights.items():
            torch.testing.assert_close(weights, alone.weights[layer])
    whole = together[0].of(network)
    assert all(torch.equal(a, b) for a, b in zip(whole.weights, network.weights, strict=True))


def test_unknown_methods_and_impossible_requests_are_refused():
    network = random_network(6, 7, 3)
    with pytest.raises(ValueError, match="did you mean 'ossum'"):
        prune("osum", network, [(1,)])
    with pytest.raises(ValueError, match=r"at most 1 hidden.*ossum-pab prunes any"):
        prune("ossum", random_network(6, 7, 7, 3), [(1, 1)])
    for widths in [(0,), (8,), (2, 2)]:
        with pytest.raises(ValueError, match="cannot keep"):
            prune("ossum", network, [widths])


@pytest.mark.parametrize("score", SCORES)
def test_two_layer_ossum_keeps_the_best_by_score(score):
    network, split = random_network(6, 40, 3), random_split()
    sums = class_activation_sums(float64(network, split.inputs())[0], split.labels, 3)
    scores = SCORES[score](sums, network.weights[1])
    for found in prune(score, network, [(30,), (10,), (5,)], split):
        assert torch.equal(found.kept[0], top_neurons(scores, *found.widths))


def test_norm_keeps_the_longest_rows():
    network = random_network(3, 4, 3)
    # L2 norms 3, 2, 3.5, 1; by L1 (3, 3.4, 3.5, 1.7) or the largest weight the order is another.
    rows = [[3, 0, 0], [1.2, -1.2, 1], [0, -3.5, 0], [-0.6, 0.5, 0.6]]
    network.weights[0].copy_(torch.tensor(rows))
    kept = prune("norm", network, [(1,), (2,), (3,)])
    assert [s.kept[0].tolist() for s in kept] == [[2], [0, 2], [0, 1, 2]]


def test_outgoing_norm_keeps_the_longest_columns():
    network = random_network(6, 4, 3)
    outgoing = torch.tensor([[1.0, 0, 2, 0], [1, 3, 2, 0], [1, 0, 0, 1]])
    network = Network((network.weights[0], outgoing))
    kept = prune("norm-outgoing", network, [(1,), (2,), (3,)])  # norms √3, 3, √8, 1
    assert [s.kept[0].tolist() for s in kept] == [[1], [1, 2], [0, 1, 2]]


def test_random_differs_between_seeds_and_layers_and_is_uniform():
    network = random_network(6, 8, 8, 3)
    kept = []
    for seed in range(200):
        (s,) = prune("random", network, [(4, 4)], seed=seed)
        kept.append([tuple(indices.tolist()) for indices in s.kept])
    assert len({first for first, _ in kept}) > 50
    assert sum(first == second for first, second in kept) < 20
    counts = [sum(j in first for first, _ in kept) for j in range(8)]
    assert all(70 < count < 130 for count in counts)  # 100 expected, sd 7


# Best of random


def draws_of(network, count, split, seed, n_draws):
    """The random subsets of a seed with (misclassified, loss) on the training set, plainly."""
    (width,) = network.hidden_widths
    for draw in range(n_draws):
        order = torch.randperm(width, generator=stream(seed, "best of random", draw))
        kept = order[:count].sort().values
        _, logits = float64(network, split.inputs(), (kept,))
        wrong = (logits.argmax(dim=1) != split.labels).sum().item()
        yield kept.tolist(), (wrong, F.cross_entropy(logits, split.labels).item())


@pytest.mark.parametrize("biased", [False, True])
def test_best_random_is_the_best_of_its_draws_on_the_training_set(biased, monkeypatch):
    monkeypatch.setattr("ossum.pruning.best_random._ROWS", 7)  # 50 = 7 * 7 + 1
    network, split = random_network(6, 20, 3, biased=biased), random_split()
    widths = [(20,), (10,), (3,), (1,)]
    tied = 0
    for wanted, found in zip(widths, prune("best-random", network, widths, split, 1), strict=True):
        draws = list(draws_of(network, *wanted, split, seed=1, n_draws=100))
        best = min(key for _, key in draws)
        assert (found.kept[0].tolist(), best) in draws
        tied += len({key for _, key in draws if key[0] == best[0]}) > 1
    assert tied  # in accuracy, so that the cross-entropy decided at least once


def test_the_number_of_draws_is_an_option():
    network, split = random_network(6, 20, 3), random_split()
    few = options().model_copy(update={"best_random": BestRandomOptions(draws=1)})
    view = TrainingView(network, split, few, seed=1)
    (subnetwork,) = prune_network("best-random", network, [(5,)], view)
    ((only, _),) = draws_of(network, 5, split, seed=1, n_draws=1)
    assert subnetwork.kept[0].tolist() == only


# What methods share


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize("blanks", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("in_bytes", [False, True])
def test_one_streaming_pass_gives_class_sums_and_activations(
    cache, blanks, biased, in_bytes, monkeypatch
):
    monkeypatch.setattr("ossum.networks.forward.bytes_are_fast", lambda: in_bytes)
    monkeypatch.setattr("ossum.networks.forward.BATCH_ROWS", 7)  # 50 = 7 * 7 + 1
    monkeypatch.setattr("ossum.networks.forward.BLOCK_NEURONS", 3)  # 7 = 3 + 3 + 1
    network, split = random_network(6, 7, 3, biased=biased), random_split(blanks=blanks)
    assert blanks == (split.blanks_last is not None)
    view = TrainingView(network, split, options(), 0, cache_activations=cache)
    hidden, _ = float64(network, split.inputs())
    expected = class_activation_sums(hidden, split.labels, 3)
    torch.testing.assert_close(view.class_sums, expected, rtol=1e-5, atol=1e-5)
    rows = torch.tensor([3, 49, 3])
    read = view.activation_reader(3)(rows)
    torch.testing.assert_close(read, hidden[rows].half().float(), rtol=1e-3, atol=1e-6)
    assert torch.equal(read, read.half().float())  # a cache changes no result


def test_the_pass_happens_once(monkeypatch):
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return class_sums(*arguments)

    monkeypatch.setattr("ossum.pruning.view.class_sums", counted)
    network = random_network(6, 7, 3)
    view = TrainingView(network, random_split(), options(), 0, cache_activations=True)
    for method in METHODS:
        prune_network(method, network, TWO_LAYER, view)
    assert len(calls) == 1


# Supermasks


def test_blank_pixels_take_the_memory_of_one_first_layer(monkeypatch):
    monkeypatch.setattr("ossum.networks.forward.BLOCK_NEURONS", 100)
    network, split = random_network(20, 10_000, 3), random_split(50, 20, blanks=True)
    assert split.blanks_last is not None
    with profile(profile_memory=True) as profiled:
        class_sums(network, split)
    largest = max(event.self_cpu_memory_usage for event in profiled.events())
    assert 0 < largest <= 4 * 20 * 10_000


def plain_supermask(network, split, mask, schedule, momentum, batch_size, order):
    """Algorithm 3 as one would write it, with autograd and torch.optim.SGD: the mask by epoch."""
    inputs, labels = split.inputs(), split.labels
    mask = mask.clone().requires_grad_()
    optimizer = torch.optim.SGD([mask], lr=0.0, momentum=momentum)
    masks = []
    for rate, epochs in schedule:
        optimizer.param_groups[0]["lr"] = rate  # keeps the momentum buffer
        for _ in range(epochs):
            for rows in torch.randperm(len(labels), generator=order).split(batch_size):
                optimizer.zero_grad()
                hidden = torch.tanh(inputs[rows] @ network.weights[0].T) * mask
                F.cross_entropy(hidden @ network.weights[1].T, labels[rows]).backward()
                optimizer.step()
            masks.append(mask.detach().clone())
    return masks


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("exact", [True, False])
def test_mask_training_is_plain_supermask_training(momentum, exact):
    """With exact activations it agrees up to rounding, with cached ones up to half precision."""
    network, split = random_network(6, 20, 3), random_split(50, blanks=True)
    schedule = [(0.5, 2), (0.1, 1)]
    chosen = options(schedule, momentum=momentum, batch_size=16).gradient
    cached = TrainingView(network, split, options(), 0, True).activation_reader(16)
    start = initial_mask(20, chosen, seed=1)
    expected = plain_supermask(network, split, start, schedule, momentum, 16, stream(1, "order"))
    seen = []

    def read(rows):
        seen.append(rows)
        return network.hidden(split.batch(rows)) if exact else cached(rows)

    tolerance = 1e-5 if exact else 2e-3
    for prefix, reference in zip(([(0.5, 1)], [(0.5, 2)], schedule), expected, strict=True):
        trained = train_mask(
            read,
            split.labels,
            network.weights[1],
            start,
            chosen.model_copy(update={"schedule": prefix}),
            stream(1, "order"),
        )
        torch.testing.assert_close(trained, reference, rtol=tolerance, atol=tolerance)
        assert (reference - start).abs().max() > 20 * tolerance  # it did learn something
    first_epoch = seen[:4]  # of 16, 16, 16 and 2 examples, each once
    assert sorted(torch.cat(first_epoch).tolist()) == list(range(50))


def test_initial_masks_have_the_stated_distribution_and_a_stream_per_seed_and_layer():
    chosen = options().gradient
    normal = initial_mask(10_000, chosen, 0)
    assert normal.mean().item() == pytest.approx(0.5, abs=5e-4)
    assert normal.std().item() == pytest.approx(0.01, rel=0.05)
    uniform = initial_mask(10_000, options(mask_init="uniform").gradient, 0)
    assert 0 <= uniform.min() < 0.001 and 0.999 < uniform.max() <= 1
    for other in (initial_mask(10_000, chosen, 1), initial_mask(10_000, chosen, 0, layer=2)):
        assert not torch.equal(normal, other)


def test_gradient_prunes_the_lowest_mask_values_and_keeps_the_mask():
    for subnetwork in prune("gradient", random_network(6, 7, 3), TWO_LAYER):
        (kept,), (mask,) = subnetwork.kept, subnetwork.mask
        pruned = sorted(set(range(7)) - set(kept.tolist()))
        assert not pruned or mask[kept].min() >= mask[pruned].max()


def test_divergence_is_an_error():
    network = random_network(6, 7, 3)
    network.weights[1][0, 0] = float("inf")
    with pytest.raises(FloatingPointError, match="diverged"):
        prune("gradient", network, TWO_LAYER)
