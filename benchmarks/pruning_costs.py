"""What each pruning method costs

    ./run python benchmarks/pruning_costs.py            (3 GiB of memory)

Each method alone, to 75 %, on a part of the training set: passes are what they are on the whole,
seconds grow with it. Measured as for `results/tables/costs.parquet`, which has the whole.
"""

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import yaml
from common import document, network_for, random_split, row, rule

from ossum.analysis.pruning_cost import pruning_cost
from ossum.config.architectures import Architecture
from ossum.config.registry import DATASETS, METHODS
from ossum.config.schema import parse_config

CONFIG = Path(__file__).resolve().parent.parent / "config/config.yaml"
PART, TIMES = 4, 2
HEAD = ("data", "network", "method", "passes", "seconds")


def lines() -> Iterator[str]:
    config = parse_config(yaml.safe_load(CONFIG.read_text()))
    yield from (row(*HEAD), rule(len(HEAD)))
    for _, grid in config.views("costs"):
        for dataset, architecture in product(grid.datasets, grid.architectures):
            spec = DATASETS[dataset]
            train = random_split(dataset, spec.n_train // PART)
            network = network_for(dataset, architecture)
            widths = Architecture.parse(architecture).kept_widths(grid.sparsities[0])
            options = config.options.pruning(dataset)
            for method in grid.methods:
                cost = min(
                    (
                        pruning_cost(method, network, widths, train, options, 0)
                        for _ in range(TIMES)
                    ),
                    key=lambda cost: cost.seconds,
                )
                passes, took = f"{cost.passes:.3g}", f"{cost.seconds:.2f}"
                yield row(spec.label, architecture, METHODS[method].label, passes, took)
    yield (
        f"\n1/{PART} of the training set, the better of {TIMES}. An epoch over activations in "
        "memory counts as a pass."
    )


if __name__ == "__main__":
    document(sys.modules[__name__])
