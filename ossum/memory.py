"""How much memory a job needs, from the sizes of its network alone (MiB, no torch)."""

from collections.abc import Iterable

from ossum.architectures import Architecture, count_weights
from ossum.registry import DATASETS, METHODS

# Python, torch, thread pools and one batch of inputs and activations.
_RUNTIME_MB = 1100

# Examples in a batch of an ensemble: 128 in training by default, 512 in tests.
_ENSEMBLE_ROWS = 512


def network_mb(dataset: str, architecture: str) -> int:
    """Weights of the network, float32, and the data set, one byte a pixel."""
    data = DATASETS[dataset]
    sizes = (data.input_size, *Architecture.parse(architecture).hidden, data.n_classes)
    pixels = (data.n_train + data.n_test) * data.input_size
    return _mb(4 * count_weights(sizes) + pixels)


def activation_cache_mb(dataset: str, architecture: str) -> int:
    """The last hidden layer's activations of all training examples, float16."""
    return _mb(2 * DATASETS[dataset].n_train * Architecture.parse(architecture).hidden[-1])


def prune_mb(dataset: str, architecture: str, methods: Iterable[str]) -> int:
    """A pruning job; with the activation cache if one of its methods makes use of it."""
    two_layer = len(Architecture.parse(architecture).hidden) == 1
    cached = two_layer and any(METHODS[method].reads_activations for method in methods)
    cache = activation_cache_mb(dataset, architecture) if cached else 0
    return _RUNTIME_MB + network_mb(dataset, architecture) + cache


def evaluate_mb(dataset: str, architecture: str, n_cells: int) -> int:
    """An evaluation job: every cell has a masked copy of the output weights."""
    heads = n_cells * DATASETS[dataset].n_classes * Architecture.parse(architecture).hidden[0]
    return _RUNTIME_MB + network_mb(dataset, architecture) + 2 * _mb(4 * heads)


def train_mb(dataset: str, architecture: str, widths: tuple[int, ...], n_members: int) -> int:
    """A job that trains `n_members` networks of hidden `widths`, cut from `architecture`."""
    sizes = _layer_sizes(dataset, widths)
    return _before_training_mb(dataset, architecture, sizes, n_members) + ensemble_mb(
        sizes, n_members
    )


def left_for_ensemble_mb(
    memory_mb: int, dataset: str, architecture: str, widths: tuple[int, ...], n_members: int
) -> int:
    """What a job as in `train_mb` that may use `memory_mb` in all has left for its ensembles."""
    sizes = _layer_sizes(dataset, widths)
    return memory_mb - _before_training_mb(dataset, architecture, sizes, n_members)


def ensemble_mb(layer_sizes: tuple[int, ...], n_members: int) -> int:
    """An ensemble in training: its arrays and its results, without the networks it starts from.

    Every weight five times (itself, gradient, two moments, result), every activation of a batch
    once and those of the widest hidden layer twice.
    """
    activations = sum(layer_sizes[1:]) + max(layer_sizes[1:-1], default=0)
    a_member = 5 * count_weights(layer_sizes) + _ENSEMBLE_ROWS * activations
    return _mb(4 * n_members * a_member)


def _before_training_mb(
    dataset: str, architecture: str, layer_sizes: tuple[int, ...], n_members: int
) -> int:
    networks = _mb(4 * n_members * count_weights(layer_sizes))
    return _RUNTIME_MB + network_mb(dataset, architecture) + networks


def _layer_sizes(dataset: str, widths: tuple[int, ...]) -> tuple[int, ...]:
    return (DATASETS[dataset].input_size, *widths, DATASETS[dataset].n_classes)


def _mb(n_bytes: int) -> int:
    return n_bytes // 2**20 + 1
