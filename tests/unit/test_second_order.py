"""Second-order OSSuM: its expansion against autograd, its choices against all choices there are."""

from itertools import combinations, product

import pytest
import torch
import torch.nn.functional as F
from helpers import float64, hidden_layers, options, random_network, random_split

from ossum.config.options import SecondOrderOptions
from ossum.networks.evaluation import evaluate
from ossum.networks.network import Network, Subnetwork
from ossum.pruning import prune_network, second_order
from ossum.pruning.bottom_up import OutputLayer
from ossum.pruning.prune_and_build import output_layer
from ossum.pruning.scoring import top_neurons
from ossum.pruning.second_order import (
    Layer,
    _logits,
    _slopes,
    choose_second_order,
    hessian,
    lower_bounds,
    minimise,
    units,
)
from ossum.pruning.view import TrainingView

SPLIT = random_split(80)
METHOD = "second-order-ossum"


def view(network, split=SPLIT, seed=0, **changes):
    chosen = options().model_copy(update={"second_order_ossum": SecondOrderOptions(**changes)})
    return TrainingView(network, split, chosen, seed)


def prune(network, widths, method=METHOD, **changes):
    return prune_network(method, network, widths, view(network, **changes))


def layer_of(network, seen=None):
    seen = seen or view(network)
    return Layer.of(seen, (), OutputLayer.of(network), seen.class_sums, len(seen.split))


def same(some, others):
    return all(
        torch.equal(a, b)
        for one, other in zip(some, others, strict=True)
        for a, b in zip(one.kept, other.kept, strict=True)
    )


# The expansion


def loss(network, mask):
    """The mean cross-entropy where each neuron is multiplied by a mask [h], float64."""
    hidden, _ = float64(network, SPLIT.inputs())
    return F.cross_entropy((hidden * mask) @ network.weights[-1].double().T, SPLIT.labels)


def test_gain_and_matrix_are_the_derivatives_of_the_loss_where_all_logits_are_zero():
    network = random_network(6, 9, 3)
    layer = layer_of(network)
    nothing = torch.zeros(9, dtype=torch.float64)
    first = torch.autograd.functional.jacobian(lambda m: loss(network, m), nothing)
    second = torch.autograd.functional.hessian(lambda m: loss(network, m), nothing)
    matrix = hessian(layer.activations(slice(None)), layer.outgoing)
    torch.testing.assert_close(layer.gain.double(), -first, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(matrix.double(), second, rtol=1e-5, atol=1e-6)


def test_the_error_of_the_expansion_is_of_third_order_in_the_inverse_temperature():
    network, mask = random_network(6, 9, 3), torch.ones(9, dtype=torch.float64)
    layer = layer_of(network)
    gain = layer.gain.double().sum()
    curvature = hessian(layer.activations(slice(None)), layer.outgoing).double().sum()
    errors = [
        loss(network, beta * mask)
        - (torch.tensor(3.0).log() - beta * gain + beta**2 / 2 * curvature)
        for beta in (0.1, 0.2)
    ]
    assert 6 < errors[1] / errors[0] < 10  # 2^3 = 8


def test_a_bias_counts_like_a_neuron_that_is_always_on_and_always_kept():
    network = random_network(6, 9, 3, biased=True)
    layer = layer_of(network)
    activations = layer.activations(slice(None))
    with_ones = torch.cat([activations, torch.ones(80, 1)], dim=1)
    with_bias = torch.cat([layer.outgoing, layer.bias[:, None]], dim=1)
    expected = hessian(with_ones, with_bias)[:-1, -1]
    (slopes,) = _slopes(layer, activations, slice(None), layer.bias.expand(80, 1, 3))
    torch.testing.assert_close(slopes, expected)
    # ... and pruning heeds it.
    without = Network(network.weights, network.activation, (network.biases[0], torch.zeros(3)))
    widths = [(n,) for n in range(1, 9)]
    assert not same(prune(network, widths), prune(without, widths))


def test_tiles_and_blocks_add_up_to_the_whole(monkeypatch):
    network = random_network(6, 23, 3)
    layer = layer_of(network)
    activations = layer.activations(slice(None))
    weights = layer.outgoing.double()
    plain = (activations.double().T @ activations.double()) * (weights.T @ weights) / (3 * 80)
    monkeypatch.setattr(second_order, "_TILE", 5)
    matrix = hessian(activations, layer.outgoing)
    torch.testing.assert_close(matrix.double(), plain, rtol=1e-5, atol=1e-7)
    monkeypatch.setattr(second_order, "BLOCK_NEURONS", 7)
    blocks = second_order._blocks(23)
    assert [index for block in blocks for index in range(23)[block]] == [*range(23)]
    assert max(len(range(23)[block]) for block in blocks) <= 7
    masks = torch.randint(0, 2, (4, 23)).float()
    logits = sum(_logits(layer, layer.activations(block), block, masks) for block in blocks)
    slopes = torch.cat(
        [_slopes(layer, layer.activations(block), block, logits) for block in blocks], dim=1
    )
    torch.testing.assert_close(slopes, masks @ matrix, rtol=1e-4, atol=1e-6)


# The choice


def quadratics(n, width=10, n_classes=3):
    """Random problems: linear [h] and hessian [h, h] as they come from networks, float64."""
    for seed in range(n):
        layer = layer_of(random_network(6, width, n_classes, seed=seed))
        matrix = hessian(layer.activations(slice(None)), layer.outgoing)
        (unit,) = units(layer, [slice(0, width)], [width // 2])
        yield layer.gain.double(), matrix.double(), unit


def value(linear, matrix, beta, mask):
    return float(-linear @ mask + beta / 2 * mask @ matrix @ mask)


def all_masks(width, count):
    for kept in combinations(range(width), count):
        yield torch.zeros(width, dtype=torch.float64).index_fill(0, torch.tensor(kept), 1)


@pytest.mark.parametrize("factor", [0.5, 2, 8])
def test_greedy_and_swaps_end_where_no_swap_helps_and_mostly_at_the_best_of_all(factor):
    hits = 0
    for linear, matrix, unit in quadratics(20):
        beta = factor * unit
        found = minimise(linear, matrix, beta, 4, swaps=100)
        assert found.sum() == 4 and set(found.tolist()) <= {0, 1}
        own = value(linear, matrix, beta, found)
        for old, new in product(found.nonzero()[:, 0], (1 - found).nonzero()[:, 0]):
            other = found.clone()
            other[old], other[new] = 0, 1
            assert value(linear, matrix, beta, other) > own - 2e-6 * linear.abs().sum()
        best = min(value(linear, matrix, beta, mask) for mask in all_masks(10, 4))
        hits += own <= best + 1e-6 * linear.abs().sum()
    assert hits >= 15


@pytest.mark.parametrize("factor", [0.5, 8])
def test_no_choice_is_below_the_bound_and_the_bound_is_near(factor):
    """It is that of the relaxed problem, which is checked by its own conditions of optimality."""
    for linear, matrix, unit in quadratics(20):
        beta = factor * unit
        found = [
            min(value(linear, matrix, beta, mask) for mask in all_masks(10, n)) for n in (2, 7)
        ]
        linears = linear.expand(2, -1)
        bounds = lower_bounds(linears, matrix, [beta, beta], [2, 7])
        assert all(bound <= best + 1e-12 for bound, best in zip(bounds, found, strict=True))
        longer = lower_bounds(linears, matrix, [beta, beta], [2, 7], steps=120)
        scale = linear.abs().sum()
        assert (longer >= bounds).all() and (longer - bounds).max() < 0.01 * scale
        assert min(found) - longer.min() < 0.2 * scale


def test_greedy_is_the_plain_one_and_swaps_are_limited():
    swapped = 0
    for linear, matrix, unit in quadratics(10, width=24):
        kept = []
        for _ in range(12):
            costs = {}
            for j in set(range(24)) - {*kept}:
                mask = torch.zeros(24, dtype=torch.float64)
                mask[[*kept, j]] = 1
                costs[value(linear, matrix, 4 * unit, mask)] = j
            kept.append(costs[min(costs)])
        greedy = minimise(linear, matrix, 4 * unit, 12, swaps=0)
        assert greedy.nonzero()[:, 0].tolist() == sorted(kept)
        one = minimise(linear, matrix, 4 * unit, 12, swaps=1)
        assert (one - greedy).abs().sum() in (0, 2)
        swapped += int(not torch.equal(one, greedy))
    assert swapped


def test_at_a_high_temperature_it_is_ossum():
    network, widths = random_network(6, 30, 3), [(n,) for n in (1, 5, 15, 29)]
    found = prune(network, widths, inverse_temperatures=[1e-6])
    assert same(found, prune_network("ossum", network, widths, view(network)))
    assert not same(found, prune(network, widths, inverse_temperatures=[2]))


def test_it_does_not_matter_how_large_weights_are():
    network, widths = random_network(6, 30, 3), [(n,) for n in (5, 15, 25)]
    larger = Network((network.weights[0], 1024 * network.weights[1]))
    assert same(prune(network, widths), prune(larger, widths))


def test_the_inverse_temperature_is_the_one_with_the_best_training_accuracy():
    network, widths, grid = random_network(6, 30, 3), [(5,), (15,)], [0.5, 1, 2, 4, 8]
    alone = [prune(network, widths, inverse_temperatures=[factor]) for factor in grid]
    found = prune(network, widths, inverse_temperatures=grid)
    for i, one in enumerate(found):
        tried = [each[i] for each in alone]
        accuracies = [each.accuracy for each in evaluate(network, tried, SPLIT)]
        assert same([one], [tried[accuracies.index(max(accuracies))]])
        assert len(set(accuracies)) > 1


def test_the_unit_is_the_best_inverse_temperature_of_ossum():
    network = random_network(6, 30, 3)
    layer = layer_of(network)
    matrix = hessian(layer.activations(slice(None)), layer.outgoing)
    (unit,) = units(layer, [slice(0, 30)], [6])
    mask = torch.zeros(30).index_fill(0, top_neurons(layer.gain, 6), 1)
    # -b g'm + b^2/2 m'Hm, as a function of b
    values = [
        float(-b * layer.gain @ mask + b**2 / 2 * mask @ matrix @ mask)
        for b in (0.9 * unit, unit, 1.1 * unit)
    ]
    assert values[1] == min(values)


def test_duplicates_are_not_kept_twice_where_something_else_helps():
    """OSSuM counts each neuron as if it were alone, so it keeps both of each pair."""
    half = random_network(6, 20, 3)
    network = Network(
        tuple(torch.cat([w, w], dim=dim) for w, dim in zip(half.weights, (0, 1), strict=True))
    )
    (first,) = prune_network("ossum", network, [(10,)], view(network))
    (second,) = prune(network, [(10,)])
    assert len({int(j) % 20 for j in first.kept[0]}) == 5
    assert len({int(j) % 20 for j in second.kept[0]}) > 5


def test_silent_neurons_and_constant_outputs_are_no_trouble():
    dead = random_network(6, 12, 3)
    dead.weights[0].zero_()
    alike = random_network(6, 12, 3)
    alike.weights[1].copy_(alike.weights[1][:1].expand(3, -1))
    for network in (dead, alike):
        (found,) = prune(network, [(5,)])
        assert found.kept[0].tolist() == [0, 1, 2, 3, 4]


def test_infinite_weights_are_an_error():
    network = random_network(6, 12, 3)
    network.weights[1][0, 0] = float("inf")
    with pytest.raises(ValueError, match="finite"):
        prune(network, [(5,)])


def test_a_sample_of_examples_is_random_of_the_seed_and_never_more_than_there_are():
    seen = view(random_network(6, 12, 3))
    few, again = seen.sample(20), seen.sample(20)
    assert torch.equal(few, again) and len(set(few.tolist())) == 20
    assert few.tolist() == sorted(few.tolist()) != [*range(20)]
    assert not torch.equal(few, view(seen.network, seed=1).sample(20))
    assert seen.sample(1000).tolist() == [*range(80)]
    network, widths = random_network(6, 30, 3), [(10,)]
    assert same(prune(network, widths), prune(network, widths, examples=1000))
    assert not same(prune(network, widths), prune(network, widths, examples=20))


def test_it_comes_out_the_same_again_and_on_two_threads():
    network, widths = random_network(6, 60, 3), [(10,), (30,)]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        found = prune(network, widths)
    finally:
        torch.set_num_threads(before)
    assert same(found, prune(network, widths)) and same(found, prune(network, widths))


# Wide layers, in blocks


@pytest.mark.parametrize("biased", [False, True])
def test_blocks_come_near_the_whole(biased, monkeypatch):
    """In the quadratic, of what the whole gains over no neurons at all."""
    network, split = random_network(6, 120, 3, biased=biased), random_split(400)
    seen = view(network, split, inverse_temperatures=[2])
    layer = layer_of(network, seen)
    matrix = hessian(layer.activations(slice(None)), layer.outgoing)
    base = _slopes(layer, layer.activations(slice(None)), slice(None), layer.bias.repeat(400, 1, 1))
    widths = [(12,), (30,), (60,)]
    of_widths = units(layer, [slice(0, 120)], [count for (count,) in widths])
    whole = prune_network(METHOD, network, widths, seen)
    ossum = prune_network("ossum", network, widths, seen)
    monkeypatch.setattr(second_order, "BLOCK_NEURONS", 40)
    blocks = prune_network(METHOD, network, widths, seen)
    assert [each.widths for each in blocks] == widths
    for unit, *found in zip(of_widths, whole, blocks, ossum, strict=True):
        best, near, first = (
            value(layer.gain - 2 * unit * base[0], matrix, 2 * unit, mask_of(each, 120))
            for each in found
        )
        assert near < 0.93 * best < 0 and near < first


def mask_of(subnetwork, width):
    return torch.zeros(width).index_fill(0, subnetwork.kept[0], 1)


# Deep networks


def plain_choice(network, kept, layer, output, count):
    """What is kept of a layer, by a network that consists of that layer alone."""
    inputs = hidden_layers(network, SPLIT.inputs(), kept)[layer - 1]
    seen = view(network)
    rows = torch.arange(len(SPLIT))
    chosen = Layer.of(seen, kept, output, seen.class_sums_above([kept])[0], len(SPLIT))
    expected = inputs[rows].float()
    torch.testing.assert_close(chosen.activations(slice(None)), expected, rtol=1e-4, atol=1e-5)
    ((found,),) = choose_second_order(seen, [kept], output, [[count]])
    return found


def test_deep_networks_by_norm_and_by_prune_and_build():
    network, widths = random_network(6, 9, 8, 7, 3), (4, 5, 3)
    kept = ()
    for layer, count in enumerate(widths, start=1):
        output = output_layer(network, layer, seed=0)
        kept = (*kept, plain_choice(network, kept, layer, output, count))
    assert same(prune(network, [widths], f"{METHOD}-pab"), [Subnetwork(kept)])
    norms = [weights.norm(dim=1) for weights in network.weights[:2]]
    kept = tuple(top_neurons(n, count) for n, count in zip(norms, widths, strict=False))
    kept = (*kept, plain_choice(network, kept, 3, OutputLayer.of(network), 3))
    assert same(prune(network, [widths], f"{METHOD}-norm"), [Subnetwork(kept)])
