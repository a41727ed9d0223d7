"""Whole configurations, right and wrong: each is planned, or refused by the name of a key."""

import re
from copy import deepcopy
from itertools import product

import yaml
from helpers import ROOT
from hypothesis import event, given, settings
from hypothesis import strategies as st
from workflows import merged

from ossum.config.registry import ACTIVATIONS, DISTRIBUTIONS, FIGURES, METHODS
from ossum.config.schema import Config, ConfigError, parse_config
from ossum.workflow import resources

PAPER = yaml.safe_load((ROOT / "config/config.yaml").read_text())
NOTHING = {key: dict.fromkeys(PAPER[key]) for key in ("grids", "figures")} | {"costs": []}
KEYS = rf"^  ({'|'.join(Config.model_fields)})\b"
# A grid of each kind, and a figure that shows it.
SHOWN = {"fig1": "shallow", "fig3": "deep", "fig4": "trained", "fig2": "again"}
DEEP_METHODS = [name for name, spec in METHODS.items() if not spec.max_hidden_layers]


def some(*right) -> st.SearchStrategy:
    """A few of some values."""
    return st.lists(st.sampled_from(right), min_size=1, max_size=3, unique=True)


def grids(architectures: list[str], methods: list[str], **more: str) -> st.SearchStrategy:
    own = {"gradient": st.just({"momentum": 0}), "training": st.just({"batch_size": 9})}
    return st.fixed_dictionaries(
        {
            "datasets": some("digits", "mnist"),
            "architectures": some(*architectures),
            "methods": some(*methods),
            "sparsities": some(0, 0.5, 0.75, 0.998046875),
            "seeds": some(0, 1, 17),
        }
        | {key: st.just(value) for key, value in more.items()},
        optional={
            "activations": some(*ACTIVATIONS),
            "distributions": some(*DISTRIBUTIONS),
            "options": st.fixed_dictionaries({}, optional=own),
        },
    )


def views(figure: str, grid: str) -> st.SearchStrategy:
    stages = some(*FIGURES[figure].stages)
    return st.lists(st.fixed_dictionaries({"grid": st.just(grid), "stages": stages}), min_size=1)


deep = ["FC-9-8", "FC-9-8-7"], DEEP_METHODS
right = st.fixed_dictionaries(
    {
        "grids": st.fixed_dictionaries({
            "shallow": grids(["FC-9", "FC-64", "FC-1000000"], list(METHODS)),
            "deep": grids(*deep),
            "trained": grids(*deep, origin="trained"),
            "again": grids(*deep, origin="trained", trained_by="trained"),
        }),
        "figures": st.fixed_dictionaries({}, optional={f: views(f, g) for f, g in SHOWN.items()}),
    },
    optional={"costs": st.just([{"grid": "deep", "stages": ["cost"]}]), "threads": st.just(3)},
)  # fmt: skip
wrong = [None, True, -1, 1.0, 0.3, 10**30, "x", "", "gradient", [], {}, [None], {"x": 1}, [0, 0]]


@st.composite
def overlays(draw) -> dict:
    """A right configuration of which up to two values, wherever they are, may be replaced."""
    values = deepcopy(draw(right))  # strategies share what they draw
    for _ in range(draw(st.sampled_from([0, 1, 1, 2]))):
        place, key = values, draw(st.sampled_from(list(values)))
        while isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 4)):
            place = place[key]
            keys = range(len(place)) if isinstance(place, list) else place
            key = draw(st.sampled_from(list(keys)))
        place[key] = deepcopy(draw(st.sampled_from(wrong)))
    return values


def plan(config: Config) -> None:
    """What the rules ask of a configuration before any job."""
    for figure in (*config.figures, "costs"):
        for view, grid in config.views(figure):
            options = config.options_of(view.grid)
            assert (config.own_options(view.grid) == "") <= (not grid.options)
            for dataset, name in product(grid.datasets, grid.architectures):
                methods = {m: options.pruning(dataset).of(m) for m in grid.methods}
                sizes = [resources.train_mb(dataset, name, s, 2) for s in grid.sparsities]
                assert min(*sizes, resources.prune_mb(dataset, name, methods)) > 1000
            assert all(grid.networks().values()) and all(map(grid.at, view.stages))


@settings(max_examples=100, deadline=None)
@given(overlays())
def test_a_configuration_is_planned_or_refused_by_name(overlay):
    try:
        config = parse_config(merged(merged(PAPER, NOTHING), overlay))
    except ConfigError as error:
        event("refused")
        assert re.search(KEYS, str(error), re.M), str(error)
    else:
        event("planned")
        plan(config)
