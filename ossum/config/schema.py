"""The closed schema of the configuration: what may be asked for, checked before any job starts."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import product
from types import UnionType
from typing import Annotated, Any, Literal, get_origin

from pydantic import AfterValidator, Field, ValidationError, model_validator

from ossum.config.architectures import Architecture
from ossum.config.grids import Grid, View, known
from ossum.config.options import (
    BestRandomOptions,
    ClosedModel,
    CoresetOptions,
    Count,
    FreshLayersOptions,
    GradientOptions,
    GreedyCrossEntropyOptions,
    PruningOptions,
    ReadoutOptions,
    Schedule,
    SearchOptions,
    SecondOrderOptions,
    TrainingOptions,
    option_name,
)
from ossum.config.registry import DATASETS, DISTRIBUTIONS, FIGURES, METHODS, WITH_BIASES


def _folder_name(name: str) -> str:
    # It becomes a folder.
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise ValueError("a name is of a-z, 0-9 and '-' and starts with a letter")
    return name


class GradientConfig(GradientOptions):
    """The options of Algorithm 3, with a schedule for each data set."""

    schedule: dict[Annotated[str, known(DATASETS, "data set")], Schedule]


class Protocol(ClosedModel):
    """An optimizer and, by data set, its learning rates."""

    optimizer: Literal["sgd", "adam"]
    schedule: dict[Annotated[str, known(DATASETS, "data set")], Schedule]


class Training(ClosedModel):
    """Training protocols, under the names of the rules that follow them."""

    batch_size: Count
    momentum: Annotated[float, Field(ge=0, lt=1)]
    train_network_two_layer: Protocol
    train_network_deep: Protocol
    finetune_two_layer: Protocol
    finetune_deep: Protocol
    train: Protocol

    def protocol(self, rule: str, dataset: str, architecture: str) -> TrainingOptions:
        """How networks of that size are trained by a rule: "train_network", "train", "finetune".

        ValueError naming the key if there is no schedule for the data set.
        """
        depth = "two_layer" if len(Architecture.parse(architecture).hidden) == 1 else "deep"
        name = "train" if rule == "train" else f"{rule}_{depth}"
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


class Options(ClosedModel):
    """How things are done: by the pruning methods that have a choice, in training, and so on."""

    gradient: GradientConfig
    coreset: CoresetOptions = CoresetOptions()
    best_random: BestRandomOptions = BestRandomOptions()
    ossum_pab_fresh: FreshLayersOptions = FreshLayersOptions()
    second_order_ossum: SecondOrderOptions = SecondOrderOptions()
    greedy_cross_entropy: GreedyCrossEntropyOptions = GreedyCrossEntropyOptions()
    training: Training
    readout: ReadoutOptions = ReadoutOptions()
    search: SearchOptions = SearchOptions()

    def pruning(self, dataset: str) -> PruningOptions:
        """What the methods need to know when they prune networks for `dataset`."""
        schedule = self.gradient.schedule.get(dataset)
        values = self.gradient.model_dump() | {"schedule": schedule}
        gradient = GradientOptions(**values) if schedule else None
        others = {name: getattr(self, name) for name in PruningOptions.model_fields}
        return PruningOptions(**others | {"gradient": gradient})


# The rule behind each stage that trains subnetworks; its name is that of its protocol.
_PROTOCOLS = {"trained": "train", "trained-unscaled": "train", "finetuned": "finetune"}
Views = Annotated[list[View], Field(min_length=1)]


_StandIn = Annotated[str, known((*METHODS, *DISTRIBUTIONS), "method or distribution")]


class Reading(ClosedModel):
    """Another reading of the paper, under which claims are judged again, from other results.

    claims: which. figure: the figure whose table they are computed from.
    what: the reading in words.
    views: what the table has instead of the figure's views.
    instead: {"norm": "norm-outgoing"}: which method or distribution takes the place of which.
    """

    claims: Annotated[list[str], Field(min_length=1)]
    figure: Annotated[str, known(FIGURES, "figure")]
    what: Annotated[str, Field(min_length=1)]
    views: Views
    instead: dict[_StandIn, _StandIn] = {}


class Config(ClosedModel):
    """The whole configuration."""

    grids: Annotated[dict[Annotated[str, AfterValidator(_folder_name)], Grid], Field(min_length=1)]
    figures: dict[Annotated[str, known(FIGURES, "figure")], Views]
    # What the cost of pruning is measured on: views at the stage "cost".
    costs: list[View] = []
    readings: dict[Annotated[str, AfterValidator(_folder_name)], Reading] = {}
    options: Options
    # Where passes and trainings run; "auto" is a GPU if the job sees one.
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:(0|[1-9][0-9]?))?)$")]
    precision: Literal["float32", "tf32", "bfloat16"]
    threads: Count = 4
    # What figures are drawn from: tables of one's own results, or those that come with the code.
    tables: Literal["results/tables", "results/reference"] = "results/tables"

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, values: Any) -> Any:
        """An overlay cannot take a key away, but it can set an entry to nothing."""
        if not isinstance(values, dict):
            return values
        keys = ("grids", "figures", "readings")
        named = {key: values[key] for key in keys if type(values.get(key)) is dict}
        if values.get("costs", []) is None:
            values = values | {"costs": []}
        return values | {
            key: {name: value for name, value in entries.items() if value is not None}
            for key, entries in named.items()
        }

    @model_validator(mode="after")
    def _consistent(self) -> "Config":
        for name, grid in self.grids.items():
            with _located(f"grids.{name}"):
                self._check_grid(grid)
        for figure, views in self.figures.items():
            for index, view in enumerate(views):
                with _located(f"figures.{figure}.{index}"):
                    self._check_view(FIGURES[figure].origin, FIGURES[figure].stages, view)
            if FIGURES[figure].method:
                with _located(f"figures.{figure}", ": "):
                    self._check_single(figure, FIGURES[figure].method)
        for name, reading in self.readings.items():
            if name in (*self.figures, "costs"):
                raise ValueError(f"readings.{name}: a figure or table has that name")
            for index, view in enumerate(reading.views):
                with _located(f"readings.{name}.views.{index}"):
                    spec = FIGURES[reading.figure]
                    self._check_view(spec.origin, spec.stages, view)
        for index, view in enumerate(self.costs):
            with _located(f"costs.{index}"):
                self._check_view("initial", ("cost",), view)
        return self

    def _check_grid(self, grid: Grid) -> None:
        options = self._merged_options(grid)
        self._check_options_are_used(grid)
        for dataset in grid.datasets:
            if "gradient" in grid.methods and dataset not in options.gradient.schedule:
                raise ValueError(
                    f"methods: 'gradient' needs an entry for {dataset!r} in "
                    "options.gradient.schedule"
                )
        if grid.trained_by is not None:
            by = self.grids.get(grid.trained_by)
            if not by or by.origin != "trained" or by.trained_by:
                raise ValueError(
                    f"trained_by: {grid.trained_by!r} is not a grid that trains networks (of "
                    "origin 'trained' and without trained_by)"
                )

    def _check_options_are_used(self, grid: Grid) -> None:
        """What a grid overrides to no effect would still set its results apart from others."""
        for name in grid.options.keys() & PruningOptions.model_fields.keys():
            if name not in map(option_name, grid.methods):
                raise ValueError(f"options.{name}: the grid has no such method")
        unused = ("train",) if grid.origin == "trained" else ("train_network", "finetune")
        unused += ("train_network",) if grid.trained_by else ()
        for name in grid.options.get("training", {}):
            if name.removesuffix("_deep").removesuffix("_two_layer") in unused:
                raise ValueError(f"options.training.{name}: no job of the grid does this")

    def _check_view(self, origin: str, stages: Sequence[str], view: View) -> None:
        if view.grid not in self.grids:
            raise ValueError(f"grid: grids has no {view.grid!r}")
        grid, options = view.of(self.grids[view.grid]), self.options_of(view.grid)
        if grid.origin != origin:
            raise ValueError(
                f"grid: networks of origin {origin!r} are wanted here, "
                f"grids.{view.grid} prunes those of origin {grid.origin!r}"
            )
        for stage in view.stages:
            if stage not in stages:
                raise ValueError(f"stages: {', '.join(stages)} can be shown here, not {stage!r}")
            if not grid.at(stage):
                raise ValueError(f"sparsities: grids.{view.grid} trains none of these")
            needed = [_PROTOCOLS[stage]] if stage in _PROTOCOLS else []
            needed += ["train_network"] if grid.origin == "trained" else []
            if needed and {*grid.distributions} & {*WITH_BIASES}:
                raise ValueError(f"stages: {stage!r} would train networks with biases; none can be")
            for rule, dataset, name in product(needed, grid.datasets, grid.architectures):
                with _located(f"stages: {stage!r} needs options", " "):
                    options.training.protocol(rule, dataset, name)

    def _check_single(self, figure: str, method: str) -> None:
        grids = [grid for _, grid in self.views(figure) if method in grid.methods]
        if not grids:
            raise ValueError(f"it shows the method {method!r}, which none of its views has")
        networks = {pair for grid in grids for pair in product(grid.datasets, grid.architectures)}
        if len(networks) > 1:
            named = ", ".join(" ".join(pair) for pair in sorted(networks))
            raise ValueError(f"it shows one network, and its views have {named}: choose one")

    def own_options(self, grid: str, *only: str) -> str:
        """What a grid's options have of their own, as a column of the result tables: JSON, or "" if
        they are the global options. It names `trained_by` if that grid trains otherwise.

        only: names of options to look at, by default all.
        """
        options = self.options_of(grid)
        own = _difference(self.options.model_dump(mode="json"), options.model_dump(mode="json"))
        own = {name: value for name, value in own.items() if name in only or not only}
        by = self.grids[grid].trained_by
        if by and self.options_of(by).training != options.training:
            own["trained_by"] = by
        return json.dumps(own, sort_keys=True) if own else ""

    def options_of(self, grid: str) -> Options:
        """The options of a grid: the global ones, overridden by its own."""
        return self._merged_options(self.grids[grid])

    def _merged_options(self, grid: Grid) -> Options:
        if not grid.options:
            return self.options
        try:
            return Options.model_validate(merged(self.options.model_dump(), grid.options))
        except ValidationError as error:
            raise ValueError(f"options.{describe(error.errors()[0], Options)}") from None

    @property
    def all_views(self) -> dict[str, list[View]]:
        """The views of every table: of figures, of readings, and of costs if there are any."""
        readings = {name: reading.views for name, reading in self.readings.items()}
        return self.figures | readings | ({"costs": self.costs} if self.costs else {})

    def views(self, table: str) -> list[tuple[View, Grid]]:
        """What a table has: each view, and the part of a grid that it takes."""
        views = self.all_views.get(table, [])
        return [(view, view.of(self.grids[view.grid])) for view in views]


def merged(values: dict, changes: dict) -> dict:
    """`values` with what `changes` says of it, nested dictionaries entry by entry."""
    both = {
        key: merged(values[key], change)
        for key, change in changes.items()
        if isinstance(change, dict) and isinstance(values.get(key), dict)
    }
    return values | changes | both


def _difference(values: dict, changed: dict) -> dict:
    """The entries of `changed` that `values` has not, nested dictionaries entry by entry."""
    found = {}
    for key, change in changed.items():
        value = values.get(key)
        if isinstance(change, dict) and isinstance(value, dict):
            change = _difference(value, change)
            if not change:
                continue
        elif change == value:
            continue
        found[key] = change
    return found


@contextmanager
def _located(where: str, separator: str = ".") -> Iterator[None]:
    """A ValueError from within says where in the configuration it is."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{where}{separator}{error}") from None


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names each key and what was expected."""


def parse_config(values: dict) -> Config:
    """Check a configuration as Snakemake merged it. ConfigError lists everything wrong with it."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = "\n".join(f"  {describe(problem)}" for problem in error.errors())
        raise ConfigError(f"the configuration is not valid:\n{problems}") from None


def describe(problem: dict, schema: type[ClosedModel] = Config) -> str:
    """One of pydantic's errors as a sentence: the key, what was expected, and the known keys."""
    where = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    message = problem["msg"].removeprefix("Value error, ")
    message = re.sub(r" or instance of \w+", "", message)  # of a class that no user knows
    if not where:
        return message
    if problem["type"] == "extra_forbidden":
        known = _keys_beside(problem["loc"], schema)
        near = get_close_matches(str(problem["loc"][-1]), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"{where}: unknown key{hint} (known here: {', '.join(known)})"
    if problem["type"] == "missing":
        return f"{where}: this key is missing"
    value = "" if isinstance(problem["input"], dict) else f" (got {problem['input']!r})"
    return f"{where}: {message}{value}"


def _keys_beside(location: tuple, schema: type[ClosedModel]) -> list[str]:
    """The keys that a schema knows where an unknown key was found."""
    model: Any = schema
    for part in location[:-1]:
        if isinstance(model, type) and issubclass(model, ClosedModel):
            model = model.model_fields[part].annotation
        else:
            model = model.__args__[-1]  # the value type of a dict or a list
        if isinstance(model, UnionType):
            model = model.__args__[0]  # without None
        while get_origin(model) is Annotated:
            model = model.__origin__
    return list(model.model_fields)
