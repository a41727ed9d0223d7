"""Fusion: files are per cell, jobs are per batch of cells.

A job for each cell would pay for starting Python and PyTorch, and would repeat what cells share. A
`Batch` describes the jobs of one rule: which keys of a cell are fused into a job and which stay
wildcards. Patterns go through it on their way into a rule.
"""

import re
from dataclasses import dataclass, field
from itertools import product
from string import Formatter

from ossum.cells import CONSTRAINTS, spell_sparsity
from ossum.config import Config
from ossum.registry import METHODS


@dataclass(frozen=True)
class Batch:
    """Jobs of one kind: one rule of the workflow.

    methods: all methods of the grid, whether a job covers one of them or all.
    fused: the values, as spelled in paths, that one job covers for each fused key.
    constraints: regular expressions of the keys that stay wildcards.
    """

    name: str
    methods: list[str] = field(default_factory=list)
    fused: dict[str, list[str]] = field(default_factory=dict)
    constraints: dict[str, str] = field(default_factory=lambda: dict(CONSTRAINTS))

    def files(self, pattern: str) -> list[str]:
        """`pattern` for every combination of fused values, with the other keys left in braces."""
        keys = [key for _, key, _, _ in Formatter().parse(pattern) if key]
        choices = [self.fused.get(key, [f"{{{key}}}"]) for key in keys]
        return [pattern.format(**dict(zip(keys, c, strict=True))) for c in product(*choices)]

    def file(self, folder: str, extension: str) -> str:
        """One path a job (a log, say), made of the keys that are not fused."""
        free = [f"{key}={{{key}}}" for key in CONSTRAINTS if key not in self.fused]
        return "/".join((folder, *free)) + extension


def batches(config: Config, stage: str) -> list[Batch]:
    """One batch a grid, fused as configured, and a last one for any single cell outside of them."""
    fusable = getattr(config.fuse, stage)
    result = []
    for name, grid in config.grids.items():
        values = grid.values() | {
            "sparsity": [spell_sparsity(s) for s in grid.sparsities],
            "seed": [str(seed) for seed in grid.seeds],
        }
        result.append(
            Batch(
                name=name.replace("-", "_"),
                methods=grid.methods,
                fused={key: values[key] for key in fusable},
                constraints={key: "|".join(map(re.escape, values[key])) for key in CONSTRAINTS},
            )
        )
    return [*result, Batch("cell", list(METHODS))]
