"""The configuration is closed: what is not known is an error that names the key and a remedy."""

import copy
import re
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

ENDLESS: list = []  # as YAML's `&a [*a]`
ENDLESS.append(ENDLESS)

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
    (f"{NARROW}.architectures", ["FC-1000-"], r"architectures\.0: .*'FC-1000-' is not of the form"),
    (f"{NARROW}.architectures", ["CNN"], r"architectures\.0: .*'CNN' is not of the form"),
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
    ("device", "cuda:128", r"device: String should match pattern"),
    ("device", "cuda:01", r"device: String should match pattern"),
    ("precision", "half", r"precision: Input should be 'float32', 'tf32' or 'bfloat16'"),
    ("threads", ENDLESS, r"threads: Input should be a valid integer"),
    ("threads", 10**12, r"threads: .*less than or equal to"),
    ("training.batch_size", 10**25, r"batch_size: "),
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
        target = target[int(folder) if isinstance(target, list) else folder]
    target[last] = value
    return values


@pytest.mark.parametrize(("key", "value", "message"), MISTAKES)
def test_mistakes_are_named(key, value, message):
    with pytest.raises(ConfigError, match=message):
        parse_config(changed(key, value))


# Of each type, what is not of it, also where numbers may be written as text.
OTHER_TYPES = {
    "object": [3, "text", [1], True],
    "array": [3, "text", {"a": 1}, True],
    "number": ["text", [1], {"a": 1}, True, float("nan")],
    "integer": ["text", 1.5, [1], {"a": 1}, True],
    "string": [3, [1], {"a": 1}, True, "", "no-such-name"],
    "boolean": [3, "text", [1], {"a": 1}],
}
SCHEMA = Config.model_json_schema()


def resolved(node: dict) -> dict:
    """A part of the JSON schema without references; of what may be left out, what it else is."""
    while "$ref" in node or "anyOf" in node:
        if "anyOf" in node:
            node = next(choice for choice in node["anyOf"] if choice.get("type") != "null")
        else:
            node = SCHEMA["$defs"][node["$ref"].split("/")[-1]]
    return node


def wrong_values(node: dict) -> list:
    """Values of another type, and just outside of each limit."""
    node = resolved(node)
    wrong = list(OTHER_TYPES[node["type"]])
    if node["type"] == "array":
        *_, item = node.get("prefixItems", [node["items"]] if "items" in node else [])
        wrong += [[value] for value in wrong_values(item)] + [[]]
    step = 1 if node["type"] == "integer" else 0.001
    limits = (("minimum", -step), ("exclusiveMinimum", 0), ("maximum", step))
    for limit, beyond in (*limits, ("exclusiveMaximum", 0)):
        wrong += [node[limit] + beyond] if limit in node else []
    return wrong


def schema_keys(node: dict = SCHEMA, values=PAPER, prefix: str = "") -> list[tuple[str, dict]]:
    """Every key of the schema with its part of it; where names are free, the first of the paper's
    configuration."""
    node, found = resolved(node), []
    if "properties" in node:
        inner = node["properties"]
    elif node.get("type") == "object":
        inner = {next(iter(values)): node["additionalProperties"]}
    else:
        inner = {"0": node["items"]} if "$ref" in node.get("items", {}) else {}
    for key, part in inner.items():
        if key != "0":
            found.append((f"{prefix}{key}", part))
        below = values[0] if key == "0" else values.get(key, {})
        found += schema_keys(part, below, f"{prefix}{key}.")
    return found


KEYS = dict(schema_keys())
# Those that stand beside others that the schema names, not beside names of one's own.
SPELLED = [k for k in KEYS if "properties" in resolved(KEYS.get(k.rpartition(".")[0], SCHEMA))]


def test_all_of_the_schema_is_looked_at():
    """... and what is not in the paper's configuration too."""
    assert len(KEYS) > 70
    assert {"threads", "figures.fig1.0.seeds", "grids.two-layer-narrow.inits"} <= set(KEYS)
    assert {"training.trained.schedule.mnist", "pruning.best_random.draws"} <= set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_every_wrong_type_and_range_of_every_key_is_named(key):
    for value in wrong_values(KEYS[key]):
        try:
            parse_config(changed(key, value))
        except ConfigError as error:
            assert f"{key}: " in str(error) or f"{key}.0" in str(error), (value, str(error))
        else:
            # An empty list may be meant: nothing fused.
            assert key.startswith("fuse.") and value == [], value


@pytest.mark.parametrize("key", SPELLED)
def test_every_misspelling_is_named_with_the_key_that_is_meant(key):
    name = key.split(".")[-1]
    with pytest.raises(ConfigError) as caught:
        parse_config(changed(f"{key}x", 1))
    wanted = rf"  {re.escape(key)}x: unknown key; did you mean '{name}'"
    assert re.search(wanted, str(caught.value))


@pytest.mark.parametrize("values", [None, [], ["threads"], "threads", 3, {}])
def test_what_is_no_configuration_is_refused(values):
    with pytest.raises(ConfigError, match="not valid"):
        parse_config(values)


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
