"""Fusion: files are per cell, jobs are per batch of cells.

A job for each cell would pay for starting Python and PyTorch, and would repeat what cells share. A
`Batch` describes the jobs of one rule: which keys of a cell are fused into a job and which stay
wildcards. Patterns go through it on their way into a rule.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from string import Formatter

from ossum.cells import CONSTRAINTS, Cell, cells_of_product, spell_sparsity
from ossum.config import Config
from ossum.registry import METHODS


@dataclass(frozen=True)
class Batch:
    """Jobs of one kind: one rule of the workflow.

    origin: of all its cells.
    methods: all methods of the grid, whether a job covers one of them or all.
    fused: the values, as spelled in paths, that one job covers for each fused key.
    constraints: regular expressions of the keys that stay wildcards.
    """

    name: str
    origin: str
    methods: list[str]
    fused: dict[str, list[str]] = field(default_factory=dict)
    constraints: dict[str, str] = field(default_factory=dict)

    @property
    def trained(self) -> bool:
        return self.origin == "trained"

    def rule(self, stage: str) -> str:
        """The name of the rule that does these jobs."""
        return f"{stage}_{self.name}".replace("-", "_")

    def files(self, pattern: str) -> list[str]:
        """`pattern` for every combination of fused values, with the other keys left in braces."""
        keys = [key for _, key, _, _ in Formatter().parse(pattern) if key]
        choices = [self.fused.get(key, [f"{{{key}}}"]) for key in keys]
        return [pattern.format(**dict(zip(keys, c, strict=True))) for c in product(*choices)]

    def file(self, folder: str, extension: str, keys: Sequence[str] = tuple(CONSTRAINTS)) -> str:
        """One path a job (a log, say), made of those of `keys` that are not fused."""
        free = [f"{key}={{{key}}}" for key in keys if key not in self.fused]
        return "/".join((folder, f"grid={self.name}", *free)) + extension

    def cells(self, values: Mapping[str, str], whole_networks: bool = False) -> list[Cell]:
        """The cells of one job; `values`, as spelled in paths, are those of the keys not fused.

        whole_networks: the networks that they are pruned from, as cells without method.
        """
        left_out = ("origin", "method", "sparsity") if whole_networks else ("origin",)
        spelled = {
            key: self.fused.get(key) or [values[key]] for key in CONSTRAINTS if key not in left_out
        }
        known = {"origin": [self.origin], "method": [None], "sparsity": [None]}
        known |= spelled | {"seed": [int(seed) for seed in spelled["seed"]]}
        if "sparsity" in spelled:
            known["sparsity"] = [float(sparsity) for sparsity in spelled["sparsity"]]
        return cells_of_product(known)

    def size(self, *keys: str) -> int:
        """How many combinations of these keys a job covers."""
        return prod(len(self.fused[key]) for key in keys if key in self.fused)


def batches(config: Config, stage: str) -> list[Batch]:
    """One batch a grid, fused as `config.fuse` says for the stage, and one for each origin that
    makes any single cell outside of the grids."""
    fusable = getattr(config.fuse, stage)
    result = []
    for name, grid in config.grids.items():
        values = grid.values() | {
            "sparsity": [spell_sparsity(s) for s in grid.sparsities],
            "seed": [str(seed) for seed in grid.seeds],
        }
        constraints = {key: "|".join(map(re.escape, values[key])) for key in CONSTRAINTS}
        fused = {key: values[key] for key in fusable}
        result.append(Batch(name, grid.origin, grid.methods, fused, constraints))
    for name, origin in (("cell", "init"), ("trained-cell", "trained")):
        result.append(Batch(name, origin, list(METHODS), {}, CONSTRAINTS | {"origin": origin}))
    return result
