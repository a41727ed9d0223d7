"""What the choice of a library for products saves, and a lower precision.

    ./run python benchmarks/precision.py            (6 GiB of memory)

The same work as torch comes, and in every precision that this machine multiplies in (`precision` in
the configuration). What a lower one changes in the results is another question: see docs/speed.md.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import torch
from common import (
    as_torch_comes,
    best,
    copies,
    document,
    ensemble_step,
    network_for,
    random_split,
    row,
    rule,
)
from ensemble_training import MEMBERS
from ensemble_training import OPTIONS as ADAM
from gradient_mask import mask_step
from prune_and_evaluate import ours
from wide_training import OPTIONS as SGD

from ossum.config.options import PruningOptions
from ossum.config.registry import DATASETS
from ossum.pruning.view import TrainingView
from ossum.workflow.device import DeviceError, set_precision

PRECISIONS = ("float32", "tf32", "bfloat16")
PART = 8  # of both sets
STEPS = 12
WORK: dict[str, Callable[[], float]] = {
    "FC-10000 pruned and evaluated, MNIST": lambda: pruning("mnist"),
    "FC-10000 pruned and evaluated, CIFAR-10": lambda: pruning("cifar10"),
    "gradient mask of FC-100000, a step, MNIST": lambda: mask("mnist"),
    f"{MEMBERS} pruned deep networks of width 62, a step": lambda: ensemble(62),
    f"{MEMBERS} of width 250": lambda: ensemble(250),
    f"{MEMBERS} of width 500": lambda: ensemble(500),
    "FC-100000, a step, MNIST": lambda: wide("mnist"),
    "FC-100000, a step, CIFAR-10": lambda: wide("cifar10"),
}


def pruning(dataset: str) -> float:
    network, spec = network_for(dataset, "FC-10000"), DATASETS[dataset]
    splits = [random_split(dataset, n // PART) for n in (spec.n_train, spec.n_test)]
    return best(lambda: ours(network, *splits), times=3)


def mask(dataset: str) -> float:
    network = network_for(dataset, "FC-100000")
    train = random_split(dataset, DATASETS[dataset].n_train // PART)
    return mask_step(TrainingView(network, train, PruningOptions(gradient=None), 0, True), STEPS)


def ensemble(width: int) -> float:
    network = network_for("cifar10", f"FC-{width}-{width}-{width}")
    return ensemble_step(copies(network, MEMBERS), "cifar10", ADAM, STEPS)


def wide(dataset: str) -> float:
    return ensemble_step([network_for(dataset, "FC-100000")], dataset, SGD, STEPS)


@contextmanager
def multiplying_in(precision: str) -> Iterator[None]:
    """Within this, the processor rounds the factors of products; DeviceError if it cannot."""
    set_precision(precision, torch.device("cpu"))
    try:
        yield
    finally:
        set_precision("float32", torch.device("cpu"))


def available() -> list[str]:
    """The precisions that the processor has."""
    found = []
    for name in PRECISIONS:
        with suppress(DeviceError), multiplying_in(name):
            found.append(name)
    return found


def lines() -> Iterator[str]:
    ways = {"as torch comes": as_torch_comes} | {n: partial(multiplying_in, n) for n in available()}
    yield from (row("what", *(f"{way}, s" for way in ways)), rule(1 + len(ways)))
    for what, work in WORK.items():
        times = []
        for way in ways.values():
            with way():
                times.append(work())
        ratios = (f"{took:.3g} ({times[0] / took:.1f} x)" for took in times[1:])
        yield row(what, f"{times[0]:.3g}", *ratios)
    yield f"\n1/{PART} of both sets; the best of 3 passes and of {STEPS} steps."


if __name__ == "__main__":
    document(sys.modules[__name__])
