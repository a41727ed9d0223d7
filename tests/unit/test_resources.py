"""What jobs ask for grows with their networks; memory is that of the arrays, counted by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossum.networks import forward
from ossum.pruning import second_order
from ossum.training import ensemble
from ossum.workflow import resources
from ossum.workflow.resources import (
    ensemble_size,
    evaluate_mb,
    minutes,
    network_mb,
    prune_mb,
    readout_mb,
    search_mb,
    train_mb,
)

MIB = 2**20
START = 1100  # Python, torch and a batch
CIFAR10 = 60_000 * 3_072  # bytes
MNIST = 70_000 * 784
WIDE = 100_000 * (2 * 3_072 + 10)  # weights, those of the first layer twice


def mib(*n_bytes: int) -> float:
    """Each part is rounded up."""
    return pytest.approx(START + sum(n_bytes) / MIB, abs=len(n_bytes) + 1)


def test_a_network_its_data_set_and_its_first_layer_again():
    assert network_mb("cifar10", "FC-100000") == mib(4 * WIDE + CIFAR10)
    assert network_mb("digits", "FC-9") == mib(1_797 * 64)
    assert network_mb("mnist", "FC-100000") == mib(4 * (784 + 794) * 100_000 + MNIST)


def test_pruning_with_and_without_activations_in_memory():
    """In half precision, for methods that read them many times, of networks of one hidden layer."""
    without = 4 * WIDE + CIFAR10
    assert prune_mb("cifar10", "FC-100000", {"ossum": {}, "norm": {}}) == mib(without)
    cache = 2 * 50_000 * 100_000
    assert prune_mb("cifar10", "FC-100000", {"norm": {}, "gradient": {}}) == mib(without, cache)
    deep = prune_mb("cifar10", "FC-1000-1000", {"gradient": {}})
    assert deep == prune_mb("cifar10", "FC-1000-1000", {"norm": {}}) < START + 500


@pytest.mark.parametrize(
    ("name", "examples", "numbers"),
    [
        ("FC-1000", 10_000, 1_000 * (10_000 + 1_000)),
        ("FC-1000", 10**6, 1_000 * (60_000 + 1_000)),
        ("FC-10000", 10_000, 10_000 * (10_000 + 10_000)),
        ("FC-100000", 10_000, 10_000 * (10_000 + 10_000)),  # in blocks
    ],
)
def test_the_second_order_holds_some_activations_and_pairs_of_neurons(name, examples, numbers):
    methods = {"ossum": {}, "second-order-ossum": {"examples": examples}}
    more = prune_mb("mnist", name, methods) - prune_mb("mnist", name, {"ossum": {}})
    assert more == pytest.approx(1.25 * 4 * numbers / MIB, abs=2)


def test_training_five_times_every_weight_and_every_activation_of_a_batch():
    kept = 1_000  # of 100,000
    weights = kept * (3_072 + 10)
    activations = 512 * (kept + 10 + kept)
    before = 4 * WIDE + CIFAR10, 4 * 6 * weights
    assert train_mb("cifar10", "FC-100000", 0.99, 6) == mib(
        *before, 6 * 4 * (5 * weights + activations)
    )


def test_evaluation_of_many_subnetworks():
    own = 80 * 4 * (10 * 1_000 + 1_000 * 10)  # the whole last layer, and layers that are replaced
    assert evaluate_mb("mnist", "FC-1000", 80) == mib(4 * (784_000 + 794_000) + MNIST, own)


def test_readout_has_the_activations_of_all_examples():
    activations = 4 * (70_000 * 10_000 + 1024 * (784 + 10_000 + 10))
    own = activations + 4 * (10 * 60_000 * 10 + 10_000 * 794)
    assert readout_mb("mnist", "FC-10000") == mib(4 * 10_000 * (784 + 794) + MNIST, own)


def test_search_keeps_every_version_of_every_layer():
    heads = 4 * (9**3 + 1) * 10 * 1000
    sums = 8 * 10 * 1000 * (2 + 10 + 82)
    kept = 2 * 8 * (9**3 + 1) * 3000
    weights = 1000 * (784 + 1000 + 1000 + 10)
    first_layer = 784 * 1000
    one_layer_at_a_time = 8 * (weights + 1024 * (784 + 3000 + 10))
    assert search_mb("mnist", "FC-1000-1000-1000", 9) == mib(
        4 * (weights + first_layer) + MNIST, one_layer_at_a_time, heads + sums + kept
    )


@given(
    st.sampled_from(["FC-9", "FC-1000", "FC-100000", "FC-1000-1000-1000"]),
    st.sampled_from([0, 0.5, 0.9375]),
    st.integers(1, 12),
)
def test_an_ensemble_fits_into_the_memory_that_it_asks_for(name, sparsity, n):
    """All train together, at least one always; twice the memory takes no fewer."""
    asked = train_mb("cifar10", name, sparsity, n)
    assert ensemble_size(asked, "cifar10", name, sparsity, n) >= n
    assert ensemble_size(1, "cifar10", name, sparsity, n) == 1
    half, whole = (ensemble_size(m, "cifar10", name, sparsity, n) for m in (asked // 2, asked))
    assert half <= whole


def test_batches_are_those_of_the_code_that_computes():
    """Which planning does not load, as it needs torch."""
    found = resources.BATCH_ROWS, resources._ENSEMBLE_ROWS, resources.PAIRED_NEURONS
    assert found == (forward.BATCH_ROWS, ensemble.TEST_ROWS, second_order.BLOCK_NEURONS)


def test_limits_of_time_grow_with_the_network():
    names = ["FC-1000", "FC-10000", "FC-100000"]  # 3e6, 3e7 and 3e8 weights
    for rule in resources._MINUTES:
        limits = [minutes(rule, "cifar10", name) for name in names]
        assert limits == sorted(limits) and limits[0] < limits[-1]
    assert minutes("train", "mnist", "FC-9") <= minutes("train", "cifar10", "FC-9")
