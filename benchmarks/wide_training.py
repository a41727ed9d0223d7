"""Training a whole FC-100000

    ./run python benchmarks/wide_training.py            (7 GiB of memory)

One step of SGD with momentum on 128 examples, as networks are trained before they are pruned. Its
floors are its products at the rate of a large product, and the bytes of the optimizer and of the
gradient at that of the memory, 24 a weight. The plain loop is an `nn.Sequential` with a DataLoader,
torch's SGD as it comes, or told to fuse.
"""

import sys
from collections.abc import Iterator

from common import Floor, Roofs, document, ensemble_step, network_for, plain_step, row, rule

from ossum.config.architectures import count_weights
from ossum.config.options import TrainingOptions
from ossum.config.registry import DATASETS

OPTIONS = TrainingOptions(optimizer="sgd", schedule=[(0.1, 1)])
STEPS = {"mnist": 16, "cifar10": 6}
HEAD = ("data", "what", "s a step", "s an epoch", "x products", "x bytes", "x both")


def rows(dataset: str) -> Iterator[str]:
    roofs, network = Roofs.measured(), network_for(dataset, "FC-100000")
    floor = Floor.of_step(roofs, network, 1, OPTIONS)
    ours = ensemble_step([network], dataset, OPTIONS, STEPS[dataset])
    times = {
        "products alone": floor.products,
        "bytes alone": floor.bytes,
        "this workflow": ours,
        "plain loop": plain_step(network, dataset, OPTIONS, STEPS[dataset]),
        "plain loop, fused SGD": plain_step(network, dataset, OPTIONS, STEPS[dataset], fused=True),
    }
    spec = DATASETS[dataset]
    label = f"{spec.label}, {4 * count_weights(network.layer_sizes) / 1e6:,.0f} MB of weights"
    for what, step in times.items():
        epoch = step * -(-spec.n_train // OPTIONS.batch_size)
        floors = (floor.products, floor.bytes, floor.both)
        yield row(
            *(label, what, f"{step:.3f}", f"{epoch:.0f}"), *(f"{step / f:.2f}" for f in floors)
        )


def lines() -> Iterator[str]:
    yield from (row(*HEAD), rule(len(HEAD)))
    for dataset in STEPS:
        yield from rows(dataset)
    yield (
        f"\nThe best of {STEPS['mnist']} and of {STEPS['cifar10']} steps; an epoch is without "
        "its test."
    )


if __name__ == "__main__":
    document(sys.modules[__name__])
