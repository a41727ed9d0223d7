"""Cells: the path is the key.

A cell is one network, pruned once. Each stage of the workflow writes one file a cell, whose path
spells the cell in Hive style. Patterns below are what the rules use as they are.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import product

from ossum.architectures import NAME, Architecture
from ossum.registry import ACTIVATIONS, DATASETS, INITS, METHODS, lookup

_NETWORK = "dataset={dataset}/architecture={architecture}/activation={activation}/init={init}/"
_CELL = _NETWORK + "origin={origin}/method={method}/sparsity={sparsity}/seed={seed}"

NETWORK = f"results/networks/{_NETWORK}seed={{seed}}.json"
NETWORK_KEYS = ("dataset", "architecture", "activation", "init", "seed")
TRAINED_NETWORK = f"results/trained-networks/{_NETWORK}seed={{seed}}.safetensors"
TRAINED_NETWORK_CURVE = TRAINED_NETWORK.replace(".safetensors", ".parquet")
SUBNETWORK = f"results/subnetworks/{_CELL}.safetensors"
TRAINING = f"results/{{stage}}/{_CELL}.parquet"
# Networks pruned at initialisation are trained, with or without rescaling; those pruned after
# training are fine-tuned.
TRAINING_STAGES = ("trained", "trained-unscaled", "finetuned")
# What is found out about a subnetwork, by stage.
RESULTS = {
    "pruned": f"results/evaluations/{_CELL}.parquet",  # as it comes out of pruning
    **{stage: TRAINING.replace("{stage}", stage) for stage in TRAINING_STAGES},
    "statistics": f"results/statistics/{_CELL}.parquet",  # of the kept weights
    "readout": f"results/readouts/{_CELL}.parquet",  # the kept neurons under a learned output layer
    # All combinations of widths instead of one sparsity.
    "search": f"results/searches/{_CELL}.parquet".replace("/sparsity={sparsity}", ""),
}


def _one_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, names))


# Known values in one spelling each, so that a cell has one path.
CONSTRAINTS = {
    "dataset": _one_of(DATASETS),
    "architecture": NAME,
    "activation": _one_of(ACTIVATIONS),
    "init": _one_of(INITS),
    "origin": "init|trained",  # which network is pruned: as drawn or trained
    "method": _one_of(METHODS),
    "sparsity": r"0|0\.[0-9]*[1-9]",
    "seed": r"0|[1-9][0-9]{0,17}",  # fits into 64 bits
}


@dataclass(frozen=True, order=True)
class Cell:
    """The key of one pruned network, in the types of the result tables.

    sparsity: None in an architecture search, which prunes each layer differently.
    method: None, and so is the sparsity, for a whole network.
    """

    dataset: str
    architecture: str
    activation: str
    init: str
    origin: str
    method: str | None
    sparsity: float | None
    seed: int

    def columns(self) -> dict[str, object]:
        """The key columns of a result table."""
        return asdict(self)

    def path(self, pattern: str) -> str:
        """The file of this cell (or of its network) in the stage that `pattern` describes."""
        values = self.columns()
        if self.sparsity is not None:
            values["sparsity"] = spell_sparsity(self.sparsity)
        return pattern.format(**values)

    @classmethod
    def parse(cls, path: str, pattern: str) -> "Cell":
        """The cell whose file in the stage `pattern` is `path`; inverse of `path`.

        ValueError naming the key that is wrong, and how it is written.
        """
        match = _match(path, pattern, CONSTRAINTS)
        if not match:
            raise ValueError(f"not a cell: {_mistake(path, pattern)}")
        values = dict.fromkeys(cls.__dataclass_fields__) | {"origin": "init"} | match.groupdict()
        if values["sparsity"]:
            values["sparsity"] = float(values["sparsity"])
        return cls(**values | {"seed": int(values["seed"])})


def _match(path: str, pattern: str, constraints: dict[str, str]) -> re.Match | None:
    regex = re.escape(pattern)
    for key, constraint in constraints.items():
        regex = regex.replace(rf"\{{{key}\}}", f"(?P<{key}>{constraint})")
    return re.fullmatch(regex, str(path))


def _mistake(path: str, pattern: str) -> str:
    """What is wrong with a path that CONSTRAINTS refuse."""
    match = _match(path, pattern, dict.fromkeys(CONSTRAINTS, "[^/]*"))
    if not match:
        return f"it has to be of the form {pattern}"
    wrong = {k: v for k, v in match.groupdict().items() if not re.fullmatch(CONSTRAINTS[k], v)}
    key, value = next(iter(wrong.items()))
    try:
        if key == "architecture":
            Architecture.parse(value)
        elif key == "sparsity":
            return f"write sparsity={spell_sparsity(float(value))}, not {value}"
        elif key != "seed":
            lookup(dict.fromkeys(CONSTRAINTS[key].replace("\\", "").split("|")), value, key)
    except ValueError as error:
        return str(error)
    return f"seed={value} is not 0, 1, 2, ... without leading zeros, of at most 18 digits"


def parse_result(path: str) -> tuple[str, Cell]:
    """(stage, cell) of a result file; inverse of `cell.path(RESULTS[stage])`."""
    for stage, pattern in RESULTS.items():
        if str(path).startswith(pattern.split("dataset=")[0]):
            return stage, Cell.parse(path, pattern)
    raise ValueError(f"{path!r} is not the file of a result")


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
