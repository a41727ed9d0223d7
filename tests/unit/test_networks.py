"""Random streams, recipes, networks and subnetworks."""

from dataclasses import replace

import pytest
import torch
from helpers import float64, random_network
from torch import nn

from ossum.config import registry
from ossum.networks import network as networks
from ossum.networks.network import (
    ACTIVATIONS,
    DISTRIBUTIONS,
    WITH_BIASES,
    Subnetwork,
    digests,
    draw,
    draw_checked,
)
from ossum.networks.recipe import Drawn, Recipe
from ossum.networks.rng import stream, stream_seed

RECIPE = Recipe("digits", "FC-40-30", "tanh", "uniform", 3, (64, 40, 30, 10))
PINNED = [0.10582354664802551, 0.12785208225250244, 0.07925859093666077]  # one weight per layer
# The lowest and highest weight of the other uniform distributions, in units of 1 / sqrt(fan_in).
RANGES = {
    "uniform-spread-0.25": (-0.25, 0.25),
    "uniform-spread-0.5": (-0.5, 0.5),
    "uniform-spread-2": (-2, 2),
    "uniform-spread-4": (-4, 4),
    "uniform-mean-0.5": (-0.5, 1.5),
    "uniform-mean-1": (0, 2),
}


def test_streams_are_reproducible_and_apart():
    names = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 1), (0, "a", "1", "2")]
    draws = {name: tuple(torch.rand(4, generator=stream(*name)).tolist()) for name in names}
    assert len(set(draws.values())) == len(draws)
    assert tuple(torch.rand(4, generator=stream(0, "a")).tolist()) == draws[0, "a"]
    assert stream_seed(0, "weights", "784-1000-10", 1) == 8509679913654829500


def test_the_draws_of_a_recipe_are_pinned():
    """Other values would be other networks, and other results, under the same seeds."""
    assert Recipe.of("digits", "FC-40-30", "tanh", "uniform", 3) == RECIPE
    network = draw(RECIPE)
    assert network.layer_sizes == RECIPE.layer_sizes
    assert [w[0, 0].item() for w in network.weights] == pytest.approx(PINNED, abs=1e-7)
    assert not torch.equal(network.weights[0], draw(replace(RECIPE, seed=4)).weights[0])
    torch.rand(1000)  # another stream, which moves nothing
    assert digests(draw(RECIPE)) == digests(network)


def test_what_was_drawn_is_read_and_checked(tmp_path):
    path = tmp_path / "seed=3.json"
    drawn = Drawn(RECIPE, "2.0", digests(draw(RECIPE)))
    path.write_text(drawn.to_json(), encoding="utf-8")
    assert Drawn.read(path, RECIPE) == drawn
    assert digests(draw_checked(drawn)) == drawn.sha256
    with pytest.raises(ValueError, match=r"other weights from seed 3 .* torch 2\.0"):
        draw_checked(replace(drawn, sha256=("0" * 64,) * 3))
    with pytest.raises(ValueError, match=r"seed=3\.json holds .*seed=3.*, not .*seed=4.*delete"):
        Drawn.read(path, replace(RECIPE, seed=4))
    for wrong in ("{}", "{", "[1]", drawn.to_json() + "}"):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(ValueError, match=r"seed=3\.json does not describe .*delete it"):
            Drawn.read(path, RECIPE)


@pytest.mark.parametrize("distribution", ["uniform", "normal", "const", "normal-variance"])
def test_initial_weights_have_the_stated_distribution(distribution):
    weights = draw(Recipe("digits", "FC-1000", "tanh", distribution, 0, (400, 1000, 10))).weights[0]
    r = 1 / 400**0.5
    variance = {"uniform": r**2 / 3, "normal-variance": r}.get(distribution, r**2)
    assert abs(weights.mean()) < 5 * (variance / weights.numel()) ** 0.5
    assert weights.var().item() == pytest.approx(variance, rel=0.02)
    if distribution == "uniform":
        assert -r <= weights.min() < -0.999 * r and 0.999 * r < weights.max() <= r
    if distribution == "const":
        torch.testing.assert_close(weights.unique(), torch.tensor([-r, r]))


@pytest.mark.parametrize("distribution", RANGES)
def test_uniform_distributions_are_one_stream_stretched_and_moved(distribution):
    """So figures that compare them compare the same draws."""
    low, high = RANGES[distribution]
    plain, other = (
        draw(replace(RECIPE, distribution=d)).weights for d in ("uniform", distribution)
    )
    for weights, found in zip(plain, other, strict=True):
        r = weights.shape[1] ** -0.5
        expected = weights.double() * (high - low) / 2 + (low + high) / 2 * r
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-6 * r)


def test_the_registry_names_what_networks_can_do():
    assert set(registry.ACTIVATIONS) == set(ACTIVATIONS)
    assert list(registry.DISTRIBUTIONS) == list(DISTRIBUTIONS)
    others = {"uniform", "normal", "const", "normal-variance", "uniform-biases"}
    assert others | {*RANGES} == set(DISTRIBUTIONS)
    assert registry.WITH_BIASES == WITH_BIASES


def test_biases_leave_the_weights_as_they_are():
    plain, biased = (draw(replace(RECIPE, distribution=d)) for d in ("uniform", "uniform-biases"))
    assert all(map(torch.equal, plain.weights, biased.weights))
    assert [len(b) for b in biased.biases] == [len(w) for w in biased.weights]
    for weights, biases in zip(biased.weights, biased.biases, strict=True):
        assert 0 < biases.abs().max() <= weights.shape[1] ** -0.5
    assert len(set(digests(biased))) == 2 * len(biased.weights)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("biased", [False, True])
def test_forward_passes_against_float64(activation, biased):
    network = random_network(6, 5, 4, 3, activation=activation, biased=biased)
    inputs = torch.randn(9, 6)
    hidden, logits = float64(network, inputs)
    torch.testing.assert_close(network.hidden(inputs).double(), hidden, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(network.logits(inputs).double(), logits, rtol=1e-5, atol=1e-6)
    parts = network[1:].logits(network[:2].hidden(inputs))
    torch.testing.assert_close(parts, network.logits(inputs))
    module = network.to_module()
    torch.testing.assert_close(module(inputs), network.logits(inputs))
    assert isinstance(module[1], ACTIVATIONS[activation][1])
    assert all((layer.bias is not None) == biased for layer in module if type(layer) is nn.Linear)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("biased", [False, True])
def test_a_subnetwork_computes_what_the_masked_network_computes(activation, biased):
    """This holds even with sigmoid, which is not zero at zero: a pruned neuron says nothing."""
    network = random_network(6, 5, 4, 3, activation=activation, biased=biased)
    inputs, kept = torch.randn(9, 6), (torch.tensor([0, 3, 4]), torch.tensor([1, 2]))
    small = Subnetwork(kept).of(network)
    assert small.layer_sizes == (6, 3, 2, 3)
    _, logits = float64(network, inputs, kept)
    torch.testing.assert_close(small.logits(inputs).double(), logits, rtol=1e-5, atol=1e-6)


def test_what_is_kept_is_not_copied_and_what_is_replaced_is_replaced():
    network = random_network(6, 5, 4, 3)
    same = Subnetwork((torch.arange(5), torch.arange(4))).of(network)
    assert all(a is b for a, b in zip(same.weights, network.weights, strict=True))
    replaced = torch.ones(3, 2)
    small = Subnetwork((torch.arange(5), torch.tensor([1, 3])), {3: replaced}).of(network)
    assert small.weights[0] is network.weights[0] and small.weights[2] is replaced
    assert torch.equal(small.weights[1], network.weights[1][[1, 3]])


def test_networks_and_subnetworks_survive_as_named_tensors():
    network = random_network(*(2,) * 12, activation="relu")  # 11 layers: not in order as text
    read = networks.from_tensors(networks.to_tensors(network), "relu")
    assert digests(read) == digests(network) and read.activation == "relu"
    subnetwork = Subnetwork(
        (torch.tensor([0, 7]), torch.tensor([2])), {3: torch.rand(3, 1)}, (torch.rand(9),)
    )
    found = networks.subnetwork_from_tensors(networks.subnetwork_to_tensors(subnetwork))
    for name in ("kept", "mask"):
        for a, b in zip(getattr(found, name), getattr(subnetwork, name), strict=True):
            assert torch.equal(a, b) and a.dtype == b.dtype
    assert found.weights.keys() == {3} and torch.equal(found.weights[3], subnetwork.weights[3])
