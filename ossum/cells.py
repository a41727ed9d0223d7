"""Cells: the path is the key.

A cell is one network, pruned once. Each stage of the workflow writes one file a cell, whose path
spells the cell in Hive style. Patterns below are what the rules use as they are.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import product

from ossum.registry import ACTIVATIONS, DATASETS, INITS, METHODS

_NETWORK = "dataset={dataset}/architecture={architecture}/activation={activation}/init={init}/"
_CELL = _NETWORK + "origin={origin}/method={method}/sparsity={sparsity}/seed={seed}"

NETWORK = f"results/networks/{_NETWORK}seed={{seed}}.json"
SUBNETWORK = f"results/subnetworks/{_CELL}.safetensors"
EVALUATION = f"results/evaluations/{_CELL}.parquet"


def _one_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, names))


# Known values in one spelling each, so that a cell has one path.
CONSTRAINTS = {
    "dataset": _one_of(DATASETS),
    "architecture": r"FC(-[1-9][0-9]*)+",
    "activation": _one_of(ACTIVATIONS),
    "init": _one_of(INITS),
    "origin": r"init",  # which network is pruned; "trained" comes with training
    "method": _one_of(METHODS),
    "sparsity": r"0|0\.[0-9]*[1-9]",
    "seed": r"0|[1-9][0-9]*",
}


@dataclass(frozen=True, order=True)
class Cell:
    """The key of one pruned network, in the types of the result tables."""

    dataset: str
    architecture: str
    activation: str
    init: str
    origin: str
    method: str
    sparsity: float
    seed: int

    def columns(self) -> dict[str, object]:
        """The key columns of a result table."""
        return asdict(self)

    def path(self, pattern: str) -> str:
        """The file of this cell (or of its network) in the stage that `pattern` describes."""
        return pattern.format(**self.columns() | {"sparsity": spell_sparsity(self.sparsity)})

    @classmethod
    def parse(cls, path: str, pattern: str) -> "Cell":
        """The cell whose file in the stage `pattern` is `path`; inverse of `path`."""
        regex = re.escape(pattern)
        for key, constraint in CONSTRAINTS.items():
            regex = regex.replace(rf"\{{{key}\}}", f"(?P<{key}>{constraint})")
        match = re.fullmatch(regex, str(path))
        if not match:
            raise ValueError(f"{path!r} is not a cell of the form {pattern!r}")
        values = match.groupdict()
        return cls(**values | {"sparsity": float(values["sparsity"]), "seed": int(values["seed"])})


def spell_sparsity(sparsity: float) -> str:
    """The one spelling of a sparsity in paths: "0", "0.5", "0.9375"; no trailing zeros."""
    text = f"{sparsity:.12f}".rstrip("0").rstrip(".")
    if not re.fullmatch(CONSTRAINTS["sparsity"], text) or float(text) != sparsity:
        raise ValueError(
            f"sparsity {sparsity!r} must lie in [0, 1) and have at most 12 decimal places"
        )
    return text


def cells_of_product(values: dict[str, Iterable]) -> list[Cell]:
    """All cells of a product of values, one iterable a key, in the order of the keys."""
    keys = list(Cell.__dataclass_fields__)
    return [
        Cell(**dict(zip(keys, combination, strict=True)))
        for combination in product(*(values[key] for key in keys))
    ]
