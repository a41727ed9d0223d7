"""The configuration is closed: what is not known is an error that names the key and a remedy."""

import copy
from string import ascii_lowercase

import pytest
import yaml
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from ossum.config import Config, ConfigError, parse_config
from ossum.options import PruningOptions
from ossum.registry import METHODS

PAPER = yaml.safe_load((ROOT / "config/config.yaml").read_text())
NARROW = "grids.two-layer-narrow"

# (key, value, what the message must say)
MISTAKES = [
    ("grdis", {}, r"grdis: unknown key; did you mean 'grids'"),
    (f"{NARROW}.sparsity", [0.5], r"sparsity: unknown key; did you mean 'sparsities'"),
    ("pruning.gradient.momentun", 0.9, r"momentun: unknown key; did you mean 'momentum'"),
    ("figures.fig1", [{"gird": "deep"}], r"fig1\.0\.gird: unknown key; did you mean 'grid'"),
    ("figures.fig1", [], r"figures\.fig1: .*at least 1"),
    (f"{NARROW}.datasets", ["mnits"], r"datasets\.0: unknown data set 'mnits'; .*'mnist'\?"),
    (f"{NARROW}.methods", ["osum"], r"methods\.0: unknown pruning method 'osum'; .*'ossum'\?"),
    (f"{NARROW}.activations", ["than"], r"unknown activation 'than'; did you mean 'tanh'"),
    (f"{NARROW}.inits", ["uniforn"], r"unknown initialisation 'uniforn'; did you mean 'uniform'"),
    (f"{NARROW}.architectures", ["FC-0"], r"architectures\.0: architecture 'FC-0' is not of"),
    (f"{NARROW}.architectures", ["FC-9-9"], r"'ossum' prunes at most 1 hidden layer"),
    (f"{NARROW}.sparsities", [1.0], r"sparsities\.0: sparsity 1\.0 must lie in \[0, 1\)"),
    (f"{NARROW}.sparsities", [-0.1], r"sparsities\.0: sparsity -0\.1"),
    (f"{NARROW}.sparsities", [0.5, "0.50"], r"0\.5 stands twice"),
    (f"{NARROW}.seeds", [], r"seeds: .*at least 1"),
    (f"{NARROW}.seeds", [0, 0], r"seeds: .*0 stands twice"),
    (f"{NARROW}.seeds", [-1], r"seeds\.0: .*greater than or equal to 0"),
    (f"{NARROW}.seeds", 3, r"seeds: .*list"),
    (f"{NARROW}.architectures", ["FC-1000", "FC-10000"], r"both hold .*FC-10000"),
    (f"{NARROW}.origin", "drawn", r"origin: .*'init' or 'trained'"),
    ("figures.fig1", [{"grid": "flat"}], r"figures\.fig1\.0\.grid: grids has no 'flat'"),
    (
        "figures.fig1",
        [{"grid": "deep", "stages": ["prunde"]}],
        r"stages\.0: unknown stage 'prunde'; did you mean 'pruned'",
    ),
    (
        "figures.fig3",
        [{"grid": "deep", "stages": ["finetuned"]}],
        r"fig3\.0\.stages: fig3 shows pruned, trained, not 'finetuned'",
    ),
    (
        "figures.fig3",
        [{"grid": "deep-trained"}],
        r"fig3\.0\.grid: fig3 shows networks of origin 'init', grids\.deep-trained .* 'trained'",
    ),
    ("figures.fig3", ["deep"], r"fig3\.0: Input should be a valid dictionary \(got 'deep'\)"),
    (
        "grids.deep-trained",
        PAPER["grids"]["two-layer-narrow-trained"] | {"methods": ["random"], "seeds": [0]},
        r"grids\.two-layer-narrow-trained and grids\.deep-trained share trained networks",
    ),
    (
        "figures.fig3",
        [{"grid": "deep", "seeds": [0, 7]}],
        r"fig3\.0\.seeds: grids\.deep has no 7",
    ),
    ("training.trained.optimizer", "adamw", r"optimizer: .*'sgd' or 'adam'"),
    ("training.trained.schedule", {"mnist": [[0.1, 1]]}, r"trained.*needs .*'cifar10'"),
    ("training.full_deep.schedule", {"mnist": [[0.1, 1]]}, r"full_deep.schedule: no entry for"),
    ("readout.C", 0, r"readout\.C: .*greater than 0"),
    ("pruning.best_random.draws", 0, r"best_random\.draws: .*greater than or equal to 1"),
    ("search.fractions", [0.5, 0.2], r"search\.fractions: the fractions must ascend"),
    ("search.fractions", [0.5, 1.2], r"search\.fractions\.1: .*less than or equal to 1"),
    ("fuse.prune", ["methods"], r"fuse\.prune\.0: .*'method'"),
    ("fuse.train", ["seed", "seed"], r"fuse\.train: .*'seed' stands twice"),
    ("training.trained.schedule.mnist", [[float("inf"), 1]], r"mnist\.0\.0: .*finite"),
    ("figures.fig12", [{"grid": "deep"}], r"unknown figure 'fig12'; .*known: fig1"),
    ("grids.cell", {}, r"grids\.cell.*not 'cell'"),
    ("threads", 0, r"threads: .*greater than or equal to 1"),
    ("pruning.gradient.schedule", {"mnist": [[0.1, 1]]}, r"schedule: no entry for 'cifar10'"),
    ("pruning.gradient.schedule.mnist", [[0.1, 0]], r"schedule\.mnist\.0\.1: .*greater than"),
    ("pruning.gradient.mask_init", "random", r"mask_init: .*'normal' or 'uniform'"),
]  # fmt: skip


def changed(key: str, value) -> dict:
    values = copy.deepcopy(PAPER)
    *folders, last = key.split(".")
    target = values
    for folder in folders:
        target = target[folder]
    target[last] = value
    return values


@pytest.mark.parametrize(("key", "value", "message"), MISTAKES)
def test_mistakes_are_named(key, value, message):
    with pytest.raises(ConfigError, match=message):
        parse_config(changed(key, value))


def test_all_mistakes_are_listed_at_once():
    values = changed("threads", 0) | {"grdis": {}}
    with pytest.raises(ConfigError, match=r"(?s)threads.*grdis"):
        parse_config(values)


@pytest.mark.parametrize("missing", ["grids", "figures", "pruning", "training"])
def test_missing_keys_are_named(missing):
    with pytest.raises(ConfigError, match=rf"{missing}: this key is missing"):
        parse_config({key: value for key, value in PAPER.items() if key != missing})


def test_grids_and_figures_can_be_left_out():
    """As an overlay does, which cannot take keys away."""
    figures = {name: None for name in PAPER["figures"] if name != "fig4"}
    grids = {name: None for name in PAPER["grids"] if name != "deep-trained"}
    config = parse_config(
        PAPER | {"figures": PAPER["figures"] | figures, "grids": PAPER["grids"] | grids}
    )
    assert list(config.figures) == ["fig4"] and list(config.grids) == ["deep-trained"]


def test_options_of_a_method_are_found_by_its_id():
    """Also where the id has a dash, which a field's name cannot have."""
    options = parse_config(changed("pruning.best_random.draws", 7)).pruning.options("mnist")
    given = {method: options.of(method) for method in METHODS}
    assert given["best-random"] == {"draws": 7} and given["ossum"] == {}
    assert PruningOptions.of_methods(given) == options


def test_options_are_those_of_the_data_set():
    config = parse_config(PAPER)
    assert config.pruning.options("mnist").gradient.schedule == [(0.1, 10), (0.01, 5)]
    assert config.pruning.options("cifar10").gradient.schedule == [(0.1, 20), (0.01, 10)]


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(-1, 2)
    | st.text("aF-10.", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner),
    max_leaves=5,
)


def keys_of(values: dict, prefix: str = "") -> list[str]:
    keys = []
    for key, value in values.items():
        keys.append(f"{prefix}{key}")
        if isinstance(value, dict):
            keys += keys_of(value, f"{prefix}{key}.")
    return keys


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(keys_of(PAPER)), anything)
def test_any_value_is_accepted_or_refused_by_name(key, value):
    """Never an error from inside: a configuration either is one or the message names the key."""
    try:
        config = parse_config(changed(key, value))
    except ConfigError as error:
        assert key.split(".")[0] in str(error)
    else:
        assert isinstance(config, Config)
        assert all(config.results(figure) for figure in config.figures)


@given(st.text(ascii_lowercase, min_size=1, max_size=8))
def test_unknown_keys_are_refused_anywhere(name):
    for place in ("", "grids.deep.", "training.trained.", "pruning.gradient.", "fuse."):
        key = f"{place}{name}"
        if key not in keys_of(PAPER) and name not in ("activations", "inits", "origin"):
            with pytest.raises(ConfigError, match=f"{name}: unknown key"):
                parse_config(changed(key, 1))
