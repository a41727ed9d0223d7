"""The configuration is closed: what is not known is an error that names the key and a remedy."""

import copy
import json
import re
from collections import Counter

import pytest
import yaml
from helpers import ROOT
from workflows import merged

from ossum.config.architectures import Architecture
from ossum.config.grids import Grid, View, spell_sparsity
from ossum.config.options import PruningOptions
from ossum.config.registry import FIGURES, METHODS
from ossum.config.schema import Config, ConfigError, Options, parse_config

PAPER = yaml.safe_load((ROOT / "config/config.yaml").read_text())
NARROW, FIG3 = "grids.two-layer-narrow", "figures.fig3"
SECOND = "options.second_order_ossum"
KEPT = {"grid": "two-layer-narrow", "stages": ["statistics"]}
ENDLESS: list = []  # as YAML's `&a [*a]`
ENDLESS.append(ENDLESS)


def tier(name: str) -> Config:
    """The paper's configuration with an overlay, as Snakemake merges it."""
    return parse_config(merged(PAPER, yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())))


def changed(key: str, value) -> dict:
    values = copy.deepcopy(PAPER)
    *folders, last = key.split(".")
    target = values
    for folder in folders:
        target = target[int(folder) if isinstance(target, list) else folder]
    target[last] = value
    return values


# What the schema alone does not say: (key, value, what the message must say).
MISTAKES = [
    ("grdis", {}, r"grdis: unknown key; did you mean 'grids'"),
    ("figures.fig12", [{"grid": "deep"}], r"unknown figure 'fig12'; .*known: fig1"),
    ("grids.Mine", {}, r"grids\.Mine.*a name is of a-z, 0-9 and '-'"),
    (f"{NARROW}.datasets", ["mnits"], r"datasets\.0: unknown data set 'mnits'; .*'mnist'\?"),
    (f"{NARROW}.methods", ["osum"], r"methods\.0: unknown pruning method 'osum'; .*'ossum'\?"),
    (f"{NARROW}.activations", ["than"], r"unknown activation 'than'; did you mean 'tanh'"),
    (f"{NARROW}.distributions", ["uniforn"], r"unknown distribution 'uniforn'; .*'uniform'"),
    (f"{NARROW}.architectures", ["FC-0"], r"architectures\.0: architecture 'FC-0' is not of"),
    (f"{NARROW}.architectures", [f"FC{21 * '-9'}"], r"at most 20 of them"),
    (f"{NARROW}.architectures", ["FC-9-9"], r"'ossum' prunes at most 1 hidden layer"),
    (f"{NARROW}.sparsities", [1.0], r"sparsities\.0: sparsity 1\.0 must lie in \[0, 1\)"),
    (f"{NARROW}.sparsities", [1 / 3], r"sparsities\.0: .*at most 12 decimal places"),
    (f"{NARROW}.sparsities", [0.5, "0.50"], r"0\.5 stands twice"),
    (f"{NARROW}.train_sparsities", [0.6], r"train_sparsities: 0\.6 is not among the sparsities"),
    (f"{NARROW}.trained_by", "deep-trained", r"trained_by is for grids of origin 'trained'"),
    ("grids.deep-trained.trained_by", "deep", r"trained_by: 'deep' is not a grid that trains"),
    ("figures.fig1", [{"grid": "flat"}], r"figures\.fig1\.0\.grid: grids has no 'flat'"),
    (FIG3, [{"grid": "deep", "stages": ["prunde"]}], r"unknown stage 'prunde'; .*'pruned'"),
    (FIG3, [{"grid": "deep", "stages": ["finetuned"]}], r"trained can be shown here, not 'finetu"),
    (FIG3, [{"grid": "deep-trained"}], r"fig3\.0\.grid: networks of origin 'initial' are wanted"),
    ("figures.fig8", [KEPT], r"fig8: it shows one network, and its views have cifar10 FC"),
    ("figures.fig8", [{**KEPT, "methods": ["norm"]}], r"fig8: it shows the method 'ossum', wh"),
    ("costs", [{"grid": "deep"}], r"costs\.0\.stages: cost can be shown here, not 'pruned'"),
    ("grids.deep.distributions", ["uniform-biases"], r"'trained' would train networks with biases"),
    (FIG3, [{"grid": "deep", "seeds": [0, 7]}], r"fig3\.0\.seeds: grids\.deep has no 7"),
    ("options.gradient.schedule", {"mnist": [[1, 1]]}, r"narrow\.methods: 'gradient' needs an ent"),
    ("options.training.train.schedule", {"mnist": [[1, 1]]}, r"'trained' needs .*no entry for 'ci"),
    ("options.search.fractions", [0.5, 0.2], r"search\.fractions: the numbers must ascend"),
    (f"{SECOND}.inverse_temperatures", [2, 1], r"inverse_temperatures: the numbers must ascend"),
    (f"{SECOND}.inverse_temperatures", [0], r"temperatures\.0: Input should be greater than 0"),
    (f"{SECOND}.swaps", -1, r"second_order_ossum\.swaps: Input should be greater than or equal"),
    (f"{NARROW}.options", {"second_order_ossum": {}}, r"second_order_ossum: the grid has no such"),
    ("device", "cuda:01", r"device: String should match pattern"),
    ("threads", ENDLESS, r"threads: Input should be a valid integer"),
    # Options of a grid's own are checked like the global ones.
    (f"{NARROW}.options", {"gradient": {"momentun": 0}}, r"options\.gradient\.momentun: unknown"),
    (f"{NARROW}.options", {"coreset": {"beta": 2}}, r"options\.coreset\.beta: .*'data' or 'one'"),
    (f"{NARROW}.options", {"gradient": {"momentum": True}}, r"gradient\.momentum: true and false"),
]  # fmt: skip


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
        wrong += [[value] for value in wrong_values(item)]
        wrong += [[]] if "minItems" in node else []
    step = 1 if node["type"] == "integer" else 0.001
    limits = (("minimum", -step), ("exclusiveMinimum", 0), ("maximum", step))
    for limit, beyond in (*limits, ("exclusiveMaximum", 0)):
        wrong += [node[limit] + beyond] if limit in node else []
    return wrong


def schema_keys(node: dict = SCHEMA, values=PAPER, prefix: str = "") -> list[tuple[str, dict]]:
    """Every key of the schema with its part of it; where names are free, the first of the paper's
    configuration. What a grid has in `options` is the global options again. Readings, of which it
    has none, are looked at in test_readings.py."""
    node, found = resolved(node), []
    if "properties" in node:
        inner = node["properties"]
    elif node.get("type") == "object" and node["additionalProperties"] is not True:
        inner = dict.fromkeys(list(values)[:1], node["additionalProperties"])
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
    assert {"threads", "figures.fig1.0.seeds", f"{NARROW}.distributions"} <= set(KEYS)
    assert {"options.training.train.schedule.mnist", "options.best_random.draws"} <= set(KEYS)
    assert {"costs.0.stages", f"{NARROW}.options", "options.search.fractions"} <= set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_every_wrong_type_and_range_of_every_key_is_named(key):
    for value in wrong_values(KEYS[key]):
        with pytest.raises(ConfigError) as caught:
            parse_config(changed(key, value))
        said = str(caught.value)
        # What a grid says of two of its keys is said at the grid.
        where = key.replace(".trained_by", "(.|: )trained_by")
        assert re.search(rf"{where}(: |\.0|\.a: | is )", said), (value, said)


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


def test_all_mistakes_are_listed_at_once_and_missing_keys_are_named():
    values = changed("threads", 0) | {"grdis": {}}
    del values["options"]
    with pytest.raises(ConfigError, match=r"(?s)options: this key is missing.*threads.*grdis"):
        parse_config(values)


def test_an_overlay_leaves_grids_and_figures_out():
    """... which cannot take keys away."""
    figures = {name: None for name in FIGURES if name != "fig4"}
    grids = {name: None for name in PAPER["grids"] if name != "deep-trained"}
    overlay = {"figures": figures, "grids": grids, "costs": []}
    config = parse_config(merged(PAPER, overlay))
    assert list(config.figures) == ["fig4"] and list(config.grids) == ["deep-trained"]


def test_a_grid_has_options_of_its_own():
    own = {"gradient": {"momentum": 0}, "training": {"train": {"schedule": {"mnist": [[1, 2]]}}}}
    grid = PAPER["grids"]["deep"] | {"methods": ["gradient"], "options": own}
    config = parse_config(merged(PAPER, {"grids": {"mine": grid}}))
    mine, all_others = config.options_of("mine"), config.options_of("deep")
    assert all_others == config.options
    assert (mine.gradient.momentum, all_others.gradient.momentum) == (0, 0.9)
    train = mine.training.train.schedule
    assert train["mnist"] == [(1, 2)] and train["cifar10"] == [(0.001, 50)]
    assert mine.gradient.schedule == all_others.gradient.schedule
    assert config.own_options("deep") == ""
    own["gradient"]["momentum"], own["training"]["train"]["schedule"]["mnist"] = 0.0, [[1.0, 2]]
    assert json.loads(config.own_options("mine")) == own
    assert json.loads(config.own_options("mine", "training")).keys() == {"training"}


def test_options_that_are_as_everywhere_set_nothing_apart():
    grid = PAPER["grids"]["two-layer-narrow"] | {"options": {"gradient": {"momentum": 0.9}}}
    assert parse_config(merged(PAPER, {"grids": {"mine": grid}})).own_options("mine") == ""


@pytest.mark.parametrize(
    ("grid", "options", "message"),
    [
        ("deep", {"coreset": {"beta": "one"}}, r"options\.coreset: the grid has no such method"),
        ("deep", {"training": {"finetune_deep": {}}}, r"finetune_deep: no job of the grid does"),
        ("deep-trained", {"training": {"train": {}}}, r"training\.train: no job of the grid does"),
    ],
)
def test_options_without_effect_are_refused(grid, options, message):
    grid = PAPER["grids"][grid] | {"options": options}
    with pytest.raises(ConfigError, match=rf"grids\.mine\.{message}|{message}"):
        parse_config(merged(PAPER, {"grids": {"mine": grid}}))


def test_an_option_of_a_new_method_reaches_it():
    """As docs/extend.md says: a class in PruningOptions and in Options is all that it takes."""
    fields = [*Options.model_fields]
    assert [name for name in PruningOptions.model_fields if name not in fields] == []
    config = parse_config(changed("options.coreset.beta", "one"))
    assert config.options.pruning("mnist").coreset.beta == "one"


def test_options_under_which_networks_were_trained_are_told_too():
    """A grid that prunes another grid's networks names it, if that trains in another way."""
    training = {"training": {"batch_size": 64}}
    by = PAPER["grids"]["deep-trained"] | {"options": training}
    grid = by | {"trained_by": "by", "options": {"coreset": {"beta": "one"}}}
    config = parse_config(merged(PAPER, {"grids": {"by": by, "mine": grid}}))
    own = {"coreset": {"beta": "one"}}
    assert json.loads(config.own_options("mine")) == own | {"trained_by": "by"}
    same = parse_config(merged(PAPER, {"grids": {"mine": grid | {"trained_by": "deep-trained"}}}))
    assert json.loads(same.own_options("mine")) == own


def test_a_protocol_is_of_a_rule_a_data_set_and_a_depth():
    training = parse_config(PAPER).options.training
    shallow = training.protocol("train_network", "mnist", "FC-1000")
    assert shallow.schedule == [(0.1, 5), (0.01, 5), (0.001, 5)]
    assert (shallow.optimizer, shallow.momentum, shallow.batch_size) == ("sgd", 0.9, 128)
    deep = training.protocol("finetune", "cifar10", "FC-9-9")
    # Adam has no momentum, so that a change of it concerns nothing that Adam trains.
    assert (deep.optimizer, deep.momentum, deep.schedule) == ("adam", 0, [(0.001, 15)])
    assert training.protocol("train", "mnist", "FC-9").schedule == [(0.001, 20)]


def test_options_of_a_method_are_found_by_its_id_and_data_set():
    """Also where the id has a dash, which a field's name cannot have."""
    config = parse_config(changed("options.best_random.draws", 7))
    options = config.options.pruning("mnist")
    given = {method: options.of(method) for method in METHODS}
    forms = [given[f"second-order-ossum{form}"] for form in ("", "-norm", "-pab")]
    assert forms[0]["examples"] == 10_000 and forms == forms[:1] * 3
    assert given["best-random"] == {"draws": 7} and given["ossum"] == {}
    assert PruningOptions.of_methods(given) == options
    assert options.gradient.schedule == [(0.1, 10), (0.01, 5)]
    assert config.options.pruning("cifar10").gradient.schedule == [(0.1, 20), (0.01, 10)]


GRID = {
    "datasets": ["mnist", "cifar10"],
    "architectures": ["FC-9", "FC-8"],
    "methods": ["random", "norm"],
    "sparsities": [0, 0.5, 0.75],
    "seeds": [0, 1],
}


def test_a_view_takes_a_part_of_a_grid_in_the_order_of_the_grid():
    grid = Grid(**GRID, train_sparsities=[0.5, 0.75])
    assert View(grid="a").of(grid) == grid
    view = View(grid="a", seeds=[1], sparsities=[0.75, 0], methods=["norm", "random"])
    shown = view.of(grid)
    assert shown.networks() == {
        "dataset": ["mnist", "cifar10"],
        "architecture": ["FC-9", "FC-8"],
        "activation": ["tanh"],
        "distribution": ["uniform"],
        "seed": [1],
    }
    assert shown.methods == ["random", "norm"]
    assert shown.at("pruned") == [0, 0.75]
    assert shown.at("trained") == shown.at("finetuned") == [0.75]
    assert Grid(**GRID).at("trained-unscaled") == [0, 0.5, 0.75]


def test_a_view_of_what_is_not_trained_is_refused():
    view = {"grid": "deep", "sparsities": [0], "stages": ["trained"]}
    grids = {"deep": {"train_sparsities": [0.5, 0.875, 0.984375, 0.9921875]}}
    values = merged(PAPER, {"grids": grids, "figures": {"fig6": [view]}})
    with pytest.raises(ConfigError, match=r"fig6\.0\.sparsities: grids\.deep trains none of these"):
        parse_config(values)


@pytest.mark.parametrize("method", METHODS)
def test_methods_for_one_hidden_layer_are_refused_for_more(method):
    values = GRID | {"architectures": ["FC-9-8"], "methods": [method]}
    if METHODS[method].max_hidden_layers == 1:
        with pytest.raises(ValueError, match=f"method '{method}' prunes at most 1 hidden layer"):
            Grid(**values)
    else:
        assert Grid(**values).methods == [method]


def test_sparsities_have_one_spelling():
    written = ["0", "0.5", "0.9375", "0.998046875"]
    assert [spell_sparsity(float(text)) for text in written] == written
    for wrong in (1.0, -0.1, 1.5, float("nan"), 1 / 3):
        with pytest.raises(ValueError, match=r"\[0, 1\)"):
            spell_sparsity(wrong)


# The paper


def results_of(config: Config, figure: str) -> Counter:
    """How many results of each stage a figure shows."""
    found = Counter()
    for view, grid in config.views(figure):
        for stage in view.stages:
            n_networks = 1
            for values in grid.networks().values():
                n_networks *= len(values)
            found[stage] += n_networks * len(grid.methods) * len(grid.at(stage))
    return found


def test_figures_are_the_papers():
    config = parse_config(PAPER)
    of = {figure: dict(results_of(config, figure)) for figure in config.figures}
    two_layer = 2 * (8 + 2 * 10)  # data sets; sparsities of three widths
    rising = 2 * 3 * 4  # four sparsities more of each width, between 0 and 50 %
    assert of["fig1"] == {"pruned": 6 * 5 * (two_layer + rising)}
    assert of["fig2"] == dict.fromkeys(["pruned", "finetuned"], 5 * 3 * two_layer)
    assert of["fig3"] == dict.fromkeys(["pruned", "trained"], 4 * 8 * 3)
    assert of["fig4"] == dict.fromkeys(["pruned", "finetuned"], 5 * 8 * 3)
    # tanh, ReLU, sigmoid; const, normal; six other uniforms; two methods search
    assert of["fig5"] == {"pruned": (3 + 2 + 6) * 10 * 5, "search": 2}
    assert of["fig6"] == {"trained": 2 * 4 * 3}
    assert of["fig7"] == dict.fromkeys(["pruned", "trained-unscaled"], 2 * 4 * 8 * 3)
    assert of["fig8"] == {"statistics": 10 * 5}
    assert of["fig9"] == dict.fromkeys(["pruned", "trained"], 7 * 8 * 3)
    # best of 100 random; a readout a network; the deep networks of Figure 3 and seven dense ones
    controls = {"pruned": 2 * (4 + 1) * 8 * 5, "readout": 2 * 5, "trained": (4 * 8 + 7) * 3}
    assert of["beyond"] == controls


def test_sparsities_and_compressions_are_the_papers():
    grids = parse_config(PAPER).grids
    rising = [0, 0.1, 0.2, 0.3, 0.4]
    assert grids["two-layer-narrow"].sparsities == rising + [1 - 2.0**-k for k in range(1, 8)]
    assert grids["two-layer-wide"].sparsities == rising + [1 - 2.0**-k for k in range(1, 10)]
    curves = {
        (dataset, 1 / (1 - sparsity))
        for _, grid in parse_config(PAPER).views("fig6")
        for dataset in grid.datasets
        for sparsity in grid.sparsities
    }
    assert curves == {("mnist", 128), ("cifar10", 64)}


def test_jobs_of_quick_are_jobs_of_the_paper():
    """A job is of a network and a grid, with all methods, sparsities and options of that grid."""
    quick, paper = tier("quick"), parse_config(PAPER)
    assert set(quick.figures) == set(paper.figures) and quick.options == paper.options
    for name, grid in quick.grids.items():
        whole = paper.grids[name]
        networks = {"datasets", "architectures", "activations", "distributions", "seeds"}
        fewer = networks | {"train_sparsities"}
        assert grid.model_dump(exclude=fewer) == whole.model_dump(exclude=fewer)
        for key in networks:
            # Costs of fewer sizes are of other sizes.
            assert {*getattr(grid, key)} <= {*getattr(whole, key)} or name.startswith("cost")
        assert {*grid.at("trained")} <= {*whole.at("trained")}


def test_smoke_has_every_figure_of_digits():
    smoke = tier("smoke")
    assert set(smoke.figures) == set(FIGURES)
    shown = [grid for figure in (*FIGURES, "costs") for _, grid in smoke.views(figure)]
    assert {dataset for grid in shown for dataset in grid.datasets} == {"digits"}


@pytest.mark.parametrize("overlay", ["reference", "smoke"])
def test_small_dense_networks_have_the_widths_of_those_that_are_pruned_and_trained(overlay):
    grids = tier(overlay).grids
    deep, dense = grids["deep"], grids["small-dense"]
    (whole,) = map(Architecture.parse, deep.architectures)
    kept = [whole.kept_widths(sparsity) for sparsity in deep.at("trained") if sparsity]
    assert [Architecture.parse(name).hidden for name in dense.architectures] == kept
    assert dense.sparsities == [0] and set(dense.datasets) <= set(deep.datasets)
    assert dense.seeds == deep.seeds
