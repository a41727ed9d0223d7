"""Training a network that is sure of itself.

    ./run python benchmarks/denormal_numbers.py            (1 GiB of memory)

Where one class has nearly all probability, those of the others, and what follows from them, are
denormal: below 1e-38, where a processor takes many times as long. Jobs count them as zero. Of
FC-10000 with logits as far apart as after some epochs of training; each way in its own process,
because threads keep what was set when they started.
"""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import torch
from common import document, ensemble_step, network_for, plain_step, random_split, row, rule

from ossum.config.options import TrainingOptions
from ossum.networks.network import Network

STEPS = 12
SPREAD = 100  # standard deviation of the logits
OPTIONS = TrainingOptions(optimizer="sgd", schedule=[(1e-9, 1)])  # it stays as it is


def sure_network() -> Network:
    network = network_for("mnist", "FC-10000")
    first, last = network.weights
    logits = network.logits(random_split("mnist", 128).inputs())
    return replace(network, weights=(first, last * SPREAD / logits.std()))


def steps() -> tuple[float, float]:
    """Seconds of a step by this workflow and by a plain loop."""
    network = sure_network()
    ours = ensemble_step([network], "mnist", OPTIONS, STEPS)
    return ours, plain_step(network, "mnist", OPTIONS, STEPS)


def lines() -> Iterator[str]:
    times = {}
    for way in ("kept", "zero"):
        command = [sys.executable, __file__, way]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        times[way] = list(map(float, done.stdout.split()))
    yield from (row("code", "denormal numbers kept, s", "counted as zero", "ratio"), rule(4))
    for code, kept, zero in zip(("this workflow", "plain loop"), *times.values(), strict=True):
        yield row(code, f"{kept:.3f}", f"{zero:.3f}", f"{kept / zero:.1f}")
    yield f"\nFC-10000, shape of MNIST; the best of {STEPS} steps."


if __name__ == "__main__":
    if sys.argv[1:]:
        torch.set_flush_denormal(sys.argv[1] == "zero")
        print(*steps())
    else:
        document(sys.modules[__name__])
