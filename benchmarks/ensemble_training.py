"""Training four pruned FC-1000-1000-1000 as one ensemble, and one by one.

    ./run python benchmarks/ensemble_training.py            (4 GiB of memory)

One by one is a plain `nn.Sequential` with a DataLoader, torch's Adam as it comes, or told to fuse.
The floor is that of the products at the rate of a large product, and of Adam's bytes at that of the
memory; both are measured anew for every row, so that ratios hold on a machine whose speed drifts.
"""

import sys
from collections.abc import Iterator

from common import (
    Floor,
    Roofs,
    copies,
    document,
    ensemble_step,
    network_for,
    plain_step,
    row,
    rule,
    step_flops,
)

from ossum.config.options import TrainingOptions
from ossum.config.registry import DATASETS

WIDTHS = [16, 62, 250, 500]
MEMBERS = 4
STEPS = 16
OPTIONS = TrainingOptions(optimizer="adam", schedule=[(1e-3, 1)])
STEPS_AN_EPOCH = -(-DATASETS["cifar10"].n_train // OPTIONS.batch_size)
HEAD = (
    *("kept a layer", "ensemble, s an epoch", "one by one", "fused Adam", "ratio", "ratio, fused"),
    *("ensemble, GFLOP/s", "one by one", "matrix product", "floor: products, s", "Adam, s"),
    "x floor",
)


def width_row(width: int) -> str:
    network = network_for("cifar10", f"FC-{width}-{width}-{width}")
    members = copies(network, MEMBERS)
    flops = step_flops(network, MEMBERS, OPTIONS.batch_size)
    roofs = Roofs.measured()
    floor = Floor.of_step(roofs, network, MEMBERS, OPTIONS)
    ours = ensemble_step(members, "cifar10", OPTIONS, STEPS)
    plain, fused = (
        plain_step(network, "cifar10", OPTIONS, STEPS, MEMBERS, fused) for fused in (False, True)
    )
    steps = (ours, plain, fused)
    return row(
        width,
        *(f"{step * STEPS_AN_EPOCH:.1f}" for step in steps),
        *(f"{step / ours:.1f}" for step in (plain, fused)),
        *(f"{flops / step / 1e9:.0f}" for step in (ours, plain)),
        f"{roofs.flops / 1e9:.0f}",
        *(f"{part * STEPS_AN_EPOCH:.1f}" for part in (floor.products, floor.bytes)),
        f"{ours / floor.both:.2f}",
    )


def lines() -> Iterator[str]:
    yield from (row(*HEAD), rule(len(HEAD)))
    yield from map(width_row, WIDTHS)
    yield (
        f"\nShape of CIFAR-10, {MEMBERS} networks; "
        f"the best of {STEPS} steps, scaled to an epoch of {STEPS_AN_EPOCH}."
    )


if __name__ == "__main__":
    document(sys.modules[__name__])
