"""Pruning of deep networks: prune-and-build, norm then score, coresets, deep supermasks."""

from dataclasses import replace
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from helpers import options, random_network, random_split

from ossum.config import Pruning
from ossum.evaluation import evaluate, masked
from ossum.forward import sums_by_class
from ossum.networks import Network, Subnetwork
from ossum.options import CoresetOptions, GradientOptions
from ossum.pruning import prune_network
from ossum.pruning.coreset import draw_distinct, importance, reweighting
from ossum.pruning.gradient import initial_mask
from ossum.pruning.prune_and_build import output_weights
from ossum.pruning.view import TrainingView
from ossum.registry import METHODS
from ossum.rng import stream
from ossum.scoring import linear_ossum_scores, log_ossum_scores, ossum_scores
from ossum.training.masks import train_mask, train_masks

SCORES = {"ossum": ossum_scores, "linear-ossum": linear_ossum_scores, "log-ossum": log_ossum_scores}
ANY_DEPTH = [name for name, spec in METHODS.items() if spec.max_hidden_layers is None]
PHI = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


def with_biases(network: Network, seed: int = 5) -> Network:
    generator = torch.Generator().manual_seed(seed)
    biases = (torch.randn(len(w), generator=generator) for w in network.weights)
    return replace(network, biases=tuple(biases))


def a_view(network, split=None, seed=3, **changes):
    split = split or random_split(60)
    return TrainingView(network, split, options().model_copy(update=changes), seed)


def prune(method, network, widths, **changes):
    return prune_network(method, network, widths, a_view(network, **changes))


def same(a: Subnetwork, b: Subnetwork) -> bool:
    return (
        all(torch.equal(x, y) for x, y in zip(a.kept, b.kept, strict=True))
        and a.weights.keys() == b.weights.keys()
        and all(torch.equal(a.weights[i], b.weights[i]) for i in a.weights)
    )


def plain_activations(network, split, kept):
    """All activations of each layer, given the kept neurons of the layers below, in float64."""
    inputs, result = split.inputs().double(), []
    for layer, weights in enumerate(network.weights[:-1]):
        sums = inputs @ weights.double().T
        if network.biases:
            sums = sums + network.biases[layer].double()
        result.append(PHI[network.activation](sums))
        mask = torch.zeros(len(weights))
        if layer < len(kept):
            mask[kept[layer]] = 1
        inputs = result[-1] * mask
    return result


def plain_class_sums(activations, labels, n_classes):
    return torch.stack([activations[labels == alpha].sum(dim=0) for alpha in range(n_classes)])


def best(scores, count):
    """The `count` best by Python's own stable sort."""
    order = sorted(range(len(scores)), key=lambda j: -float(scores[j]))
    return torch.tensor(sorted(order[:count]))


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("name", SCORES)
def test_prune_and_build_against_a_plain_loop(name, biased):
    network, split = random_network(6, 9, 8, 7, 3), random_split(60)
    network = with_biases(network) if biased else network
    widths = (4, 8, 3)
    kept = []
    for layer, count in enumerate(widths, start=1):
        activations = plain_activations(network, split, kept)[layer - 1]
        sums = plain_class_sums(activations, split.labels, 3)
        kept.append(best(SCORES[name](sums, output_weights(network, layer, seed=3)), count))
    (found,) = prune(f"{name}-pab", network, [widths])
    assert all(torch.equal(a, b) for a, b in zip(found.kept, kept, strict=True))


@pytest.mark.parametrize("name", SCORES)
def test_norm_then_score_against_a_plain_loop(name):
    network, split = random_network(6, 9, 8, 7, 3), random_split(60)
    kept = [
        best([sum(float(x) ** 2 for x in row) for row in weights], count)
        for weights, count in zip(network.weights[:2], (4, 5), strict=True)
    ]
    activations = plain_activations(network, split, kept)[2]
    sums = plain_class_sums(activations, split.labels, 3)
    kept.append(best(SCORES[name](sums, network.weights[3]), 2))
    (found,) = prune(f"{name}-norm", network, [(4, 5, 2)])
    assert all(torch.equal(a, b) for a, b in zip(found.kept, kept, strict=True))


def test_the_score_sees_the_pruned_network():
    """On the activations of the full network the last layer would be pruned otherwise."""
    network, split = random_network(6, 30, 30, 3), random_split(60)
    (found,) = prune("ossum-norm", network, [(2, 10)])
    full = plain_class_sums(
        plain_activations(network, split, [torch.arange(30)])[1], split.labels, 3
    )
    assert not torch.equal(found.kept[1], best(ossum_scores(full, network.weights[2]), 10))


@pytest.mark.parametrize("variant", ["pab", "norm"])
@pytest.mark.parametrize("name", SCORES)
def test_with_one_hidden_layer_they_are_the_score_itself(name, variant):
    network, widths = random_network(6, 9, 3), [(4,), (9,), (1,)]
    expected = prune(name, network, widths)
    assert all(map(same, prune(f"{name}-{variant}", network, widths), expected))


def test_output_layers_before_the_last_are_random_and_apart():
    network = random_network(6, 40, 40, 40, 3)
    first, second, last = (output_weights(network, layer, 0) for layer in (1, 2, 3))
    assert last is network.weights[-1]
    assert not torch.equal(first, second)
    assert not torch.equal(first, output_weights(network, 1, 1))
    assert first.abs().max() <= 40**-0.5 and first.abs().max() > 0.9 * 40**-0.5


@pytest.mark.parametrize("method", [m for m in ANY_DEPTH if m != "gradient"])
def test_pruning_to_many_widths_is_pruning_to_each(method):
    network = random_network(6, 9, 8, 7, 3)
    widths = [*product((2, 5, 9), (3, 8), (1, 7)), (2, 3, 1)]
    together = prune(method, network, widths)
    for wanted, subnetwork in zip(widths, together, strict=True):
        assert subnetwork.widths == wanted
        assert same(subnetwork, prune(method, network, [wanted])[0])


def test_shared_layers_are_scored_once(monkeypatch):
    """n widths a layer: 1 + n + n^2 class sums; with norm, one pass serves all three scores."""
    asked = []

    def counting(network, subnetworks, split):
        asked.append(len(subnetworks))
        return sums_by_class(network, subnetworks, split)

    monkeypatch.setattr("ossum.pruning.view.sums_by_class", counting)
    network = random_network(6, 9, 8, 7, 3)
    view, widths = a_view(network), list(product((2, 5, 7), (2, 5, 7), (1, 2, 5)))
    prune_network("ossum-pab", network, widths, view)
    assert asked == [1, 3, 9]
    prune_network("ossum-norm", network, widths, view)
    prune_network("linear-ossum-norm", network, widths, view)
    assert len(asked) == 4 and asked[3] <= 9


@pytest.mark.parametrize("method", ANY_DEPTH)
def test_keeping_everything_is_the_network_itself(method):
    network = random_network(6, 5, 4, 3)
    (subnetwork,) = prune(method, network, [(5, 4)])
    same_network = subnetwork.of(network)
    for a, b in zip(same_network.weights, network.weights, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("method", ANY_DEPTH)
def test_every_method_keeps_exactly_what_is_asked_for(method):
    network = random_network(6, 9, 8, 3, activation="relu")
    widths = [(1, 1), (9, 1), (1, 8), (4, 5)]
    for wanted, found in zip(widths, prune(method, network, widths), strict=True):
        assert found.widths == wanted
        for kept, width in zip(found.kept, network.hidden_widths, strict=True):
            assert kept.tolist() == sorted(set(kept.tolist()))
            assert kept.min() >= 0 and kept.max() < width


# Coresets


def test_a_fixed_number_of_draws_is_unbiased():
    """The exact expectation over all sequences of three draws is the layer itself."""
    weights = torch.randn(2, 4, dtype=torch.float64)
    activations = torch.rand(4, dtype=torch.float64)
    p = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    mean = torch.zeros(2, dtype=torch.float64)
    for sequence in product(range(4), repeat=3):
        hits = torch.bincount(torch.tensor(sequence), minlength=4).double()
        kept = hits.nonzero().flatten()
        factors = reweighting(hits[kept], p[kept])
        estimate = (weights[:, kept] * factors) @ activations[kept]
        mean += p[list(sequence)].prod() * estimate
    torch.testing.assert_close(mean, weights @ activations)


def test_drawing_has_the_distribution_of_the_plain_loop():
    """Two different ones of three: which pair, and how many draws it took, in closed form."""
    p = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
    generator, n = torch.Generator().manual_seed(0), 6000
    pairs, draws = torch.zeros(3, 3), []
    for _ in range(n):
        kept, hits = draw_distinct(p, 2, generator)
        pairs[kept[0], kept[1]] += 1
        draws.append(float(hits.sum()))
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        expected = float(p[i] * p[j] / (1 - p[i]) + p[j] * p[i] / (1 - p[j]))
        assert pairs[i, j] / n == pytest.approx(expected, abs=4 * (expected / n) ** 0.5)
    mean = 1 + float((p / (1 - p)).sum())  # the first, then on average 1 / (1 - p_i) more
    assert torch.tensor(draws).mean() == pytest.approx(mean, rel=0.05)


def test_stopping_at_different_neurons_is_biased_against_likely_ones():
    """Two of two with p = 0.9, 0.1: E[h/c] of the likely one in closed form is 0.792, not 0.9."""
    p = torch.tensor([0.9, 0.1], dtype=torch.float64)
    q = 1 - p
    # The sum over k of p^k k/(k+1) and of q^k/(k+1), k >= 1.
    likely = q[0] * (p[0] / q[0] + 1 + q[0].log() / p[0])
    expected = float(likely + p[0] * (-p[0].log() / q[0] - 1))
    assert expected == pytest.approx(0.7924, abs=1e-3)
    generator = torch.Generator().manual_seed(0)
    shares = []
    for _ in range(4000):
        _, hits = draw_distinct(p, 2, generator)
        shares.append(float(hits[0] / hits.sum()))
    assert torch.tensor(shares).mean() == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("count", [1, 5, 199])
def test_drawing_ends_however_skewed_the_importances_are(count):
    p = torch.logspace(0, -30, 200, dtype=torch.float64)
    kept, hits = draw_distinct(p / p.sum(), count, torch.Generator().manual_seed(0))
    assert len(set(kept.tolist())) == count
    assert torch.isfinite(hits).all() and (hits >= 1).all() and (hits == hits.round()).all()


@pytest.mark.parametrize("biased", [False, True])
def test_importance_is_the_formula(biased):
    network = random_network(6, 5, 4, 3)
    network = with_biases(network) if biased else network
    lower = Subnetwork((torch.tensor([0, 3]),), {2: torch.ones(4, 2)})
    found = importance(network, lower, 1.7)
    for i in range(4):
        outgoing = max(abs(float(w)) for w in network.weights[2][:, i])
        bias = float(network.biases[1][i]) if biased else 0.0
        norm = (1 + 1 + bias**2) ** 0.5
        assert found[i] == pytest.approx(outgoing * float(torch.tensor(1.7 * norm).tanh()))


def test_coreset_reweights_what_the_kept_neurons_feed():
    """Dividing out the original weights leaves one factor h / (c p) a column, h and c integers."""
    network = random_network(6, 30, 20, 3)
    (found,) = prune("coreset", network, [(12, 7)])
    small, (first, second) = found.of(network), found.kept
    assert torch.equal(small.weights[0], network.weights[0][first])
    for layer, (rows, columns) in enumerate([(second, first), (torch.arange(3), second)], start=1):
        ratio = small.weights[layer] / network.weights[layer][rows][:, columns]
        torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio), rtol=1e-4, atol=1e-5)
        assert (ratio > 0).all() and ratio.max() > 1.01
    split = random_split(60)
    bound = float(split.inputs().norm(dim=1).max())
    p = importance(network, Subnetwork(()), bound)
    p = (p / p.sum())[first]
    relative = (
        (small.weights[1] / network.weights[1][second][:, first])[0].double() * p
    ).reciprocal()
    draws = relative.max()  # c / h, so c where h is 1
    torch.testing.assert_close(draws / relative, (draws / relative).round(), rtol=1e-3, atol=1e-3)


def test_the_bound_of_a_deeper_layer_is_of_the_pruned_network(monkeypatch):
    bounds = []

    def spying(network, pruned, bound):
        bounds.append(bound)
        return importance(network, pruned, bound)

    monkeypatch.setattr("ossum.pruning.coreset.importance", spying)
    network, split = random_network(6, 30, 20, 3), random_split(60)
    (found,) = prune("coreset", network, [(12, 7)])
    hidden = plain_activations(network, split, [])[0][:, found.kept[0]]
    expected = [float(split.inputs().norm(dim=1).max()), float(hidden.norm(dim=1).max())]
    assert bounds == pytest.approx(expected)
    bounds.clear()
    prune("coreset", with_biases(network), [(12, 7)])
    assert bounds[0] == pytest.approx((expected[0] ** 2 + 1) ** 0.5)  # the bias's input is 1
    bounds.clear()
    prune("coreset", network, [(12, 7)], coreset=CoresetOptions(beta="one"))
    assert bounds == [1.0, 1.0]


def test_coreset_without_reweighting_is_a_plain_selection():
    network, plain = random_network(6, 30, 20, 3), CoresetOptions(reweight=False)
    (found,) = prune("coreset", network, [(12, 7)], coreset=plain)
    assert not found.weights
    assert same(found, prune("coreset", network, [(12, 7)], coreset=plain)[0])
    assert not same(found, prune("coreset", network, [(12, 7)], seed=4, coreset=plain)[0])


def test_coreset_options_come_from_the_configuration():
    gradient = {"schedule": {"mnist": [[0.1, 1]]}}
    assert Pruning(gradient=gradient).options("mnist").coreset == CoresetOptions()
    changed = Pruning(gradient=gradient, coreset={"reweight": False, "beta": "one"})
    assert changed.options("mnist").of("coreset") == {"reweight": False, "beta": "one"}


def test_layers_are_drawn_apart():
    ones = Network((torch.ones(50, 6), torch.ones(50, 50), torch.ones(3, 50)))
    (found,) = prune("coreset", ones, [(10, 10)])
    assert not torch.equal(*found.kept)


def test_neurons_without_importance_are_kept_last():
    network = random_network(6, 10, 3)
    network.weights[1][:, [0, 4, 5]] = 0
    (found,) = prune("coreset", network, [(8,)])
    assert found.kept[0].tolist() == [0, 1, 2, 3, 6, 7, 8, 9]
    assert not found.weights
    torch.testing.assert_close(
        found.of(network).logits(torch.ones(1, 6)), network.logits(torch.ones(1, 6))
    )


def test_importances_must_be_numbers():
    network = random_network(6, 10, 3)
    network.weights[1][0, 0] = float("nan")
    with pytest.raises(ValueError, match="finite"):
        prune("coreset", network, [(2,)])


# Supermasks


@pytest.mark.parametrize("biased", [False, True])
def test_deep_and_two_layer_mask_training_agree_step_by_step(biased):
    network, split = random_network(6, 9, 3), random_split(40)
    network = with_biases(network) if biased else network
    for epochs in (1, 2, 5):
        opts = GradientOptions(schedule=[(0.5, epochs)], batch_size=16)
        start = initial_mask(9, opts, seed=1)
        fast = train_mask(
            activations=lambda rows: network.hidden(split.batch(rows)),
            labels=split.labels,
            output_weights=network.weights[-1],
            mask=start,
            options=opts,
            order=stream(0, "order"),
            output_bias=network.biases[-1] if biased else None,
        )
        (plain,) = train_masks(network, split, [start], opts, stream(0, "order"))
        torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-5)
        assert (plain - start).abs().max() > 1e-2


def test_deep_masks_against_float64_autograd():
    network, split = random_network(6, 9, 8, 3), random_split(40)
    opts = options(schedule=[(0.5, 2), (0.05, 1)], batch_size=16)
    view = TrainingView(network, split, opts, seed=3)
    masks = [initial_mask(h, opts.gradient, 3, i).double() for i, h in ((1, 9), (2, 8))]
    masks = [mask.requires_grad_() for mask in masks]
    optimizer = torch.optim.SGD(masks, lr=0.5, momentum=0.9)
    order = stream(3, "mask training order")
    w1, w2, w3 = (w.double() for w in network.weights)
    for epoch in range(3):
        if epoch == 2:
            optimizer.param_groups[0]["lr"] = 0.05
        rows = torch.randperm(40, generator=order)
        for start in range(0, 40, 16):
            batch = rows[start : start + 16]
            hidden = torch.tanh(split.inputs()[batch].double() @ w1.T) * masks[0]
            hidden = torch.tanh(hidden @ w2.T) * masks[1]
            optimizer.zero_grad()
            F.cross_entropy(hidden @ w3.T, split.labels[batch]).backward()
            optimizer.step()
    (found,) = prune_network("gradient", network, [(4, 3)], view)
    for mask, kept, expected, count in zip(found.mask, found.kept, masks, (4, 3), strict=True):
        torch.testing.assert_close(mask.double(), expected.detach(), rtol=1e-4, atol=1e-5)
        assert torch.equal(kept, best(expected.detach(), count))


def test_initial_masks_have_a_stream_a_layer():
    opts = options().gradient
    assert torch.equal(initial_mask(9, opts, 0), initial_mask(9, opts, 0, 1))
    assert not torch.equal(initial_mask(9, opts, 0, 1), initial_mask(9, opts, 0, 2))


# Biases, wherever a network is computed


@pytest.mark.parametrize("activation", PHI)
@pytest.mark.parametrize("sizes", [(6, 5, 3), (6, 5, 4, 3)])
def test_biases_enter_everything(activation, sizes):
    network, split = with_biases(random_network(*sizes, activation=activation)), random_split(50)
    inputs = split.inputs()
    kept = tuple(torch.arange(0, width, 2) for width in network.hidden_widths)
    phi, hidden = PHI[activation], inputs
    for weights, bias, keep in zip(network.weights, network.biases, kept, strict=False):
        mask = torch.zeros(len(weights))
        mask[keep] = 1
        hidden = phi(hidden @ weights.T + bias) * mask
    expected = hidden @ network.weights[-1].T + network.biases[-1]
    subnetwork = Subnetwork(kept)
    small = subnetwork.of(network)
    torch.testing.assert_close(small.logits(inputs), expected)
    torch.testing.assert_close(small.to_module()(inputs), expected)
    ones = tuple(
        torch.zeros(w).index_fill(0, k, 1) for w, k in zip(network.hidden_widths, kept, strict=True)
    )
    for score in evaluate(network, [subnetwork, masked(network, ones)], split):
        assert score.loss == pytest.approx(float(F.cross_entropy(expected, split.labels)), rel=1e-5)


def test_layers_of_a_network_are_a_network():
    network = with_biases(random_network(6, 5, 4, 3))
    inputs = torch.rand(2, 6)
    torch.testing.assert_close(
        network[1:].logits(network[:2].hidden(inputs)), network.logits(inputs)
    )
