"""What each pruning method costs

    ./run python benchmarks/pruning_costs.py            (3 GiB of memory)

Each method alone, to 75 %, on a part of the training set: passes are what they are on the whole,
seconds grow with it. Measured as for `results/tables/costs.parquet`, which has the whole.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from common import document, network_for, random_split, row, rule

from ossum.architectures import Architecture
from ossum.config import parse_config
from ossum.costs import pruning_cost
from ossum.registry import DATASETS, METHODS

CONFIG = Path(__file__).resolve().parent.parent / "config/config.yaml"
PART, TIMES = 4, 2
HEAD = ("data", "network", "method", "passes", "seconds")


def lines() -> Iterator[str]:
    config = parse_config(yaml.safe_load(CONFIG.read_text()))
    yield from (row(*HEAD), rule(len(HEAD)))
    for grid in config.costs.values():
        for cell in grid.model_copy(update={"seeds": grid.seeds[:1]}).cells():
            spec = DATASETS[cell.dataset]
            train = random_split(cell.dataset, spec.n_train // PART)
            network = network_for(cell.dataset, cell.architecture)
            widths = Architecture.parse(cell.architecture).kept_widths(cell.sparsity)
            options = config.pruning.options(cell.dataset)
            cost = min(
                (
                    pruning_cost(cell.method, network, widths, train, options, cell.seed)
                    for _ in range(TIMES)
                ),
                key=lambda cost: cost.seconds,
            )
            label = METHODS[cell.method].label
            passes, took = f"{cost.passes:.3g}", f"{cost.seconds:.2f}"
            yield row(spec.label, cell.architecture, label, passes, took)
    yield (
        f"\n1/{PART} of the training set, the better of {TIMES}. An epoch over activations in "
        "memory counts as a pass."
    )


if __name__ == "__main__":
    document(sys.modules[__name__])
