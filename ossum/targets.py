"""What is wrong with a cell that is asked for by its path.

Snakemake would say that no rule makes it, or plan it and fail in a job.
"""

from pathlib import Path

from ossum.cells import (
    NETWORK,
    RESULTS,
    SUBNETWORK,
    TRAINED_NETWORK,
    TRAINED_NETWORK_CURVE,
    TRAINING_STAGES,
    Cell,
)
from ossum.config import Config
from ossum.grids import check_depth

_STAGES = [
    ("init", NETWORK),
    ("full", TRAINED_NETWORK),
    ("full", TRAINED_NETWORK_CURVE),
    ("prune", SUBNETWORK),
    *RESULTS.items(),
]
# Stages of networks pruned as drawn, or of those pruned after training, alone.
_ORIGIN = {"trained": "init", "trained-unscaled": "init", "search": "init", "finetuned": "trained"}


def check_target(target: str, config: Config) -> None:
    """ValueError saying what is wrong with `target`, if it is a cell's but that cannot be made.

    All else passes: rules' names, figures, files of other workflows.
    """
    path = str(Path(target))
    for stage, pattern in _STAGES:
        folder, _, rest = pattern.partition("dataset=")
        if path.startswith(f"{folder}dataset=") and Path(path).suffix == Path(rest).suffix:
            _check_cell(stage, Cell.parse(path, pattern), config)


def _check_cell(stage: str, cell: Cell, config: Config) -> None:
    origin = _ORIGIN.get(stage, cell.origin)
    if cell.origin != origin:
        raise ValueError(f"stage {stage!r} is one of networks with origin={origin}")
    if cell.method:
        check_depth(cell.method, cell.architecture)
    if cell.method == "gradient" and cell.dataset not in config.pruning.gradient.schedule:
        raise ValueError(f"pruning.gradient.schedule: no entry for {cell.dataset!r}")
    needed = ["full"] if stage == "full" or cell.origin == "trained" else []
    for protocol in needed + [stage] * (stage in TRAINING_STAGES):
        config.training.options(protocol, cell.dataset, cell.architecture)
