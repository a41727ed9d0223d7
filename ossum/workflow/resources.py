"""What jobs ask for: memory, from the sizes of their networks, and time. No torch here.

Memory is in MiB, time in minutes.
"""

from collections.abc import Mapping

from ossum.config.architectures import Architecture, count_weights
from ossum.config.registry import DATASETS, METHODS

# Python, torch, thread pools and one batch of inputs and activations.
_RUNTIME_MB = 1100
# Examples in a batch of an ensemble: 128 in training by default, 512 in tests.
_ENSEMBLE_ROWS = 512
# Examples in a batch of a pass through a network; see `ossum.networks.forward`.
BATCH_ROWS = 1024
# Neurons whose pairs are held at once; see `ossum.pruning.second_order`.
PAIRED_NEURONS = 10_000

# Generous on two cores of 2021, for networks of up to 1e7 weights, 1e8, and more.
_MINUTES = {
    "train_network": (60, 360, 1440),
    "prune": (60, 120, 480),
    "train": (120, 480, 1440),
    "evaluate": (15, 15, 60),
    "statistics": (15, 30, 120),
    "readout": (60, 240, 960),
    "search": (60, 240, 960),
    "cost": (60, 240, 960),
}


def minutes(rule: str, dataset: str, architecture: str) -> int:
    """The time limit of a job on a cluster."""
    weights = count_weights(_sizes(dataset, architecture))
    return _MINUTES[rule][(weights > 1e7) + (weights > 1e8)]


def network_mb(dataset: str, architecture: str) -> int:
    """A job with the network, float32, and the data set, one byte a pixel.

    And with a copy of the first layer: passes may reorder it, or make integers of it.
    """
    data, sizes = DATASETS[dataset], _sizes(dataset, architecture)
    pixels = (data.n_train + data.n_test) * data.input_size
    weights = count_weights(sizes) + sizes[0] * sizes[1]
    return _RUNTIME_MB + _mb(4 * weights + pixels)


def prune_mb(dataset: str, architecture: str, methods: Mapping[str, Mapping]) -> int:
    """A pruning job, by the options of each of its methods.

    With the last hidden layer's activations of all training examples, float16, if a method reads
    them many times; and with those of some examples and a number for each pair of neurons, float32,
    if a method holds these.
    """
    sizes, examples = _sizes(dataset, architecture), DATASETS[dataset].n_train
    own = []
    for method, options in methods.items():
        if METHODS[method].reads_activations and len(sizes) == 3:
            own.append(2 * examples * sizes[-2])
        if METHODS[method].holds_sample:
            neurons = min(max(sizes[1:-1]), PAIRED_NEURONS)
            own.append(4 * neurons * (min(options["examples"], examples) + neurons) * 5 // 4)
    return network_mb(dataset, architecture) + _deep_mb(sizes) + sum(map(_mb, own))


def evaluate_mb(dataset: str, architecture: str, n_subnetworks: int) -> int:
    """An evaluation of subnetworks of one network, all above the first hidden layer replaced."""
    sizes = _sizes(dataset, architecture)
    # Each has output weights for the whole last hidden layer, zero where a neuron is pruned.
    own = _mb(4 * n_subnetworks * (sizes[-1] * sizes[-2] + count_weights(sizes[1:])))
    return network_mb(dataset, architecture) + _deep_mb(sizes) + own


def search_mb(dataset: str, architecture: str, n_fractions: int) -> int:
    """A search over all combinations of `n_fractions` widths of every hidden layer."""
    sizes = _sizes(dataset, architecture)
    hidden = sizes[1:-1]
    n_subnetworks = n_fractions ** len(hidden) + 1
    # Of each layer there are as many versions as ways to prune what is below; and the full network.
    versions = [n_fractions**layer + 1 for layer in range(len(hidden))]
    class_sums = 8 * sizes[-1] * sum(n * h for n, h in zip(versions, hidden, strict=True))
    kept = 2 * 8 * n_subnetworks * sum(hidden)  # indices, and again as keys of dictionaries
    heads = 4 * n_subnetworks * sizes[-1] * sizes[-2]
    return network_mb(dataset, architecture) + _deep_mb(sizes) + _mb(heads + class_sums + kept)


def readout_mb(dataset: str, architecture: str) -> int:
    """A logistic regression on the last hidden layer: its activations for all examples, and ten
    numbers for every logit of the training set."""
    data, sizes = DATASETS[dataset], _sizes(dataset, architecture)
    activations = (data.n_train + data.n_test) * sizes[-2] + BATCH_ROWS * sum(sizes)
    own = _mb(4 * (activations + 10 * data.n_train * data.n_classes + count_weights(sizes)))
    return network_mb(dataset, architecture) + _deep_mb(sizes) + own


def train_mb(dataset: str, architecture: str, sparsity: str | float, n_networks: int) -> int:
    """A job that trains subnetworks of a network, all at one sparsity, as one ensemble."""
    own = n_networks * _member_bytes(dataset, architecture, sparsity)
    return _before_training_mb(dataset, architecture, sparsity, n_networks) + _mb(own)


def ensemble_size(
    memory_mb: int, dataset: str, architecture: str, sparsity: str | float, n_networks: int
) -> int:
    """How many of the networks of such a job may train together in so much memory; at least one."""
    left = memory_mb - _before_training_mb(dataset, architecture, sparsity, n_networks)
    return max(1, int(left * 2**20 / _member_bytes(dataset, architecture, sparsity)))


def _member_bytes(dataset: str, architecture: str, sparsity: str | float) -> int:
    """A network in training: every weight five times (itself, gradient, two moments, result), every
    activation of a batch once and those of the widest hidden layer twice."""
    sizes = _sizes(dataset, architecture, sparsity)
    activations = sum(sizes[1:]) + max(sizes[1:-1], default=0)
    return 4 * (5 * count_weights(sizes) + _ENSEMBLE_ROWS * activations)


def _before_training_mb(
    dataset: str, architecture: str, sparsity: str | float, n_networks: int
) -> int:
    small = 4 * n_networks * count_weights(_sizes(dataset, architecture, sparsity))
    return network_mb(dataset, architecture) + _mb(small)


def _deep_mb(sizes: tuple[int, ...]) -> int:
    """What deep networks need beside: one pruned network at a time and a batch of each layer.

    All twice, because kept neurons are copied out.
    """
    if len(sizes) == 3:
        return 0
    return _mb(4 * 2 * (count_weights(sizes) + BATCH_ROWS * sum(sizes)))


def _sizes(dataset: str, architecture: str, sparsity: str | float = 0) -> tuple[int, ...]:
    data = DATASETS[dataset]
    kept = Architecture.parse(architecture).kept_widths(sparsity)
    return (data.input_size, *kept, data.n_classes)


def _mb(n_bytes: int) -> int:
    return n_bytes // 2**20 + 1
