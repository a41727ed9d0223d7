"""Grids and views of them: what is computed, and which part of it a figure shows."""

import re
from collections.abc import Iterable
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from ossum.config.architectures import Architecture
from ossum.config.options import ClosedModel
from ossum.config.registry import ACTIVATIONS, DATASETS, DISTRIBUTIONS, METHODS, STAGES, lookup

# Stages that train subnetworks: they have a job for each sparsity, all others have one a network.
TRAINING_STAGES = ("trained", "trained-unscaled", "finetuned")
SPARSITY = r"0|0\.[0-9]*[1-9]"  # its one spelling in paths


def spell_sparsity(sparsity: float) -> str:
    """The one spelling of a sparsity in paths: "0", "0.5", "0.9375"; no trailing zeros.

    ValueError for a number outside of [0, 1) or with more than 12 decimal places.
    """
    text = f"{sparsity:.12f}".rstrip("0").rstrip(".")
    if not re.fullmatch(SPARSITY, text) or float(text) != sparsity:
        raise ValueError(
            f"sparsity {sparsity!r} must lie in [0, 1) and have at most 12 decimal places"
        )
    return text


def known(registry: Iterable[str], kind: str) -> AfterValidator:
    """A check that a name is in `registry`; its message gives the nearest known name."""
    names = dict.fromkeys(registry)

    def check(name: str) -> str:
        lookup(names, name, kind)
        return name

    return AfterValidator(check)


def _architecture(name: str) -> str:
    return str(Architecture.parse(name))


def _sparsity(value: float) -> float:
    spell_sparsity(value)
    return value


def _no_repeats(values: list) -> list:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"each value may stand in the list once, {repeated[0]!r} stands twice")
    return values


def _some(item: Any) -> Any:
    """A list of at least one `item`, without repeats."""
    return Annotated[list[item], Field(min_length=1), AfterValidator(_no_repeats)]


Datasets = _some(Annotated[str, known(DATASETS, "data set")])
Architectures = _some(Annotated[str, AfterValidator(_architecture)])
Activations = _some(Annotated[str, known(ACTIVATIONS, "activation")])
Distributions = _some(Annotated[str, known(DISTRIBUTIONS, "distribution")])
Methods = _some(Annotated[str, known(METHODS, "pruning method")])
Sparsities = _some(Annotated[float, AfterValidator(_sparsity)])
Seeds = _some(Annotated[int, Field(ge=0, lt=10**18)])
Stages = _some(Annotated[str, known(STAGES, "stage")])


def check_depth(method: str, architecture: str) -> None:
    """ValueError if a pruning method cannot take that many hidden layers."""
    limit = METHODS[method].max_hidden_layers
    if limit and len(Architecture.parse(architecture).hidden) > limit:
        deep = [name for name, spec in METHODS.items() if not spec.max_hidden_layers]
        raise ValueError(
            f"method {method!r} prunes at most {limit} hidden layer(s), {architecture} has more: "
            f"take another architecture or method ({', '.join(deep)})"
        )


class Grid(ClosedModel):
    """An experiment: a product of networks, methods and sparsities.

    origin: which networks are pruned, "initial" ones (as drawn) or "trained" ones.
    trained_by: another grid, whose trained networks are pruned instead of training them again.
    train_sparsities: those of the sparsities at which subnetworks are trained; all if not given.
    options: what differs from the global options, in the same form.
    """

    origin: Literal["initial", "trained"] = "initial"
    trained_by: str | None = None
    datasets: Datasets
    architectures: Architectures
    activations: Activations = ["tanh"]
    distributions: Distributions = ["uniform"]
    methods: Methods
    sparsities: Sparsities = [0]
    train_sparsities: Sparsities | None = None
    seeds: Seeds
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _consistent(self) -> "Grid":
        for method, architecture in product(self.methods, self.architectures):
            check_depth(method, architecture)
        if self.trained_by and self.origin != "trained":
            raise ValueError("trained_by is for grids of origin 'trained'")
        missing = [s for s in self.train_sparsities or [] if s not in self.sparsities]
        if missing:
            raise ValueError(f"train_sparsities: {missing[0]} is not among the sparsities")
        return self

    def networks(self) -> dict[str, list]:
        """The values of each key of a network, for `expand`."""
        return {
            "dataset": self.datasets,
            "architecture": self.architectures,
            "activation": self.activations,
            "distribution": self.distributions,
            "seed": self.seeds,
        }

    def at(self, stage: str) -> list[float]:
        """The sparsities that there are at a stage."""
        if stage in TRAINING_STAGES and self.train_sparsities is not None:
            return self.train_sparsities
        return self.sparsities


class View(ClosedModel):
    """What a figure shows of a grid: some stages, and of each key listed only these values."""

    grid: str
    stages: Stages = ["pruned"]
    datasets: Datasets | None = None
    architectures: Architectures | None = None
    activations: Activations | None = None
    distributions: Distributions | None = None
    methods: Methods | None = None
    sparsities: Sparsities | None = None
    seeds: Seeds | None = None

    def of(self, grid: Grid) -> Grid:
        """The part of `grid` that is shown; ValueError for a value it lacks."""
        shown = {}
        for key in type(self).model_fields.keys() & type(grid).model_fields.keys():
            wanted, there = getattr(self, key), getattr(grid, key)
            if wanted is not None:
                missing = [value for value in wanted if value not in there]
                if missing:
                    raise ValueError(f"{key}: grids.{self.grid} has no {missing[0]!r}")
                shown[key] = [value for value in there if value in wanted]
        if grid.train_sparsities is not None and "sparsities" in shown:
            there = [s for s in grid.train_sparsities if s in shown["sparsities"]]
            shown["train_sparsities"] = there
        return grid.model_copy(update=shown)
