"""The closed schema of the configuration: what may be asked for, checked before any job starts."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from ossum.architectures import Architecture
from ossum.cells import Cell, cells_of_product, spell_sparsity
from ossum.options import (
    ClosedModel,
    CoresetOptions,
    GradientOptions,
    PruningOptions,
    Schedule,
)
from ossum.registry import ACTIVATIONS, DATASETS, FIGURES, INITS, METHODS, lookup


def _known(registry: Iterable[str], kind: str) -> AfterValidator:
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


def _grid_name(name: str) -> str:
    # It becomes part of rules' names, beside the rules of single cells outside of all grids.
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or name == "cell":
        raise ValueError("a grid's name is of a-z, 0-9 and '-', starts with a letter, not 'cell'")
    return name


Fusable = Literal["method", "sparsity", "seed"]


class Grid(ClosedModel):
    """A product of cells. Grids share no network, so that each cell belongs to one grid."""

    datasets: _some(Annotated[str, _known(DATASETS, "data set")])
    architectures: _some(Annotated[str, AfterValidator(_architecture)])
    activations: _some(Annotated[str, _known(ACTIVATIONS, "activation")]) = ["tanh"]
    inits: _some(Annotated[str, _known(INITS, "initialisation")]) = ["uniform"]
    methods: _some(Annotated[str, _known(METHODS, "pruning method")])
    sparsities: _some(Annotated[float, AfterValidator(_sparsity)])
    seeds: _some(Annotated[int, Field(ge=0)])

    @model_validator(mode="after")
    def _methods_fit_depth(self) -> "Grid":
        for method in self.methods:
            limit = METHODS[method].max_hidden_layers
            for name in self.architectures:
                if limit and len(Architecture.parse(name).hidden) > limit:
                    raise ValueError(
                        f"method {method!r} prunes at most {limit} hidden layer(s), "
                        f"{name} has more: take one of them out of this grid"
                    )
        return self

    def values(self) -> dict[str, list]:
        """The values of each key of a cell."""
        return {
            "dataset": self.datasets,
            "architecture": self.architectures,
            "activation": self.activations,
            "init": self.inits,
            "origin": ["init"],
            "method": self.methods,
            "sparsity": self.sparsities,
            "seed": self.seeds,
        }

    def cells(self) -> list[Cell]:
        return cells_of_product(self.values())


class Figure(ClosedModel):
    """A figure is a view of one or more grids."""

    grids: _some(str)


class Fuse(ClosedModel):
    """Keys whose values share a job, by stage; [] is one job a cell. Changes speed, not results."""

    prune: list[Fusable] = ["method", "sparsity"]
    evaluate: list[Fusable] = ["method", "sparsity"]


class GradientConfig(GradientOptions):
    """The options of Algorithm 3, with a schedule for each data set."""

    schedule: dict[Annotated[str, _known(DATASETS, "data set")], Schedule]


class Pruning(ClosedModel):
    """Options of the pruning methods."""

    gradient: GradientConfig
    coreset: CoresetOptions = CoresetOptions()

    def options(self, dataset: str) -> PruningOptions:
        """What the methods need to know when they prune networks for `dataset`."""
        schedule = self.gradient.schedule.get(dataset)
        values = self.gradient.model_dump() | {"schedule": schedule}
        gradient = GradientOptions(**values) if schedule else None
        return PruningOptions(gradient=gradient, coreset=self.coreset)


class Config(ClosedModel):
    """The whole configuration."""

    grids: Annotated[dict[Annotated[str, AfterValidator(_grid_name)], Grid], Field(min_length=1)]
    figures: dict[Annotated[str, _known(FIGURES, "figure")], Figure]
    pruning: Pruning
    fuse: Fuse = Fuse()
    threads: Annotated[int, Field(ge=1)] = 4

    @model_validator(mode="after")
    def _consistent(self) -> "Config":
        for name, figure in self.figures.items():
            for grid in figure.grids:
                if grid not in self.grids:
                    raise ValueError(f"figures.{name}.grids: there is no grid {grid!r}")
        owner: dict[tuple, str] = {}
        for name, grid in self.grids.items():
            for dataset in grid.datasets:
                if "gradient" in grid.methods and dataset not in self.pruning.gradient.schedule:
                    raise ValueError(
                        f"pruning.gradient.schedule: no entry for {dataset!r}, "
                        f"which grid {name!r} prunes by gradient"
                    )
            for cell in grid.cells():
                network = (cell.dataset, cell.architecture, cell.activation, cell.init)
                if owner.setdefault(network, name) != name:
                    raise ValueError(
                        f"grids {owner[network]!r} and {name!r} both hold {network}: "
                        "a network belongs to one grid"
                    )
        return self

    def grids_of(self, figure: str) -> list[dict[str, list]]:
        """The values of the grids that a figure shows."""
        return [self.grids[name].values() for name in self.figures[figure].grids]

    def cells(self, figure: str) -> list[Cell]:
        """The cells that a figure shows."""
        return [cell for values in self.grids_of(figure) for cell in cells_of_product(values)]


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names each key and what was expected."""


def parse_config(values: dict) -> Config:
    """Check a configuration as Snakemake merged it. ConfigError lists everything wrong with it."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = "\n".join(f"  {_describe(problem)}" for problem in error.errors())
        raise ConfigError(f"the configuration is not valid:\n{problems}") from None


def _describe(problem: dict) -> str:
    where = ".".join(str(part) for part in problem["loc"]) or "configuration"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        known = _keys_beside(problem["loc"])
        near = get_close_matches(str(problem["loc"][-1]), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"{where}: unknown key{hint} (known here: {', '.join(known)})"
    if problem["type"] == "missing":
        return f"{where}: this key is missing"
    value = "" if isinstance(problem["input"], dict) else f" (got {problem['input']!r})"
    return f"{where}: {message}{value}"


def _keys_beside(location: tuple) -> list[str]:
    """The keys that the schema knows where an unknown key was found."""
    model: Any = Config
    for part in location[:-1]:
        if isinstance(model, type) and issubclass(model, ClosedModel):
            model = model.model_fields[part].annotation
        else:
            model = model.__args__[-1]  # the value type of a dict
    return list(model.model_fields)
