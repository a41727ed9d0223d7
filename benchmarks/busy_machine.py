"""Training beside another program

    ./run python benchmarks/busy_machine.py

Threads that wait for each other look for a while whether the others are done, and then sleep. How
often they look, GNU's OpenMP is told by GOMP_SPINCOUNT when a process starts: 300,000 times where
nobody tells it, and 10,000 times in jobs of the workflow (rules/common.smk).
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from statistics import median

from common import copies, document, ensemble_step, network_for, row, rule
from ensemble_training import OPTIONS

SPINS = (300_000, 10_000)
# Kept widths, members and steps. Random data, shape of CIFAR-10.
TRAININGS = {16: (4, 100), 62: (4, 50), 250: (4, 30), 1000: (1, 20)}
BUSY = [sys.executable, "-c", "while True: pass"]
ITSELF = [sys.executable, __file__, "measure"]


def milliseconds(width: int) -> float:
    """The median step: the best one is not disturbed."""
    n_members, n_steps = TRAININGS[width]
    network = network_for("cifar10", f"FC-{width}-{width}-{width}")
    networks = copies(network, n_members)
    return 1000 * ensemble_step(networks, "cifar10", OPTIONS, n_steps, median)


def measured(spins: int, beside: Sequence[Sequence[str]]) -> list[str]:
    """Of a process of its own, with others beside it."""
    environment = os.environ | {"GOMP_SPINCOUNT": str(spins)}
    with ExitStack() as stack:
        for command in beside:
            other = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
            stack.callback(other.kill)
        output = subprocess.run(ITSELF, env=environment, check=True, stdout=subprocess.PIPE)
    return output.stdout.decode().split()


def lines() -> Iterator[str]:
    members = (f"{n} of width {width}, ms a step" for width, (n, _) in TRAININGS.items())
    yield from (row("beside", "looks", *members), rule(2 + len(TRAININGS)))
    others = {"nothing": [], "a busy program": [BUSY], "another such training": [ITSELF]}
    for what, commands in others.items():
        for spins in SPINS:
            yield row(what, f"{spins:,}", *measured(spins, commands))


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        print(*(f"{milliseconds(width):.1f}" for width in TRAININGS))
    else:
        document(sys.modules[__name__])
