"""Sizes, random streams, recipes, networks and subnetworks."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from helpers import float64, random_network
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ossum import registry
from ossum.architectures import Architecture, count_weights, kept_width
from ossum.networks import ACTIVATIONS, INITS, Subnetwork, build
from ossum.recipes import Recipe
from ossum.rng import stream, stream_seed
from ossum.tensor_files import (
    load_network,
    load_subnetwork,
    save_network,
    save_subnetwork,
    saved_fingerprint,
)

RECIPE = Recipe("digits", "FC-40-30", "tanh", "uniform", 3, 64, 10)
# Lowest and highest weight of the uniform distributions, in units of 1 / sqrt(fan_in).
RANGES = {
    "uniform": (-1, 1),
    "uniform-spread-0.25": (-0.25, 0.25),
    "uniform-spread-0.5": (-0.5, 0.5),
    "uniform-spread-2": (-2, 2),
    "uniform-spread-4": (-4, 4),
    "uniform-mean-0.5": (-0.5, 1.5),
    "uniform-mean-1": (0, 2),
}
PINNED = [0.10582354664802551, 0.12785208225250244, 0.07925859093666077]  # a weight a layer


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=4))
def test_architectures_read_what_they_write(hidden):
    architecture = Architecture(tuple(hidden))
    assert Architecture.parse(str(architecture)) == architecture


@pytest.mark.parametrize(
    "name", ["FC", "FC-", "FC-0", "FC-01", "FC-1000-", "CNN", "fc-10", "FC-1e3"]
)
def test_bad_architectures_are_refused(name):
    with pytest.raises(ValueError, match="FC-h1"):
        Architecture.parse(name)


def test_kept_widths_of_the_paper():
    sparsities = ["0", "0.5", "0.75", "0.875", "0.9375", "0.96875", "0.984375", "0.9921875"]
    # 62.5 and 31.25, 15.625, 7.8125: halves go up.
    expected = [1000, 500, 250, 125, 63, 31, 16, 8]
    assert [kept_width(1000, s) for s in sparsities] == expected
    assert kept_width(3, "0.99") == 1
    assert Architecture((1000, 10)).kept_widths(0.75) == (250, 3)


@given(st.integers(1, 10**5), st.integers(0, 2**12 - 1))
def test_kept_width_is_the_nearest_integer(width, numerator):
    exact = width * (1 - Fraction(numerator, 2**12))
    kept = kept_width(width, numerator / 2**12)
    assert 1 <= kept <= width
    assert abs(kept - exact) <= Fraction(1, 2) or (kept == 1 and exact < 1)


def test_weights_are_counted_without_biases():
    assert count_weights((784, 1000, 10)) == 784 * 1000 + 1000 * 10


def test_streams_are_reproducible_and_apart():
    draws = {
        name: tuple(torch.rand(4, generator=stream(*name)).tolist())
        for name in [(0, "a"), (1, "a"), (0, "b"), (0, "a", 1), (0, "a", "1", "2")]
    }
    assert len(set(draws.values())) == len(draws)
    assert tuple(torch.rand(4, generator=stream(0, "a")).tolist()) == draws[0, "a"]
    assert stream_seed(0, "weights", "784-1000-10", 1) == 8509679913654829500


def test_the_draws_of_a_recipe_are_pinned():
    """Other values would be other networks, and other results, under the same seeds."""
    first, second, output = build(RECIPE).weights
    drawn = [w[0, 0].item() for w in (first, second, output)]
    assert drawn == pytest.approx(PINNED, abs=1e-7)
    assert not torch.equal(first[:30, :40], second)
    other = build(replace(RECIPE, seed=4)).weights[0]
    assert not torch.equal(first, other)


def test_using_one_stream_does_not_move_another():
    first = build(RECIPE)
    torch.rand(1000)
    torch.manual_seed(5)
    second = build(RECIPE)
    assert all(torch.equal(a, b) for a, b in zip(first.weights, second.weights, strict=True))


def test_a_network_has_the_sizes_of_its_recipe():
    assert build(RECIPE).layer_sizes == RECIPE.layer_sizes == (64, 40, 30, 10)


def test_recipes_read_what_they_write(tmp_path):
    path = tmp_path / "seed=3.json"
    path.write_text(RECIPE.to_json())
    assert Recipe.read(path, RECIPE) == RECIPE
    assert Recipe.of("digits", "FC-40-30", "tanh", "uniform", 3) == RECIPE
    with pytest.raises(ValueError, match=r"seed=3\.json holds .*seed=3.*, not .*seed=4.*delete"):
        Recipe.read(path, replace(RECIPE, seed=4))
    for wrong in ("{}", "{", "[1]", RECIPE.to_json() + "}"):
        path.write_text(wrong)
        with pytest.raises(ValueError, match=r"seed=3\.json is not the recipe.*delete it"):
            Recipe.read(path, RECIPE)


@pytest.mark.parametrize("init", INITS)
def test_initial_weights_have_the_stated_distribution(init):
    recipe = Recipe("digits", "FC-1000", "tanh", init, 0, 400, 10)
    weights = build(recipe).weights[0]
    r = 1 / 400**0.5
    low, high = RANGES.get(init, (-1, 1))
    variance = (high - low) ** 2 / 12 * r**2 if init in RANGES else r**2
    mean = (low + high) / 2 * r
    assert abs(weights.mean() - mean) < 5 * (variance / weights.numel()) ** 0.5
    assert weights.var().item() == pytest.approx(variance, rel=0.02)
    if init in RANGES:
        assert low * r <= weights.min() < (low + 0.001 * (high - low)) * r
        assert high * r >= weights.max() > (high - 0.001 * (high - low)) * r
    if init == "const":
        assert set(weights.unique().tolist()) == {torch.tensor(r).item(), -torch.tensor(r).item()}


@pytest.mark.parametrize("init", RANGES)
def test_uniform_distributions_are_one_stream_stretched_and_moved(init):
    """So figures that compare them compare the same draws."""
    low, high = RANGES[init]
    plain, other = (build(replace(RECIPE, init=name)).weights for name in ("uniform", init))
    for weights, found in zip(plain, other, strict=True):
        r = weights.shape[1] ** -0.5
        expected = weights.double() * (high - low) / 2 + (low + high) / 2 * r
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-6 * r)


def test_registry_names_what_networks_can_do():
    assert set(registry.ACTIVATIONS) == set(ACTIVATIONS)
    assert list(registry.INITS) == list(INITS)
    assert set(RANGES) | {"normal", "const"} == set(INITS)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(6, 5, 3), (6, 5, 4, 3)])
def test_forward_pass_and_module_against_float64(activation, sizes):
    network = random_network(*sizes, activation=activation)
    inputs = torch.randn(9, 6)
    hidden, logits = float64(network, inputs)
    torch.testing.assert_close(network.hidden(inputs).double(), hidden, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(network.logits(inputs).double(), logits, rtol=1e-5, atol=1e-6)
    module = network.to_module()
    torch.testing.assert_close(module(inputs), network.logits(inputs))
    assert [type(layer) for layer in module][1] is ACTIVATIONS[activation][1]
    assert all(layer.bias is None for layer in module if isinstance(layer, nn.Linear))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_subnetwork_computes_what_the_masked_network_computes(activation):
    """Even with sigmoid, whose value at zero is not zero: a pruned neuron says nothing."""
    network, inputs = random_network(6, 5, 4, 3, activation=activation), torch.randn(9, 6)
    subnetwork = Subnetwork((torch.tensor([0, 3, 4]), torch.tensor([1, 2])))
    phi = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}[activation]
    first, second, output = network.weights
    hidden = phi(inputs @ first.T) * torch.tensor([1.0, 0, 0, 1, 1])
    hidden = phi(hidden @ second.T) * torch.tensor([0.0, 1, 1, 0])
    small = subnetwork.of(network)
    assert small.layer_sizes == (6, 3, 2, 3)
    torch.testing.assert_close(small.logits(inputs), hidden @ output.T)


def test_keeping_everything_is_the_network_itself():
    network = random_network(6, 5, 4, 3)
    same = Subnetwork((torch.arange(5), torch.arange(4))).of(network)
    assert all(a is b for a, b in zip(same.weights, network.weights, strict=True))
    lower = Subnetwork((torch.arange(5), torch.arange(2))).of(network)
    assert lower.weights[0] is network.weights[0] and lower.weights[1].shape == (2, 5)


def test_replaced_weights_replace():
    network = random_network(6, 5, 3)
    replaced = torch.ones(3, 2)
    small = Subnetwork((torch.tensor([1, 2]),), {2: replaced}).of(network)
    assert torch.equal(small.weights[1], replaced)
    assert torch.equal(small.weights[0], network.weights[0][1:3])


def test_subnetwork_files_hold_everything(tmp_path):
    subnetwork = Subnetwork(
        (torch.tensor([0, 7]), torch.tensor([2])), {3: torch.rand(3, 1)}, (torch.rand(9),)
    )
    path = tmp_path / "deep" / "cell.safetensors"
    save_subnetwork(subnetwork, path, "abc")
    loaded = load_subnetwork(path, "abc")
    for name in ("kept", "mask"):
        for a, b in zip(getattr(loaded, name), getattr(subnetwork, name), strict=True):
            assert torch.equal(a, b) and a.dtype == b.dtype
    assert torch.equal(loaded.weights[3], subnetwork.weights[3])
    assert saved_fingerprint(path) == "abc"
    with pytest.raises(ValueError, match=r"cell\.safetensors was made by other code or options"):
        load_subnetwork(path, "abd")
    before = path.read_bytes()
    save_subnetwork(subnetwork, path, "abc")
    assert path.read_bytes() == before


def test_network_files_hold_the_weights(tmp_path):
    recipe = Recipe.of("digits", "FC-5-4", "relu", "uniform", 0)
    network = build(recipe)
    path = tmp_path / "network.safetensors"
    save_network(network, path, "abc")
    loaded = load_network(recipe, path, "abc")
    assert loaded.activation == "relu" and loaded.layer_sizes == network.layer_sizes
    assert all(torch.equal(a, b) for a, b in zip(loaded.weights, network.weights, strict=True))
    with pytest.raises(ValueError, match=r"network\.safetensors was made by other code or options"):
        load_network(recipe, path, "abd")


def test_damaged_subnetwork_files_are_named(tmp_path):
    path = tmp_path / "cell.safetensors"
    assert saved_fingerprint(path) is None
    path.write_bytes(b"half a file")
    assert saved_fingerprint(path) is None
    with pytest.raises(ValueError, match=r"cell\.safetensors.*delete it"):
        load_subnetwork(path, "abc")
