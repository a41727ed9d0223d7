"""How long a job takes, from the sizes of its cells alone (no torch).

A count of what a job computes, divided by rates that were measured once (AMD EPYC and Intel Xeon,
AVX-512, two cores, products by MKL). `benchmarks/scaling.py` compares it with the durations that a
run has left: on those machines trainings took a tenth to a third less at the median, and short
jobs, which count for little, half. A cluster gets `limit_minutes`, several times as much, because
its processors may be older or shared; a retry gets more.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from math import ceil

from ossum.architectures import Architecture, count_weights
from ossum.cells import TRAINING_STAGES, Cell
from ossum.config import Config
from ossum.registry import DATASETS

# Python, torch and the data set.
_START_SECONDS = 3.0
# Of one core, in large matrix products: multiply-adds (two operations) a second.
_PRODUCTS = 40e9
# Of one core: activations of the last hidden layer read a second, where what multiplies them is as
# narrow as the classes, as in training a mask or a readout.
_READ = 0.5e9
# Not in parallel: weights drawn or described, pixels made into inputs, and a training step's start.
_WEIGHTS, _PIXELS, _STEP_SECONDS = 1e8, 1e9, 0.7e-3

_LIMIT_FACTOR, _LIMIT_LEAST_MINUTES = 4, 5


def limit_minutes(seconds: float) -> int:
    """The time limit of a job that should take `seconds`."""
    return _LIMIT_LEAST_MINUTES + ceil(_LIMIT_FACTOR * seconds / 60)


def job_seconds(config: Config, stage: str, cells: Sequence[Cell], threads: int) -> float:
    """What a job on `threads` cores takes for all its `cells`.

    stage: "prune", "full" (whole networks), "cost" or one of `ossum.cells.RESULTS`.
    """
    if stage == "full" or stage in TRAINING_STAGES:
        seconds = _training(config, stage, cells, threads)
    else:
        seconds = sum(
            _of_network(config, stage, list(group), threads)
            for _, group in groupby(sorted(cells, key=_network), key=_network)
        )
    return _START_SECONDS + seconds


def _network(cell: Cell) -> tuple:
    return (cell.dataset, cell.architecture, cell.activation, cell.init, cell.seed)


def _of_network(config: Config, stage: str, cells: list[Cell], threads: int) -> float:
    """Cells of one network, which is built or read first."""
    count = {
        "prune": _prune,
        "pruned": _evaluate,
        "statistics": _describe,
        "readout": _read_out,
        "search": _search,
        "cost": _prune_one_by_one,
    }
    return _full_weights(cells[0]) / _WEIGHTS + count[stage](config, cells) / threads


def _prune(config: Config, cells: list[Cell]) -> float:
    """Two layers: one pass over the training set serves all methods. Deep: each makes its own."""
    cell, data = cells[0], DATASETS[cells[0].dataset]
    hidden = Architecture.parse(cell.architecture).hidden
    methods = {cell.method for cell in cells}
    a_pass = data.n_train * _full_weights(cell) / _PRODUCTS
    seconds = a_pass * (1 if len(hidden) == 1 else len(methods))
    if "gradient" in methods:
        schedule = config.pruning.options(cell.dataset).gradient.schedule
        epochs = sum(epochs for _, epochs in schedule)
        seconds += epochs * data.n_train * sum(hidden) / _READ
        if len(hidden) > 1:
            seconds += epochs * len(hidden) * a_pass
    if "best-random" in methods:
        draws = config.pruning.best_random.draws
        kept = sum(_kept_sizes(cell)[-2] for cell in cells if cell.method == "best-random")
        seconds += draws * kept * data.n_train / _READ
    return seconds


def _prune_one_by_one(config: Config, cells: list[Cell]) -> float:
    return sum(_prune(config, [cell]) for cell in cells)


def _read_out(config: Config, cells: list[Cell]) -> float:
    """Activations, and L-BFGS on them: it rarely takes more than a few hundred iterations."""
    data = DATASETS[cells[0].dataset]
    activations = data.n_train * sum(_kept_sizes(cell)[-2] for cell in cells)
    iterations = min(config.readout.max_iterations, 300)
    passes = len(cells) * data.n_train * _full_weights(cells[0])
    return passes / _PRODUCTS + 2 * iterations * activations / _READ


def _evaluate(config: Config, cells: list[Cell]) -> float:
    """Two layers: one pass over the test set serves all cells. Deep: what lies above the first."""
    weights = _full_weights(cells[0])
    if len(Architecture.parse(cells[0].architecture).hidden) > 1:
        weights += sum(count_weights(_kept_sizes(cell)) for cell in cells)
    return DATASETS[cells[0].dataset].n_test * weights / _PRODUCTS


def _describe(config: Config, cells: list[Cell]) -> float:
    return 10 * sum(count_weights(_kept_sizes(cell)) for cell in cells) / _WEIGHTS


def _search(config: Config, cells: list[Cell]) -> float:
    """A layer is passed through once for every way to prune what lies below, to half or so."""
    data, fractions = DATASETS[cells[0].dataset], config.search.fractions
    sizes = _sizes(cells[0], Architecture.parse(cells[0].architecture).hidden)
    products = count_weights(sizes[:2])
    for layer in range(1, len(sizes) - 2):
        passes = len(fractions) ** (layer - 1) * sum(fractions)
        products += passes * count_weights(sizes[layer : layer + 2])
    return len(cells) * (data.n_train + data.n_test) * products / _PRODUCTS


def _training(config: Config, stage: str, cells: Sequence[Cell], threads: int) -> float:
    """Ensembles, one for each size: members do their own products and share a seed's inputs."""
    data = DATASETS[cells[0].dataset]
    options = config.training.options(stage, cells[0].dataset, cells[0].architecture)
    epochs = sum(epochs for _, epochs in options.schedule)
    n_sizes = len({cell.sparsity for cell in cells})
    n_seeds = len({(cell.activation, cell.init, cell.seed) for cell in cells})
    products = 0
    # At sparsity 0 every method keeps the same network, which is trained once.
    for cell in {cell if cell.sparsity else replace(cell, method=None) for cell in cells}:
        sizes = _kept_sizes(cell)
        weights = count_weights(sizes)
        # Forward and the gradients of weights and of activations; inputs need none.
        products += data.n_train * (3 * weights - count_weights(sizes[:2])) + data.n_test * weights
    an_epoch = products / _PRODUCTS / threads
    an_epoch += n_sizes * n_seeds * data.n_train * data.input_size / _PIXELS
    an_epoch += n_sizes * data.n_train / options.batch_size * _STEP_SECONDS
    return epochs * an_epoch + n_seeds * _full_weights(cells[0]) / _WEIGHTS


def _full_weights(cell: Cell) -> int:
    return count_weights(_sizes(cell, Architecture.parse(cell.architecture).hidden))


def _kept_sizes(cell: Cell) -> tuple[int, ...]:
    """Layer sizes after pruning; of a whole network, all."""
    return _sizes(cell, Architecture.parse(cell.architecture).kept_widths(cell.sparsity or 0))


def _sizes(cell: Cell, hidden: tuple[int, ...]) -> tuple[int, ...]:
    data = DATASETS[cell.dataset]
    return (data.input_size, *hidden, data.n_classes)
