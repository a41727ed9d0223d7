"""Pruning of deep networks: prune-and-build, norm then score, coresets, deep supermasks."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from helpers import hidden_layers, options, random_network, random_split

from ossum.config.options import CoresetOptions, FreshLayersOptions
from ossum.networks.forward import (
    class_activation_sums,
    class_sums_above,
    hidden_blocks,
    layers_above,
)
from ossum.networks.network import Network, Subnetwork
from ossum.networks.rng import stream
from ossum.pruning import prune_network
from ossum.pruning.coreset import draw_distinct, importance, reweighting
from ossum.pruning.gradient import initial_mask
from ossum.pruning.prune_and_build import output_weights
from ossum.pruning.scoring import SCORES, ossum_scores, top_neurons
from ossum.pruning.view import TrainingView
from ossum.training.masks import train_mask, train_masks

SPLIT = random_split(60, blanks=True)


def prune(method, network, widths, seed=3, **changes):
    view = TrainingView(network, SPLIT, options().model_copy(update=changes), seed)
    return prune_network(method, network, widths, view)


def same(a: Subnetwork, b: Subnetwork) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.kept, b.kept, strict=True))


def plain_class_sums(network, kept):
    """S of the layer above the kept neurons."""
    activations = hidden_layers(network, SPLIT.inputs(), kept)[len(kept)]
    return torch.stack([activations[SPLIT.labels == alpha].sum(dim=0) for alpha in range(3)])


def best(scores, count):
    """The `count` best by Python's own stable sort."""
    order = sorted(range(len(scores)), key=lambda j: -float(scores[j]))
    return torch.tensor(sorted(order[:count]))


# Scores, layer by layer


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("name", SCORES)
def test_prune_and_build_against_a_plain_loop(name, biased):
    network = random_network(6, 9, 8, 7, 3, biased=biased)
    kept = []
    for layer, count in enumerate((4, 8, 3), start=1):
        output = output_weights(network, layer, seed=3)
        kept.append(best(SCORES[name](plain_class_sums(network, kept), output), count))
    (found,) = prune(f"{name}-pab", network, [(4, 8, 3)])
    assert same(found, Subnetwork(tuple(kept)))


@pytest.mark.parametrize("name", SCORES)
def test_norm_then_score_against_a_plain_loop(name):
    network = random_network(6, 9, 8, 7, 3)
    kept = [
        best([sum(float(x) ** 2 for x in row) for row in weights], count)
        for weights, count in zip(network.weights[:2], (4, 5), strict=True)
    ]
    kept.append(best(SCORES[name](plain_class_sums(network, kept), network.weights[3]), 2))
    (found,) = prune(f"{name}-norm", network, [(4, 5, 2)])
    assert same(found, Subnetwork(tuple(kept)))


def test_the_score_sees_the_pruned_network():
    """On the activations of the full network the last layer would be pruned otherwise."""
    network = random_network(6, 30, 30, 3)
    (found,) = prune("ossum-norm", network, [(2, 10)])
    full = plain_class_sums(network, [torch.arange(30)])
    assert not torch.equal(found.kept[1], best(ossum_scores(full, network.weights[2]), 10))


@pytest.mark.parametrize("variant", ["pab", "norm"])
@pytest.mark.parametrize("name", SCORES)
def test_with_one_hidden_layer_they_are_the_score_itself(name, variant):
    network, widths = random_network(6, 9, 3), [(4,), (9,), (1,)]
    assert all(map(same, prune(f"{name}-{variant}", network, widths), prune(name, network, widths)))


def test_output_layers_before_the_last_are_random_and_apart():
    network = random_network(6, 40, 40, 40, 3)
    first, second, last = (output_weights(network, layer, 0) for layer in (1, 2, 3))
    assert last is network.weights[-1]
    assert not torch.equal(first, second)
    assert not torch.equal(first, output_weights(network, 1, 1))
    assert 0.9 * 40**-0.5 < first.abs().max() <= 40**-0.5


# What subnetworks share


def test_layers_above_are_those_of_the_masked_network_and_shared_ones_are_computed_once(
    monkeypatch,
):
    """Of three widths per layer: one layer 1 and 3 layers 2, for 9 ways to prune them."""
    network, inputs = random_network(6, 9, 8, 7, 3, biased=True), torch.randn(11, 6)
    first = [torch.tensor([0, 4, 5]), torch.tensor([2]), torch.arange(9)]
    ways = list(product(first, [torch.tensor([1, 2, 6]), torch.tensor([7]), torch.arange(8)]))
    calls, plain = [], Network.hidden
    monkeypatch.setattr("ossum.networks.forward.BLOCK_NEURONS", 5)

    def counting(layer, below):
        calls.append(layer.layer_sizes)
        return plain(layer, below)

    with monkeypatch.context() as patch:
        patch.setattr(Network, "hidden", counting)
        above = list(layers_above(network, ways, inputs))
    assert calls == [(6, 9, 8), (3, 8, 7), (1, 8, 7), (9, 8, 7)]
    assert sorted(i for i, *_ in above) == list(range(9))
    for i, layer, below in above:
        found = torch.cat([block for _, block in hidden_blocks(layer, below)], dim=1)
        expected = hidden_layers(network, inputs, ways[i])[2]
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)


def test_shared_layers_are_scored_once(monkeypatch):
    """n widths per layer: 1 + n + n^2 class sums; with norm, one pass serves all three scores."""
    asked = []

    def counting(network, pruned, split):
        asked.append(len(pruned))
        return class_sums_above(network, pruned, split)

    monkeypatch.setattr("ossum.pruning.view.class_sums_above", counting)
    network = random_network(6, 9, 8, 7, 3)
    view = TrainingView(network, SPLIT, options(), 3)
    widths = list(product((2, 5, 7), (2, 5, 7), (1, 2, 5)))
    prune_network("ossum-pab", network, widths, view)
    assert asked == [1, 3, 9]
    prune_network("ossum-norm", network, widths, view)
    prune_network("linear-ossum-norm", network, widths, view)
    assert len(asked) == 4 and asked[3] <= 9


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
    generator, shares = torch.Generator().manual_seed(0), []
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
    network = random_network(6, 5, 4, 3, biased=biased)
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
    p = importance(network, Subnetwork(()), float(SPLIT.inputs().norm(dim=1).max()))
    p = (p / p.sum())[first]
    factors = (small.weights[1] / network.weights[1][second][:, first])[0].double() * p  # h / c
    draws = factors.reciprocal().max()  # c, where h is 1
    torch.testing.assert_close(draws * factors, (draws * factors).round(), rtol=1e-3, atol=1e-3)


def test_the_bound_of_a_deeper_layer_is_of_the_pruned_network(monkeypatch):
    bounds = []

    def spying(network, pruned, bound):
        bounds.append(bound)
        return importance(network, pruned, bound)

    def found(biased=False, **options):
        bounds.clear()
        network = random_network(6, 30, 20, 3, biased=biased)
        (subnetwork,) = prune("coreset", network, [(12, 7)], coreset=CoresetOptions(**options))
        hidden = hidden_layers(network, SPLIT.inputs())[0][:, subnetwork.kept[0]]
        return [float(x.norm(dim=1).max()) for x in (SPLIT.inputs(), hidden)]

    monkeypatch.setattr("ossum.pruning.coreset.importance", spying)
    expected = found()
    assert bounds == pytest.approx(expected)
    expected = found(biased=True)  # the input of a bias is 1
    assert bounds == pytest.approx([(norm**2 + 1) ** 0.5 for norm in expected])
    found(beta="one")
    assert bounds == [1.0, 1.0]


def test_coresets_are_drawn_apart_by_seed_and_layer_and_reweighting_is_an_option():
    ones = Network((torch.ones(50, 6), torch.ones(50, 50), torch.ones(3, 50)))
    plain = CoresetOptions(reweight=False)
    (found,) = prune("coreset", ones, [(10, 10)], coreset=plain)
    assert not found.weights and not torch.equal(*found.kept)
    assert not same(found, prune("coreset", ones, [(10, 10)], seed=4, coreset=plain)[0])


def test_neurons_without_importance_are_kept_last():
    network = random_network(6, 10, 3)
    network.weights[1][:, [0, 4, 5]] = 0
    (found,) = prune("coreset", network, [(8,)])
    assert found.kept[0].tolist() == [0, 1, 2, 3, 6, 7, 8, 9]
    assert not found.weights  # nothing is lost, so nothing stands for it


def test_importances_must_be_numbers():
    network = random_network(6, 10, 3)
    network.weights[1][0, 0] = float("nan")
    with pytest.raises(ValueError, match="finite"):
        prune("coreset", network, [(2,)])


# Prune-and-build with fresh layers


def fresh(network, widths, build, seed=0):
    chosen = options().model_copy(update={"ossum_pab_fresh": FreshLayersOptions(build=build)})
    view = TrainingView(network, SPLIT, chosen, seed)
    return prune_network("ossum-pab-fresh", network, widths, view)


def test_fresh_layers_against_a_plain_loop():
    network, wanted, build = random_network(6, 9, 8, 3), (4, 3), 11
    (found,) = fresh(network, [wanted], build, seed=5)
    kept_layers, inputs = [], SPLIT.inputs().double()
    for depth, (n_in, keep) in enumerate(((6, 4), (4, 3)), start=1):
        layer = torch.empty(build, n_in).uniform_(
            -(n_in**-0.5), n_in**-0.5, generator=stream(5, "fresh hidden layer", depth, n_in)
        )
        head = torch.empty(3, build).uniform_(
            -(build**-0.5), build**-0.5, generator=stream(5, "fresh output layer", depth, build)
        )
        hidden = torch.tanh(inputs @ layer.double().T)
        sums = class_activation_sums(hidden, SPLIT.labels, 3)
        neurons = top_neurons(SCORES["ossum"](sums, head), keep)
        kept_layers.append(layer[neurons])
        inputs = hidden[:, neurons]
    small = found.of(network)
    expected = (*kept_layers, head[:, neurons])
    assert all(map(torch.equal, small.weights, expected))
    assert small.activation == network.activation


def test_fresh_layers_share_what_is_below_and_leave_the_whole_network_alone():
    network = random_network(6, 9, 8, 3)
    whole, *others = fresh(network, [(9, 8), (9, 2), (4, 8), (4, 2)], build=11)
    assert not whole.weights and all(len(s.weights) == 3 for s in others)
    assert torch.equal(others[1].weights[1], others[2].weights[1])
    assert not torch.equal(fresh(network, [(4, 2)], 11, seed=1)[0].weights[1], others[2].weights[1])


def test_fresh_layers_need_enough_neurons():
    with pytest.raises(ValueError, match=r"ossum_pab_fresh.build is 5: too few to keep 7 of"):
        fresh(random_network(6, 9, 8, 3), [(7, 2)], build=5)


# Supermasks


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("sigmoid", [False, True])
def test_deep_and_two_layer_mask_training_agree(biased, sigmoid):
    network, split = random_network(6, 9, 3, biased=biased), random_split(40)
    chosen = options([(0.5, 3)], batch_size=16, sigmoid=sigmoid).gradient
    start = initial_mask(9, chosen, seed=1)
    fast = train_mask(
        activations=lambda rows: network.hidden(split.batch(rows)),
        labels=split.labels,
        output_weights=network.weights[-1],
        mask=start,
        options=chosen,
        order=stream(0, "order"),
        output_bias=network.biases[-1] if biased else None,
    )
    (plain,) = train_masks(network, split, [start], chosen, stream(0, "order"))
    torch.testing.assert_close(fast, plain, rtol=1e-4, atol=1e-5)
    assert (plain - start).abs().max() > 1e-2


@pytest.mark.parametrize("sigmoid", [False, True])
def test_deep_masks_against_float64_autograd(sigmoid):
    network, split = random_network(6, 9, 8, 3), random_split(40)
    chosen = options([(0.5, 2), (0.05, 1)], batch_size=16, sigmoid=sigmoid)
    masks = [initial_mask(h, chosen.gradient, 3, i).double() for i, h in ((1, 9), (2, 8))]
    trained = [(mask.logit() if sigmoid else mask).requires_grad_() for mask in masks]
    optimizer = torch.optim.SGD(trained, lr=0.5, momentum=0.9)
    order = stream(3, "mask training order")
    w1, w2, w3 = (w.double() for w in network.weights)
    for rate in (0.5, 0.5, 0.05):
        optimizer.param_groups[0]["lr"] = rate
        for batch in torch.randperm(40, generator=order).split(16):
            masks = [torch.sigmoid(values) if sigmoid else values for values in trained]
            hidden = torch.tanh(split.inputs()[batch].double() @ w1.T) * masks[0]
            hidden = torch.tanh(hidden @ w2.T) * masks[1]
            optimizer.zero_grad()
            F.cross_entropy(hidden @ w3.T, split.labels[batch]).backward()
            optimizer.step()
    masks = [torch.sigmoid(values) if sigmoid else values for values in trained]
    view = TrainingView(network, split, chosen, seed=3)
    (found,) = prune_network("gradient", network, [(4, 3)], view)
    for mask, kept, expected, count in zip(found.mask, found.kept, masks, (4, 3), strict=True):
        torch.testing.assert_close(mask.double(), expected.detach(), rtol=1e-4, atol=1e-5)
        assert torch.equal(kept, best(expected.detach(), count))
