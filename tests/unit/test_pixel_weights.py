"""The first layer in integers is that of float64, as precisely as in float32."""

from dataclasses import replace

import pytest
import torch
from helpers import random_network, random_split
from torch.profiler import profile

from ossum.networks.evaluation import evaluation_rows
from ossum.networks.forward import class_sums, hidden_blocks, input_batches
from ossum.networks.network import DISTRIBUTIONS, Network, Subnetwork
from ossum.networks.pixel_weights import bytes_are_fast, pixel_weights, shifted
from ossum.pruning.scoring import ossum_scores, top_neurons


@pytest.fixture(autouse=True)
def in_bytes(monkeypatch):
    """Everywhere, though only some processors are fast at it."""
    monkeypatch.setattr("ossum.networks.forward.bytes_are_fast", lambda: True)


def drawn(distribution: str, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return DISTRIBUTIONS[distribution](torch.empty(shape), shape[1] ** -0.5, generator)


def sums(weights: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Weighted sums of pixels, float32 [n, h], by bytes."""
    exact = pixel_weights(weights, None, 1.0)
    bias = exact.offsets(0, weights.shape[1]).float()
    return exact.weighted_sums(shifted(images), bias)


@pytest.mark.parametrize("inputs", [2, 784, 3_072])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_sums_are_those_of_float64_to_the_unit_of_the_weights(distribution, inputs):
    weights = drawn(distribution, 50, inputs)
    weights[3], weights[4] = 0, weights[4] * 1e-6  # a unit of its own
    images = torch.randint(0, 256, (30, inputs), dtype=torch.uint8)
    images[0], images[1] = 0, 255
    found, true = sums(weights, images).double(), images.double() @ weights.double().T
    # Each weight is off by at most half a unit, and the end is rounded to float32.
    half_units = weights.double().abs().amax(dim=1) / (127 * 2**16) / 2
    rounding = 255 * weights.double().abs().sum(dim=1) * 2**-22
    most = images.double().sum(dim=1, keepdim=True) * half_units + rounding
    assert ((found - true).abs() <= most).all() and not found[:, 3].any()


@pytest.mark.parametrize("value", [0, 255])
def test_the_largest_sums_fit_into_int32(value):
    weights = torch.ones(3, 3_072)
    weights[1] *= -1
    weights[2] = -(127 * 2**16 - 2**15 + 2**7) / (127 * 2**16)  # the lower digits are -128
    found = sums(weights, torch.full((1, 3_072), value, dtype=torch.uint8))
    true = value * weights.double().sum(dim=1)
    largest = 128 * 3_072  # of what is added up
    torch.testing.assert_close(found[0].double(), true, rtol=0, atol=largest * 2**-22)


def test_constant_weights_need_one_digit():
    assert len(pixel_weights(drawn("const", 20, 30), None, 1.0).digits) == 1
    assert len(pixel_weights(drawn("uniform", 20, 30), None, 1.0).digits) == 3


@pytest.mark.parametrize("blanks", [False, True])
def test_it_is_as_precise_as_float32(blanks):
    split = random_split(500, 784, blanks=blanks)
    network = Network((drawn("uniform", 1_000, 784), drawn("uniform", 3, 1_000)))
    true = torch.tanh(split.inputs().double() @ network.weights[0].double().T)
    found = torch.empty(500, 1_000)
    for reduced, rows, inputs in input_batches(network, split, ""):
        assert inputs.dtype == torch.int8
        for neurons, activations in hidden_blocks(reduced, inputs):
            found[rows, neurons] = activations
    in_float32 = network.hidden(split.inputs())
    error, before = ((each - true).square().mean() for each in (found, in_float32))
    assert error < before


@pytest.mark.parametrize("blanks", [False, True])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_kept_neurons_are_those_of_float64(distribution, blanks):
    split = random_split(300, 784, blanks=blanks)
    network = Network((drawn(distribution, 2_000, 784), drawn("uniform", 3, 2_000)))
    hidden = torch.tanh(split.inputs().double() @ network.weights[0].double().T)
    true = torch.zeros(3, 2_000, dtype=torch.float64).index_add_(0, split.labels, hidden)
    kept, expected = (
        top_neurons(ossum_scores(each, network.weights[1]), 500)
        for each in (class_sums(network, split), true)
    )
    assert torch.equal(kept, expected)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_stay_as_they_are(value):
    weights = drawn("uniform", 50, 784)
    weights[3, 5] = value
    assert pixel_weights(weights, None, 1.0) is None
    network = Network((weights, drawn("uniform", 3, 50)))
    dtypes = {inputs.dtype for _, _, inputs in input_batches(network, random_split(50, 784), "")}
    assert dtypes == {torch.float32}


def test_one_pixel_and_pixels_of_few_bits_stay_as_they_are():
    """torch is wrong about products of one byte, and small pixels less the shift nearly cancel."""
    one_pixel = random_split(50, 1)
    few_bits = replace(random_split(50, 6), max_value=16)
    for split in (one_pixel, few_bits):
        network = random_network(split.images.shape[1], 7, 3)
        for _, _, inputs in input_batches(network, split, ""):
            assert inputs.dtype == torch.float32


def test_it_takes_the_memory_of_one_first_layer(monkeypatch):
    monkeypatch.setattr("ossum.networks.forward.BLOCK_NEURONS", 100)
    n_neurons, n_pixels = 4_000, 500
    network = random_network(n_pixels, n_neurons, 3)
    split = random_split(20, n_pixels)
    with profile(profile_memory=True) as profiled:
        class_sums(network, split)
    largest = max(event.self_cpu_memory_usage for event in profiled.events())
    assert 0 < largest <= n_pixels * n_neurons  # one of the three digits


def test_the_number_of_threads_changes_no_digit():
    network, split = random_network(784, 300, 3), random_split(100, 784)
    whole = Subnetwork((torch.arange(300),))
    before, found = torch.get_num_threads(), []
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            found.append(evaluation_rows(network, [whole], split))
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]


def test_where_float32_may_be_rounded_it_is_not_used(monkeypatch):
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: True)
    monkeypatch.setattr("torch.get_float32_matmul_precision", lambda: "highest")
    assert bytes_are_fast()
    monkeypatch.setattr("torch.get_float32_matmul_precision", lambda: "medium")
    assert not bytes_are_fast()
