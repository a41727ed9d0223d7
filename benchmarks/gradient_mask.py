"""Training the gradient mask of FC-100000

    ./run python benchmarks/gradient_mask.py            (6 GiB of memory)

From activations that are cached by one forward pass, as the workflow does it, and by recomputing
them. The floor of the cached way is to read every activation of an epoch, in half precision, and to
multiply it twice with the weights of every class.
"""

import sys
from collections.abc import Iterator
from time import perf_counter

from common import Roofs, best_step, document, network_for, random_split, row, rule, seconds
from torch import Tensor

from ossum.config.options import GradientOptions, PruningOptions
from ossum.config.registry import DATASETS
from ossum.networks.forward import CachedActivations
from ossum.networks.rng import stream
from ossum.pruning.gradient import initial_mask
from ossum.pruning.view import TrainingView
from ossum.training.masks import train_mask

SCHEDULES = {"mnist": [(0.1, 10), (0.01, 5)], "cifar10": [(0.1, 20), (0.01, 10)]}
# Of the training set, so that the cache takes 3 GB instead of 12: no ratio depends on it.
PART = 4
# Steps timed: the best of them is scaled to the whole schedule.
CACHED_STEPS, RECOMPUTED_STEPS = 100, 8
HEAD = ("data", "what", "seconds", "x pass", "x floor")


def mask_rows(dataset: str) -> Iterator[str]:
    network = network_for(dataset, "FC-100000")
    train = random_split(dataset, DATASETS[dataset].n_train // PART)
    options = GradientOptions(schedule=SCHEDULES[dataset])
    view = TrainingView(network, train, PruningOptions(gradient=options), 0, True)
    one_pass = seconds(lambda: view.class_sums)  # fills the cache on the way
    recomputing = TrainingView(network, train, PruningOptions(gradient=options), 0)
    roofs = Roofs.measured()
    epochs = sum(epochs for _, epochs in options.schedule)
    steps = epochs * (len(train) // options.batch_size)
    activations = options.batch_size * network.hidden_widths[0]
    floor = activations * (2 / roofs.bytes + 2 * 2 * train.n_classes / roofs.flops) * steps
    cached = mask_step(view, CACHED_STEPS) * steps
    again = mask_step(recomputing, RECOMPUTED_STEPS) * steps
    times = {
        "one forward pass, filling the cache": (one_pass, ""),
        f"{steps:,} steps from the cache, floor": (floor, "1.0"),
        f"{steps:,} steps from the cache": (cached, f"{cached / floor:.1f}"),
        f"{steps:,} steps, recomputing": (again, ""),
    }
    for what, (took, floors) in times.items():
        yield row(DATASETS[dataset].label, what, f"{took:.0f}", f"{took / one_pass:.2f}", floors)


def mask_step(view: TrainingView, steps: int) -> float:
    """Seconds of a step, the best of `steps`."""
    options = GradientOptions(schedule=[(0.1, 1)])
    read = view.activation_reader(options.batch_size)
    starts = []

    def clocked(rows: Tensor) -> Tensor:
        starts.append(perf_counter())
        return read(rows)

    if isinstance(read, CachedActivations):
        read.on_read = lambda n: starts.append(perf_counter())

    labels = view.split.labels[: (steps + 2) * options.batch_size]
    network = view.network
    mask = initial_mask(network.hidden_widths[0], options, 0)
    reader = read if isinstance(read, CachedActivations) else clocked
    train_mask(reader, labels, network.weights[1], mask, options, stream(0, "benchmark"))
    return best_step(starts)


def lines() -> Iterator[str]:
    yield from (row(*HEAD), rule(len(HEAD)))
    for dataset in SCHEDULES:
        yield from mask_rows(dataset)
    yield (
        f"\n1/{PART} of the training set. Steps: the best of {CACHED_STEPS} and, recomputing, of "
        f"{RECOMPUTED_STEPS}, times their number."
    )


if __name__ == "__main__":
    document(sys.modules[__name__])
