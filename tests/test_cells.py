"""Cells, paths, grids and fusion: the path is the key."""

from collections import Counter
from dataclasses import replace

import pytest
import yaml
from helpers import ROOT
from hypothesis import given
from hypothesis import strategies as st

from ossum.architectures import Architecture
from ossum.cells import (
    NETWORK,
    RESULTS,
    SUBNETWORK,
    TRAINED_NETWORK,
    Cell,
    parse_result,
    spell_sparsity,
)
from ossum.config import parse_config
from ossum.fusion import batches
from ossum.registry import ACTIVATIONS, DATASETS, INITS, METHODS

EVALUATION = RESULTS["pruned"]

cells = st.builds(
    Cell,
    dataset=st.sampled_from(list(DATASETS)),
    architecture=st.lists(st.integers(1, 10**6), min_size=1, max_size=3).map(
        lambda widths: "-".join(["FC", *map(str, widths)])
    ),
    activation=st.sampled_from(ACTIVATIONS),
    init=st.sampled_from(list(INITS)),
    origin=st.sampled_from(["init", "trained"]),
    method=st.sampled_from(list(METHODS)),
    sparsity=st.integers(0, 2**12 - 1).map(lambda n: n / 2**12),
    seed=st.integers(0, 10**6),
)


@given(cells, st.sampled_from([SUBNETWORK, EVALUATION]))
def test_path_and_cell_are_inverse(cell, pattern):
    assert Cell.parse(cell.path(pattern), pattern) == cell


@given(cells, st.sampled_from(list(RESULTS)))
def test_a_result_file_tells_its_stage_and_cell(cell, stage):
    if stage == "search":
        cell = replace(cell, sparsity=None)
    assert parse_result(cell.path(RESULTS[stage])) == (stage, cell)


def test_a_whole_network_is_a_cell_without_method():
    cell = Cell("mnist", "FC-1000", "tanh", "uniform", "init", None, None, 3)
    assert Cell.parse(cell.path(TRAINED_NETWORK), TRAINED_NETWORK) == cell


def test_the_documented_path():
    cell = Cell("mnist", "FC-1000", "tanh", "uniform", "init", "ossum", 0.75, 0)
    assert cell.path(EVALUATION) == (
        "results/evaluations/dataset=mnist/architecture=FC-1000/activation=tanh/init=uniform/"
        "origin=init/method=ossum/sparsity=0.75/seed=0.parquet"
    )
    assert cell.path(NETWORK) == (
        "results/networks/dataset=mnist/architecture=FC-1000/activation=tanh/init=uniform/"
        "seed=0.json"
    )


@pytest.mark.parametrize("wrong", ["0.750", "0.0", "1", ".5", "1e-3", "-0.5"])
def test_a_sparsity_has_one_spelling(wrong):
    path = Cell("mnist", "FC-10", "tanh", "uniform", "init", "ossum", 0.75, 0).path(EVALUATION)
    with pytest.raises(ValueError, match="not a cell"):
        Cell.parse(path.replace("0.75", wrong), EVALUATION)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("mnist", "mnits"),
        ("=init/", "=other/"),
        ("method=ossum", "method=osum"),
        ("seed=0", "seed=00"),
    ],
)
def test_unknown_values_are_no_cells(right, wrong):
    path = Cell("mnist", "FC-10", "tanh", "uniform", "init", "ossum", 0.75, 0).path(EVALUATION)
    with pytest.raises(ValueError, match="not a cell"):
        Cell.parse(path.replace(right, wrong), EVALUATION)


@pytest.mark.parametrize("wrong", [1.0, -0.1, 1.5, float("nan"), 1 / 3])
def test_impossible_sparsities_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        spell_sparsity(wrong)


def test_sparsities_are_spelled_as_in_the_config():
    written = ["0", "0.5", "0.9375", "0.998046875"]
    assert [spell_sparsity(float(text)) for text in written] == written


def config_with(fuse=None, overlay=None):
    """The paper's configuration as Snakemake would merge an overlay into it."""

    def merge(into, values):
        for key, value in values.items():
            if isinstance(value, dict) and key in into:
                merge(into[key], value)
            else:
                into[key] = value

    values = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    if overlay:
        merge(values, yaml.safe_load((ROOT / "config" / overlay).read_text()))
    if fuse is not None:
        values["fuse"] = dict.fromkeys(("prune", "train", "evaluate"), fuse)
    return parse_config(values)


def test_figure_1_is_the_papers():
    stages, cells = zip(*config_with().results("fig1"), strict=True)
    assert set(stages) == {"pruned"}
    assert len(cells) == len(set(cells)) == 2 * 5 * 6 * (8 + 2 * 10)
    assert {c.sparsity for c in cells if c.architecture == "FC-1000"} == {
        1 - 2.0**-k for k in range(8)
    }
    assert {c.sparsity for c in cells if c.architecture == "FC-100000"} == {
        1 - 2.0**-k for k in range(10)
    }


def counts(figure):
    """How many results of each stage a figure of the paper shows."""
    return Counter(stage for stage, _ in config_with().results(figure))


def test_the_other_figures_are_the_papers():
    two_layer = 2 * 3 * 5 * (8 + 2 * 10)
    assert counts("fig2") == {"pruned": two_layer, "finetuned": two_layer}
    assert counts("fig3") == {"pruned": 4 * 8 * 3, "trained": 4 * 8 * 3}
    assert counts("fig4") == {"pruned": 5 * 8 * 3, "finetuned": 5 * 8 * 3}
    # tanh, ReLU, sigmoid; const, normal; six other uniforms
    assert counts("fig5") == {"pruned": (3 + 2 + 6) * 10 * 5, "search": 2}
    assert counts("fig6") == {"trained": 2 * 4 * 3}
    assert counts("fig7") == {"pruned": 2 * 4 * 8 * 3, "trained-unscaled": 2 * 4 * 8 * 3}
    assert counts("fig8") == {"statistics": 10 * 5}
    assert counts("fig9") == {"pruned": 6 * 8 * 3, "trained": 6 * 8 * 3}


def test_what_is_beyond_the_paper():
    # best of 100 random; a readout a network; the deep networks of fig3 and seven dense ones
    assert counts("beyond") == {
        "pruned": 2 * (4 + 1) * 8 * 5,
        "readout": 2 * 5,
        "trained": (4 * 8 + 7) * 3,
    }


@pytest.mark.parametrize("overlay", [None, "quick.yaml", "smoke.yaml"])
def test_small_dense_networks_have_the_widths_that_pruning_keeps(overlay):
    grids = config_with(overlay=overlay).grids
    deep, dense = grids["deep"], grids["small-dense"]
    (whole,) = map(Architecture.parse, deep.architectures)
    kept = [whole.kept_widths(sparsity) for sparsity in deep.sparsities if sparsity]
    assert [Architecture.parse(name).hidden for name in dense.architectures] == kept
    assert dense.sparsities == [0] and set(dense.datasets) <= set(deep.datasets)
    assert dense.seeds == deep.seeds


def test_learning_curves_are_at_the_papers_compressions():
    cells = {cell for _, cell in config_with().results("fig6")}
    compressions = {(cell.dataset, 1 / (1 - cell.sparsity)) for cell in cells}
    assert compressions == {("mnist", 128), ("cifar10", 64)}


def test_quick_is_a_subset_of_the_paper():
    quick, paper = config_with(overlay="quick.yaml"), config_with()
    assert set(quick.figures) == set(paper.figures)
    for figure in quick.figures:
        assert set(quick.results(figure)) < set(paper.results(figure))
    assert quick.training == paper.training and quick.search == paper.search


@pytest.mark.parametrize("fuse", [[], ["method"], ["method", "sparsity"], ["seed", "init"]])
def test_fused_jobs_make_every_cell_once(fuse):
    """Whatever is fused, the jobs of a grid's rule cover its cells, each exactly once."""
    config = config_with(fuse, "smoke.yaml")
    *of_grids, single, trained = batches(config, "prune")
    assert single.files(SUBNETWORK) == trained.files(SUBNETWORK) == [SUBNETWORK]
    for batch, grid in zip(of_grids, config.grids.values(), strict=True):
        jobs = Counter()
        made = Counter()
        for cell in grid.cells():
            free = {
                key: spell_sparsity(value) if key == "sparsity" else value
                for key, value in cell.columns().items()
                if key not in fuse
            }
            files = tuple(f.format(**free) for f in batch.files(SUBNETWORK))
            jobs[files] += 1
            assert cell.path(SUBNETWORK) in files
            assert "{" not in batch.file("logs", ".log").format(**free)
        for files in jobs:
            made.update(files)
        assert made == Counter(cell.path(SUBNETWORK) for cell in grid.cells())


def test_inputs_of_a_fused_job_are_not_repeated():
    (batch, *_) = batches(config_with(["method", "sparsity"]), "prune")
    assert batch.files(NETWORK) == [NETWORK]
    (batch, *_) = batches(config_with(["method", "seed"]), "prune")
    assert len(batch.files(NETWORK)) == 5
