"""Grids and views of them: which cells there are, and which of them a figure shows."""

from collections.abc import Iterable
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from ossum.architectures import Architecture
from ossum.cells import RESULTS, Cell, cells_of_product, spell_sparsity
from ossum.options import ClosedModel
from ossum.registry import ACTIVATIONS, DATASETS, INITS, METHODS, lookup


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


def no_repeats(values: list) -> list:
    """A check that each value stands in a list once."""
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"each value may stand in the list once, {repeated[0]!r} stands twice")
    return values


def _some(item: Any) -> Any:
    """A list of at least one `item`, without repeats."""
    return Annotated[list[item], Field(min_length=1), AfterValidator(no_repeats)]


Datasets = _some(Annotated[str, known(DATASETS, "data set")])
Architectures = _some(Annotated[str, AfterValidator(_architecture)])
Activations = _some(Annotated[str, known(ACTIVATIONS, "activation")])
Inits = _some(Annotated[str, known(INITS, "initialisation")])
Methods = _some(Annotated[str, known(METHODS, "pruning method")])
Sparsities = _some(Annotated[float, AfterValidator(_sparsity)])
Seeds = _some(Annotated[int, Field(ge=0, lt=10**18)])
Stages = _some(Annotated[str, known(RESULTS, "stage")])


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
    """A product of cells. A cell belongs to one grid, because a grid is what jobs are made of.

    origin: which networks are pruned, those as drawn ("init") or after training ("trained").
    """

    origin: Literal["init", "trained"] = "init"
    datasets: Datasets
    architectures: Architectures
    activations: Activations = ["tanh"]
    inits: Inits = ["uniform"]
    methods: Methods
    sparsities: Sparsities
    seeds: Seeds

    @model_validator(mode="after")
    def _methods_fit_depth(self) -> "Grid":
        for method, architecture in product(self.methods, self.architectures):
            check_depth(method, architecture)
        return self

    def values(self) -> dict[str, list]:
        """The values of each key of a cell."""
        return {
            "dataset": self.datasets,
            "architecture": self.architectures,
            "activation": self.activations,
            "init": self.inits,
            "origin": [self.origin],
            "method": self.methods,
            "sparsity": self.sparsities,
            "seed": self.seeds,
        }

    def cells(self) -> list[Cell]:
        return cells_of_product(self.values())


class View(ClosedModel):
    """What a figure shows of a grid: some stages, and of each key listed only these values."""

    grid: str
    stages: Stages = ["pruned"]
    datasets: Datasets | None = None
    architectures: Architectures | None = None
    activations: Activations | None = None
    inits: Inits | None = None
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
        return grid.model_copy(update=shown)
