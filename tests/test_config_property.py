"""Whole configurations, right and wrong: each is planned, or refused by the name of a key."""

import copy
import re

import yaml
from helpers import ROOT
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st
from snakemake.utils import update_config
from workflows import snakemake

from ossum.architectures import Architecture
from ossum.config import Config, ConfigError, parse_config
from ossum.fusion import batches
from ossum.memory import evaluate_mb, prune_mb, readout_mb, search_mb, train_mb
from ossum.registry import ACTIVATIONS, FIGURES, INITS, METHODS
from ossum.runtime import job_seconds, limit_minutes

PAPER = yaml.safe_load((ROOT / "config/config.yaml").read_text())
NOTHING = {key: dict.fromkeys(PAPER[key]) for key in ("grids", "figures", "costs")}
KEYS = rf"^  ({'|'.join(Config.model_fields)})\b"


def some(*right) -> st.SearchStrategy:
    """A few of some values."""
    return st.lists(st.sampled_from(right), min_size=1, max_size=3, unique=True)


grids = st.fixed_dictionaries(
    {
        "datasets": some("digits", "mnist"),
        "architectures": some("FC-9", "FC-64", "FC-1000000"),
        "methods": some(*METHODS),
        "sparsities": some(0, 0.5, 0.75, 0.998046875),
        "seeds": some(0, 1, 17),
    },
    optional={"activations": some(*ACTIVATIONS), "inits": some(*INITS)},
)
deep = {
    "architectures": some("FC-9-8", "FC-9-8-7"),
    "methods": some(*(name for name, spec in METHODS.items() if not spec.max_hidden_layers)),
}
deep_grids = st.builds(lambda a, b: a | b, grids, st.fixed_dictionaries(deep))
trained_grids = st.builds(lambda a: a | {"origin": "trained"}, deep_grids)
rates = st.lists(st.tuples(st.sampled_from([0.1, 1]), st.integers(1, 9)).map(list), min_size=1)


def views(figure: str, grid: str) -> st.SearchStrategy:
    stages = some(*FIGURES[figure].stages)
    view = st.fixed_dictionaries({"grid": st.just(grid), "stages": stages})
    return st.lists(view, min_size=1, max_size=2)


figures = {
    figure: views(figure, grid)
    for figure, grid in (("fig1", "a"), ("fig3", "b"), ("fig4", "c"), ("fig5", "b"), ("fig8", "a"))
}
fused = some("activation", "init", "method", "sparsity", "seed")
right = st.fixed_dictionaries(
    {"grids": st.fixed_dictionaries({"a": grids, "b": deep_grids, "c": trained_grids})},
    optional={
        "figures": st.fixed_dictionaries({}, optional=figures),
        "costs": st.fixed_dictionaries({"d": grids}),
        "fuse": st.fixed_dictionaries({}, optional=dict.fromkeys(["prune", "train"], fused)),
        "training": st.fixed_dictionaries({"trained": st.fixed_dictionaries(
            {"schedule": st.fixed_dictionaries({"digits": rates, "mnist": rates})}
        )}),
        "search": st.fixed_dictionaries({"fractions": some(0.25, 0.5).map(sorted)}),
        "threads": st.integers(1, 64),
    },
)  # fmt: skip
wrong = [None, True, -1, 1.0, 0.3, 10**30, "x", "", "gradient", [], {}, [None], {"x": 1}, [0, 0]]


@st.composite
def overlays(draw) -> dict:
    """A right configuration of which up to two values, wherever they are, may be replaced."""
    values = draw(right)
    for _ in range(draw(st.sampled_from([0, 1, 1, 2]))):
        place, key = values, draw(st.sampled_from(list(values)))
        while isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 4)):
            place = place[key]
            key = draw(
                st.sampled_from(list(range(len(place)) if isinstance(place, list) else place))
            )
        place[key] = draw(st.sampled_from(wrong))
    return values


def merged(overlay: dict) -> dict:
    """What Snakemake makes of the paper's configuration, without its grids, and an overlay."""
    values = copy.deepcopy(PAPER)
    update_config(values, NOTHING)
    update_config(values, overlay)
    return values


def plan(config: Config) -> None:
    """All that the workflow computes of a configuration before any job."""
    for stage in ("prune", "train", "evaluate", "readout"):
        for batch in batches(config, stage):
            assert batch.rule(stage).isidentifier()
            assert batch.files("results/{dataset}/{sparsity}/{seed}")
    costs = [("cost", cell) for grid in config.costs.values() for cell in grid.cells()]
    shown = [result for figure in config.figures for result in config.results(figure)]
    for stage, cell in {*costs, *shown}:
        key = cell.dataset, cell.architecture
        widths = Architecture.parse(cell.architecture).kept_widths(cell.sparsity or 0)
        assert prune_mb(*key, [cell.method]) > 0
        assert evaluate_mb(*key, 1) > 0 and readout_mb(*key, widths) > 0
        assert train_mb(*key, {widths: 1}) > 0 and search_mb(*key, len(config.search.fractions)) > 0
        needed = ["prune", stage] + ["full"] * (cell.origin == "trained")
        for job in needed if cell.sparsity is not None else [stage]:
            assert limit_minutes(job_seconds(config, job, [cell], config.threads)) > 0


@settings(max_examples=100, deadline=None)
@given(overlays())
def test_a_configuration_is_planned_or_refused_by_name(overlay):
    try:
        config = parse_config(merged(overlay))
    except ConfigError as error:
        event("refused")
        assert re.search(KEYS, str(error), re.M), str(error)
    else:
        event("planned")
        plan(config)


@settings(max_examples=6, deadline=None, derandomize=True, phases=[Phase.generate])
@given(overlays())
def test_snakemake_says_the_same(tmp_path_factory, overlay):
    folder = tmp_path_factory.mktemp("config")
    path = folder / "config.yaml"
    update_config(values := copy.deepcopy(NOTHING), overlay)
    path.write_text(yaml.safe_dump(values))
    run = snakemake(folder, "--dry-run", "--quiet", config=path, check=False)
    try:
        parse_config(merged(overlay))
    except ConfigError as error:
        assert run.returncode != 0
        assert all(line.strip() in run.stdout for line in str(error).splitlines())
    else:
        assert run.returncode == 0, run.stdout
    assert "Traceback" not in run.stdout
