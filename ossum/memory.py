"""How much memory a job needs, from the sizes of its network alone (MiB, no torch)."""

from collections.abc import Iterable, Mapping

from ossum.architectures import Architecture, count_weights
from ossum.registry import DATASETS, METHODS

Widths = tuple[int, ...]

# Python, torch, thread pools and one batch of inputs and activations.
_RUNTIME_MB = 1100
# Examples in a batch of an ensemble: 128 in training by default, 512 in tests.
_ENSEMBLE_ROWS = 512
# Examples in a batch of a pass through a network; see `ossum.forward`.
BATCH_ROWS = 1024
# Output weights are stacked in multiples of so many rows; see `ossum.evaluation`.
HEAD_ROWS = 64


def network_mb(dataset: str, architecture: str) -> int:
    """Weights of the network, float32, and the data set, one byte a pixel."""
    data, sizes = DATASETS[dataset], _full_sizes(dataset, architecture)
    pixels = (data.n_train + data.n_test) * data.input_size
    return _mb(4 * count_weights(sizes) + pixels)


def activation_cache_mb(dataset: str, architecture: str) -> int:
    """The last hidden layer's activations of all training examples, float16."""
    return _mb(2 * DATASETS[dataset].n_train * Architecture.parse(architecture).hidden[-1])


def prune_mb(dataset: str, architecture: str, methods: Iterable[str]) -> int:
    """A pruning job; with the activation cache if one of its methods makes use of it."""
    sizes = _full_sizes(dataset, architecture)
    cached = len(sizes) == 3 and any(METHODS[method].reads_activations for method in methods)
    cache = activation_cache_mb(dataset, architecture) if cached else 0
    return _RUNTIME_MB + network_mb(dataset, architecture) + _deep_mb(sizes) + cache


def evaluate_mb(dataset: str, architecture: str, n_cells: int) -> int:
    """An evaluation job: cells may all have replaced weights above the first hidden layer."""
    sizes = _full_sizes(dataset, architecture)
    # How many share their lower layers is not known; with one hidden layer there are none.
    n_groups = 1 if len(sizes) == 3 else n_cells
    replaced = n_cells * count_weights(sizes[1:])
    own = _mb(4 * (head_weights(sizes, n_cells, n_groups) + replaced))
    return _RUNTIME_MB + network_mb(dataset, architecture) + _deep_mb(sizes) + own


def search_mb(dataset: str, architecture: str, n_fractions: int) -> int:
    """A search over all combinations of `n_fractions` widths of every hidden layer."""
    sizes = _full_sizes(dataset, architecture)
    hidden = sizes[1:-1]
    n_cells = n_fractions ** len(hidden) + 1
    # Of each layer there are as many versions as ways to prune what is below; and the full network.
    versions = [n_fractions**layer + 1 for layer in range(len(hidden))]
    class_sums = 8 * sizes[-1] * sum(n * h for n, h in zip(versions, hidden, strict=True))
    kept = 2 * 8 * n_cells * sum(hidden)  # indices, and again as keys of dictionaries
    own = _mb(4 * head_weights(sizes, n_cells, versions[-1]) + class_sums + kept)
    return _RUNTIME_MB + network_mb(dataset, architecture) + _deep_mb(sizes) + own


def readout_mb(dataset: str, architecture: str, widths: tuple[int, ...]) -> int:
    """A logistic regression on the last hidden layer of a network of hidden `widths`.

    Its activations for all examples, and ten numbers for every logit of the training set.
    """
    data, sizes = DATASETS[dataset], _full_sizes(dataset, architecture)
    examples = data.n_train + data.n_test
    own = _mb(4 * (examples * widths[-1] + 10 * data.n_train * data.n_classes))
    small = _mb(4 * count_weights(_layer_sizes(dataset, widths)))
    batch = _mb(4 * BATCH_ROWS * sum(widths))
    return _RUNTIME_MB + network_mb(dataset, architecture) + _deep_mb(sizes) + own + small + batch


def head_weights(sizes: tuple[int, ...], n_cells: int, n_groups: int) -> int:
    """At most so many numbers are in the output weights of all cells of an evaluation.

    Every cell has output weights for the whole last hidden layer. Those of a group, which has all
    lower layers in common, are stacked and filled up to a multiple of HEAD_ROWS.
    """
    return (n_cells * sizes[-1] + n_groups * (HEAD_ROWS - 1)) * sizes[-2]


def train_mb(dataset: str, architecture: str, counts: Mapping[Widths, int]) -> int:
    """A job that trains networks cut from `architecture`: how many of which hidden widths.

    All are in memory; those of equal widths train together, one ensemble after the other.
    """
    ensembles = (ensemble_mb(_layer_sizes(dataset, widths), n) for widths, n in counts.items())
    return _before_training_mb(dataset, architecture, counts) + max(ensembles)


def left_for_ensemble_mb(
    memory_mb: int, dataset: str, architecture: str, counts: Mapping[Widths, int]
) -> int:
    """What a job as in `train_mb` that may use `memory_mb` in all has left for an ensemble."""
    return memory_mb - _before_training_mb(dataset, architecture, counts)


def ensemble_mb(layer_sizes: tuple[int, ...], n_members: int) -> int:
    """An ensemble in training: its arrays and its results, without the networks it starts from.

    Every weight five times (itself, gradient, two moments, result), every activation of a batch
    once and those of the widest hidden layer twice.
    """
    activations = sum(layer_sizes[1:]) + max(layer_sizes[1:-1], default=0)
    a_member = 5 * count_weights(layer_sizes) + _ENSEMBLE_ROWS * activations
    return _mb(4 * n_members * a_member)


def _before_training_mb(dataset: str, architecture: str, counts: Mapping[Widths, int]) -> int:
    weights = (n * count_weights(_layer_sizes(dataset, widths)) for widths, n in counts.items())
    return _RUNTIME_MB + network_mb(dataset, architecture) + _mb(4 * sum(weights))


def _deep_mb(sizes: tuple[int, ...]) -> int:
    """What deep networks need beside: one pruned network at a time and a batch of each layer.

    All twice, because kept neurons are copied out.
    """
    if len(sizes) == 3:
        return 0
    return _mb(4 * 2 * (count_weights(sizes) + BATCH_ROWS * sum(sizes)))


def _full_sizes(dataset: str, architecture: str) -> tuple[int, ...]:
    return _layer_sizes(dataset, Architecture.parse(architecture).hidden)


def _layer_sizes(dataset: str, widths: tuple[int, ...]) -> tuple[int, ...]:
    return (DATASETS[dataset].input_size, *widths, DATASETS[dataset].n_classes)


def _mb(n_bytes: int) -> int:
    return n_bytes // 2**20 + 1
