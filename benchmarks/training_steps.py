"""What a training step is made of.

    ./run python benchmarks/training_steps.py            (4 GiB of memory)

By torch's profiler, of the costliest jobs: this workflow ("after") and a plain `nn.Sequential` with
a DataLoader and torch's optimizer as it comes ("before"), for as many networks.
"""

import sys
from collections.abc import Callable, Iterator

from common import copies, document, ensemble_step, network_for, plain_step, row, rule
from ensemble_training import MEMBERS
from ensemble_training import OPTIONS as ADAM
from torch.profiler import ProfilerActivity, profile
from wide_training import OPTIONS as SGD

from ossum.config.options import TrainingOptions

STEPS = 8
# (name, data set, architecture, networks, options)
JOBS: list[tuple[str, str, str, int, TrainingOptions]] = [
    ("FC-100000, MNIST", "mnist", "FC-100000", 1, SGD),
    (f"{MEMBERS} deep, 500 kept a layer", "cifar10", "FC-500-500-500", MEMBERS, ADAM),
    (f"{MEMBERS} deep, 62 kept a layer", "cifar10", "FC-62-62-62", MEMBERS, ADAM),
]
PRODUCTS = {"aten::mm", "aten::bmm", "aten::addmm", "aten::baddbmm", "aten::baddbmm_"}
OPTIMIZER = "Optimizer.step#"
HEAD = ("job", "code", "ms a step", "products", "optimizer", "all else")


def shares(work: Callable[[], object], steps_at_once: int) -> tuple[float, float, float]:
    """Milliseconds of a step, and the shares in it of products and of the optimizer.

    From the end of the first steps, which make what the others use again, to that of the last.
    """
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        work()
    events = recorded.events()
    steps = sorted(
        (e for e in events if e.name.startswith(OPTIMIZER)), key=lambda e: e.time_range.end
    )
    first, *_, last = steps[steps_at_once - 1 :: steps_at_once]
    start, end = first.time_range.end, last.time_range.end
    inside = [e for e in events if start <= e.time_range.start < end]
    products = sum(e.time_range.elapsed_us() for e in inside if e.name in PRODUCTS)
    optimizer = sum(e.time_range.elapsed_us() for e in inside if e.name.startswith(OPTIMIZER))
    n_steps = len(steps) // steps_at_once - 1
    return (end - start) / n_steps / 1e3, products / (end - start), optimizer / (end - start)


def job_rows(
    name: str, dataset: str, architecture: str, n_members: int, options: TrainingOptions
) -> Iterator[str]:
    network = network_for(dataset, architecture)
    members = copies(network, n_members)
    codes = {
        "plain loop": (lambda: plain_step(network, dataset, options, STEPS, n_members), n_members),
        "this workflow": (lambda: ensemble_step(members, dataset, options, STEPS), 1),
    }
    for code, (work, steps_at_once) in codes.items():
        milliseconds, products, optimizer = shares(work, steps_at_once)
        parts = (products, optimizer, 1 - products - optimizer)
        yield row(name, code, f"{milliseconds:.1f}", *(f"{part:.0%}" for part in parts))


def lines() -> Iterator[str]:
    yield from (row(*HEAD), rule(len(HEAD)))
    for job in JOBS:
        yield from job_rows(*job)


if __name__ == "__main__":
    document(sys.modules[__name__])
