"""The closed schema of the configuration: what may be asked for, checked before any job starts."""

import re
from dataclasses import replace
from difflib import get_close_matches
from itertools import combinations, product
from typing import Annotated, Any, Literal, get_origin

from pydantic import AfterValidator, Field, ValidationError, model_validator

from ossum.architectures import Architecture
from ossum.cells import TRAINING_STAGES, Cell
from ossum.grids import Grid, View, known, no_repeats
from ossum.options import (
    BestRandomOptions,
    ClosedModel,
    CoresetOptions,
    Count,
    GradientOptions,
    PruningOptions,
    ReadoutOptions,
    Schedule,
    SearchOptions,
    TrainingOptions,
)
from ossum.registry import DATASETS, FIGURES


def _grid_name(name: str) -> str:
    # It becomes part of rules' names, beside the rules of single cells outside of all grids.
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or name in ("cell", "trained-cell"):
        raise ValueError("a grid's name is of a-z, 0-9 and '-', starts with a letter, not 'cell'")
    return name


Fusable = Literal["activation", "init", "method", "sparsity", "seed"]
Fused = Annotated[list[Fusable], AfterValidator(no_repeats)]


class Fuse(ClosedModel):
    """Keys whose values share a job, by stage; [] is one job a cell. Changes speed, not results."""

    prune: Fused = ["method", "sparsity"]
    train: Fused = ["method", "seed"]
    evaluate: Fused = ["method", "sparsity"]
    readout: Fused = []


class GradientConfig(GradientOptions):
    """The options of Algorithm 3, with a schedule for each data set."""

    schedule: dict[Annotated[str, known(DATASETS, "data set")], Schedule]


class Pruning(ClosedModel):
    """Options of the pruning methods."""

    gradient: GradientConfig
    coreset: CoresetOptions = CoresetOptions()
    best_random: BestRandomOptions = BestRandomOptions()

    def options(self, dataset: str) -> PruningOptions:
        """What the methods need to know when they prune networks for `dataset`."""
        schedule = self.gradient.schedule.get(dataset)
        values = self.gradient.model_dump() | {"schedule": schedule}
        gradient = GradientOptions(**values) if schedule else None
        return PruningOptions(gradient=gradient, coreset=self.coreset, best_random=self.best_random)


class Protocol(ClosedModel):
    """An optimizer and, by data set, its learning rates."""

    optimizer: Literal["sgd", "adam"]
    schedule: dict[Annotated[str, known(DATASETS, "data set")], Schedule]


class Training(ClosedModel):
    """Training protocols: of whole networks, of networks pruned at initialisation ("trained") and
    of those pruned after training ("finetuned")."""

    batch_size: Count
    momentum: Annotated[float, Field(ge=0, lt=1)]
    full_two_layer: Protocol
    full_deep: Protocol
    finetuned_two_layer: Protocol
    finetuned_deep: Protocol
    trained: Protocol

    def options(self, stage: str, dataset: str, architecture: str) -> TrainingOptions:
        """How networks of that size are trained in a stage: "full" or one of TRAINING_STAGES.

        ValueError naming the key if there is no schedule for the data set.
        """
        depth = "two_layer" if len(Architecture.parse(architecture).hidden) == 1 else "deep"
        name = "trained" if stage.startswith("trained") else f"{stage}_{depth}"
        protocol: Protocol = getattr(self, name)
        if dataset not in protocol.schedule:
            raise ValueError(f"training.{name}.schedule: no entry for {dataset!r}")
        return TrainingOptions(
            optimizer=protocol.optimizer,
            schedule=protocol.schedule[dataset],
            # Adam has none: a change must not concern it.
            momentum=self.momentum if protocol.optimizer == "sgd" else 0.0,
            batch_size=self.batch_size,
        )


Views = Annotated[list[View], Field(min_length=1)]


class Config(ClosedModel):
    """The whole configuration."""

    grids: Annotated[dict[Annotated[str, AfterValidator(_grid_name)], Grid], Field(min_length=1)]
    figures: dict[Annotated[str, known(FIGURES, "figure")], Views]
    costs: dict[str, Grid] = {}  # what the cost of pruning is measured on
    pruning: Pruning
    training: Training
    # Where passes and trainings run; "auto" is a GPU if the job sees one.
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:(0|[1-9][0-9]?))?)$")]
    precision: Literal["float32", "tf32", "bfloat16"]
    search: SearchOptions = SearchOptions()
    readout: ReadoutOptions = ReadoutOptions()
    fuse: Fuse = Fuse()
    threads: Count = 4
    # What figures are drawn from: tables of one's own cells, or those that come with the code.
    tables: Literal["results/tables", "results/reference"] = "results/tables"

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, values: Any) -> Any:
        """An overlay cannot take a key away, but it can set an entry to nothing."""
        if not isinstance(values, dict):
            return values
        keys = ("grids", "figures", "costs")
        named = {key: values[key] for key in keys if type(values.get(key)) is dict}
        return values | {
            key: {name: value for name, value in entries.items() if value is not None}
            for key, entries in named.items()
        }

    @model_validator(mode="after")
    def _consistent(self) -> "Config":
        for name, grid in self.grids.items():
            self._check_schedules(f"grids.{name}", grid)
        for name, grid in self.costs.items():
            self._check_schedules(f"costs.{name}", grid)
            if grid.origin != "init":
                raise ValueError(f"costs.{name}.origin: costs are of networks as drawn (init)")
        self._check_cells_have_one_grid()
        self._check_trained_networks_have_one_job()
        for name, views in self.figures.items():
            for index, view in enumerate(views):
                try:
                    self._check_view(name, view)
                except ValueError as error:
                    raise ValueError(f"figures.{name}.{index}.{error}") from None
        return self

    def _check_schedules(self, name: str, grid: Grid) -> None:
        for dataset in grid.datasets:
            if "gradient" in grid.methods and dataset not in self.pruning.gradient.schedule:
                raise ValueError(
                    f"pruning.gradient.schedule: no entry for {dataset!r}, "
                    f"which {name} prunes by gradient"
                )

    def _check_cells_have_one_grid(self) -> None:
        owner: dict[Cell, str] = {}
        for name, grid in self.grids.items():
            for cell in grid.cells():
                if owner.setdefault(cell, name) != name:
                    raise ValueError(
                        f"grids.{owner[cell]} and grids.{name} both hold {cell}: "
                        "a cell belongs to one grid"
                    )

    def _check_trained_networks_have_one_job(self) -> None:
        trained = [(name, grid) for name, grid in self.grids.items() if grid.origin == "trained"]
        for (first, a), (second, b) in combinations(trained, 2):
            shared = all(
                set(getattr(a, key)) & set(getattr(b, key))
                for key in ("datasets", "architectures", "activations", "inits")
            )
            if shared and a.seeds != b.seeds:
                raise ValueError(
                    f"grids.{first} and grids.{second} share trained networks: "
                    "give both the same seeds, so that one job trains them"
                )

    def _check_view(self, figure: str, view: View) -> None:
        if view.grid not in self.grids:
            raise ValueError(f"grid: grids has no {view.grid!r}")
        grid = view.of(self.grids[view.grid])
        spec = FIGURES[figure]
        if grid.origin != spec.origin:
            raise ValueError(
                f"grid: {figure} shows networks of origin {spec.origin!r}, "
                f"grids.{view.grid} prunes those of origin {grid.origin!r}"
            )
        for stage in view.stages:
            if stage not in spec.stages:
                raise ValueError(f"stages: {figure} shows {', '.join(spec.stages)}, not {stage!r}")
            needed = [stage] if stage in TRAINING_STAGES else []
            needed += ["full"] if grid.origin == "trained" else []
            for protocol, dataset, name in product(needed, grid.datasets, grid.architectures):
                try:
                    self.training.options(protocol, dataset, name)
                except ValueError as error:
                    raise ValueError(f"stages: {stage!r} needs {error}") from None

    def views(self, figure: str) -> list[tuple[list[str], Grid]]:
        """What a figure shows: (stages, part of a grid) of each of its views."""
        return [(view.stages, view.of(self.grids[view.grid])) for view in self.figures[figure]]

    def results(self, figure: str) -> list[tuple[str, Cell]]:
        """(stage, cell) of all that a figure shows."""
        shown = (
            # A search prunes each layer differently: it has no sparsity.
            (stage, replace(cell, sparsity=None) if stage == "search" else cell)
            for stages, grid in self.views(figure)
            for stage in stages
            for cell in grid.cells()
        )
        return list(dict.fromkeys(shown))


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
    where = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    message = problem["msg"].removeprefix("Value error, ")
    message = re.sub(r" or instance of \w+", "", message)  # of a class that no user knows
    if not where:
        return message
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
            model = model.__args__[-1]  # the value type of a dict or a list
        while get_origin(model) is Annotated:
            model = model.__origin__
    return list(model.model_fields)
