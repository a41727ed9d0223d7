"""Training the gradient mask of FC-100000

    ./run python benchmarks/gradient_mask.py            (6 GiB of memory)

From activations that are cached by one forward pass, as the workflow does it, and by recomputing
them. The floor of the cached way is to read every activation of an epoch, in half precision, and to
multiply it twice with the weights of every class.
"""

import sys
from collections.abc import Iterator

from common import Roofs, document, network_for, random_split, row, rule, seconds
from torch import Tensor

from ossum.options import GradientOptions, PruningOptions
from ossum.pruning.gradient import initial_mask
from ossum.pruning.view import TrainingView
from ossum.registry import DATASETS
from ossum.rng import stream
from ossum.training.masks import train_mask

SCHEDULES = {"mnist": [(0.1, 10), (0.01, 5)], "cifar10": [(0.1, 20), (0.01, 10)]}
# Of the training set, so that the cache takes 3 GB instead of 12: no ratio depends on it.
PART = 4
# The slow way is timed in part and scaled; the table says so.
RECOMPUTED_STEPS = 20
HEAD = ("data", "what", "seconds", "x pass", "x floor")


def mask_rows(dataset: str) -> Iterator[str]:
    network = network_for(dataset, "FC-100000")
    train = random_split(dataset, DATASETS[dataset].n_train // PART)
    options = GradientOptions(schedule=SCHEDULES[dataset])
    view = TrainingView(network, train, PruningOptions(gradient=options), 0, True)
    one_pass = seconds(lambda: view.class_sums)  # fills the cache on the way
    start = initial_mask(network.hidden_widths[0], options, 0)

    def train_with(view: TrainingView, labels: Tensor, options: GradientOptions) -> None:
        reader = view.activation_reader(options.batch_size)
        order = stream(0, "benchmark")
        train_mask(reader, labels, network.weights[1], start, options, order)

    roofs = Roofs.measured()
    cached = seconds(lambda: train_with(view, train.labels, options))
    epochs = sum(epochs for _, epochs in options.schedule)
    activations = epochs * len(train) * network.hidden_widths[0]
    floor = activations * (2 / roofs.bytes + 2 * 2 * train.n_classes / roofs.flops)
    recomputing = TrainingView(network, train, PruningOptions(gradient=options), 0)
    few = options.model_copy(update={"schedule": [(0.1, 1)]})
    labels = train.labels[: RECOMPUTED_STEPS * options.batch_size]
    a_step = seconds(lambda: train_with(recomputing, labels, few)) / RECOMPUTED_STEPS
    steps = -(-len(train) // options.batch_size) * epochs
    times = {
        "one forward pass, filling the cache": (one_pass, ""),
        f"{steps:,} steps from the cache, floor": (floor, "1.0"),
        f"{steps:,} steps from the cache": (cached, f"{cached / floor:.1f}"),
        f"{steps:,} steps, recomputing": (a_step * steps, ""),
    }
    for what, (took, floors) in times.items():
        yield row(DATASETS[dataset].label, what, f"{took:.0f}", f"{took / one_pass:.2f}", floors)


def lines() -> Iterator[str]:
    yield from (row(*HEAD), rule(len(HEAD)))
    for dataset in SCHEDULES:
        yield from mask_rows(dataset)
    yield (
        f"\n1/{PART} of the training set. Recomputing: {RECOMPUTED_STEPS} steps timed, then scaled."
    )


if __name__ == "__main__":
    document(sys.modules[__name__])
