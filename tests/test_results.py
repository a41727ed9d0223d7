"""Result tables: types, whole files only, provenance; and the code hashes that decide re-runs."""

import re
import subprocess
import sys
from copy import deepcopy as copy_of
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import ROOT
from test_cells import config_with

from ossum import provenance, results
from ossum.cells import RESULTS, Cell
from ossum.files import atomic, digest
from ossum.fingerprints import Fingerprints


def row(seed: int = 0, sparsity: float = 0.75, **changes) -> dict:
    cell = Cell("mnist", "FC-1000", "tanh", "uniform", "init", "ossum", sparsity, seed)
    return (
        cell.columns()
        | {"stage": "pruned", "widths": [250], "weight_sparsity": 0.75, "compression": 4.0}
        | {"madds": 198500, "correct": 7, "total": 10, "accuracy": 0.7, "loss": 1.5, "seconds": 0.1}
        | {"epoch": 0, "diverged": False}
        | changes
    )


@pytest.fixture
def folder(tmp_path):
    for seed in range(3):
        for sparsity in (0.75, 0.0):
            cell = Cell("mnist", "FC-1000", "tanh", "uniform", "init", "ossum", sparsity, seed)
            path = tmp_path / cell.path(RESULTS["pruned"])
            results.write([row(seed, sparsity)], path, {"code": f"c{seed}", "time": f"t{seed}"})
    return tmp_path / "results/evaluations"


def test_a_folder_of_cells_is_one_typed_table(folder):
    table = results.read(folder)
    assert list(zip(table["sparsity"], table["seed"], strict=True)) == [
        (s, seed) for s in (0.0, 0.75) for seed in range(3)
    ]
    assert table["sparsity"].dtype == float and table["seed"].dtype == int
    assert list(table["widths"][0]) == [250]
    assert table["mask_accuracy"].isna().all()


def test_the_documented_pandas_line_reads_the_same(folder):
    plain = pd.read_parquet(folder, partitioning=None)
    keys = [field.name for field in results.KEYS]
    plain = plain.sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(plain, results.read(folder), check_dtype=False)


def test_metadata_of_cells_are_merged(folder):
    paths = [str(path) for path in sorted(folder.rglob("*.parquet"))]
    merged = results.merged_metadata(paths)
    assert merged == {"code": "c0, c1, c2", "first": "t0", "last": "t2"}


def test_damaged_files_are_named(folder):
    path = next(folder.rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-20])
    assert results.read_metadata(path) is None
    with pytest.raises(ValueError, match=path.name):
        results.read(folder)


def test_files_of_another_schema_are_named(folder):
    path = next(folder.rglob("*.parquet"))
    pq.write_table(pa.table({"dataset": ["mnist"], "accuracy": [0.5]}), path)
    with pytest.raises(ValueError, match=f"{path.name} does not have the columns"):
        results.read(folder)


def test_rows_need_their_columns(tmp_path):
    incomplete = row()
    del incomplete["madds"]
    with pytest.raises((ValueError, pa.ArrowInvalid), match=r"madds|null"):
        results.write([incomplete], tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_whole_or_absent(tmp_path):
    path = tmp_path / "file"
    with atomic(path) as temporary:
        temporary.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_digests_tell_values_and_order():
    values = [("a", 1), (1, "a"), ("a", "1"), ("a",), (["a", 1],), ("a", 1, 1)]
    assert len({digest(*parts) for parts in values}) == len(values)
    assert digest({"a": 1}) == digest({"a": 1})


def test_stale_and_damaged_results_are_listed(folder):
    fingerprints = {}
    for i, path in enumerate(sorted(folder.rglob("*.parquet"))):
        results.write([row()], path, {"fingerprint": f"f{i}"})
        fingerprints[str(path)] = f"f{i}"
    results.check_current(fingerprints)
    first, second, *_ = fingerprints
    with pytest.raises(ValueError, match=rf"1 result.*\n  {re.escape(first)}\n.*Delete"):
        results.check_current(fingerprints | {first: "other"})
    Path(second).write_bytes(b"")
    with pytest.raises(ValueError, match=rf"1 result.*\n  {re.escape(second)}"):
        results.check_current(fingerprints)


CELL = Cell("mnist", "FC-1000", "tanh", "uniform", "init", "gradient", 0.75, 0)


def test_fingerprints_tell_all_that_a_cell_is_made_from():
    options = {"gradient": config_with().pruning.options("mnist").of("gradient"), "ossum": {}}
    other = copy_of(options)
    other["gradient"]["momentum"] = 0.5
    code = {"gradient": "g", "ossum": "o"}
    stages = {"pruned": {"code": "e"}, "trained": {"code": "t", "options": {"epochs": 1}}}
    expected = Fingerprints(code, options, stages=stages)
    variants = [
        (expected, CELL),
        (expected, replace(CELL, seed=1)),
        (expected, replace(CELL, sparsity=0.5)),
        (expected, replace(CELL, dataset="cifar10")),
        (Fingerprints(code | {"gradient": "h"}, options, stages=stages), CELL),
        (Fingerprints(code, other, stages=stages), CELL),
        (Fingerprints(code, options, stages=stages, precision="tf32"), CELL),
    ]
    assert len({made.subnetwork(cell) for made, cell in variants}) == len(variants)
    found = {made.result(cell, stage) for made, cell in variants for stage in stages}
    assert len(found) == 2 * len(variants)
    longer = stages | {"trained": {"code": "t", "options": {"epochs": 2}}}
    evaluated = Fingerprints(code, options, stages=longer)
    assert evaluated.subnetwork(CELL) == expected.subnetwork(CELL)
    assert evaluated.result(CELL, "pruned") == expected.result(CELL, "pruned")
    assert evaluated.result(CELL, "trained") != expected.result(CELL, "trained")
    # What only concerns another method changes nothing.
    ossum = replace(CELL, method="ossum")
    for unrelated in (
        Fingerprints(code, other, stages=stages),
        Fingerprints({"ossum": "o"}, options, stages=stages),
    ):
        assert unrelated.result(ossum, "pruned") == expected.result(ossum, "pruned")


def test_fingerprints_of_trained_networks_reach_what_is_pruned_from_them():
    code, options = {"gradient": "g", "ossum": "o"}, {"gradient": {}, "ossum": {}}
    short, long = (Fingerprints(code, options, {"options": {"epochs": n}}) for n in (1, 2))
    trained = replace(CELL, origin="trained")
    assert short.subnetwork(CELL) == long.subnetwork(CELL)
    assert short.subnetwork(trained) != long.subnetwork(trained)
    # All methods and sparsities share one trained network.
    other = replace(trained, method="ossum", sparsity=0.0)
    assert short.trained_network(trained) == short.trained_network(other)
    assert short.trained_network(trained) != short.trained_network(replace(trained, seed=1))
    rounded = replace(short, precision="bfloat16")
    assert short.trained_network(trained) != rounded.trained_network(trained)


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the code, to be edited, that code hashes look at."""
    for folder in ("ossum", "scripts"):
        subprocess.run(["cp", "-r", str(ROOT / folder), str(tmp_path)], check=True)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)

    def edit(file: str, old: str, new: str) -> str:
        path = tmp_path / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        for function in (provenance._imports, provenance._statements):
            function.cache_clear()
        return provenance.code_hash("scripts/prune.py", "ossum/pruning/scores.py")

    before = edit("ossum/rng.py", "import hashlib", "import hashlib")
    yield edit, before
    for function in (provenance._imports, provenance._statements):
        function.cache_clear()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("scripts/prune.py", "prune(recipe, cells)", "pass"),
        ("ossum/scoring.py", ".sum(dim=0)", ".mean(dim=0)"),
        ("ossum/rng.py", "sha256", "sha512"),
        ("ossum/networks.py", "/ sqrt(fan_in)", "/ sqrt(fan_out)"),
        ("ossum/recipes.py", "self.n_classes)", "self.n_classes + 1)"),
        ("ossum/datasets/split.py", "sub_(self.mean)", "add_(self.mean)"),
    ],
)
def test_code_that_decides_results_is_in_the_hash(copy, file, old, new):
    edit, before = copy
    assert edit(file, old, new) != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("ossum/scoring.py", "import torch\n", "import torch\n\n# nothing\n"),
        ("ossum/scoring.py", "Eq. 3", "Equation 3"),
        ("ossum/figures/style.py", "0.92", "0.9"),
        ("ossum/evaluation.py", "correct", "right"),
        ("ossum/pruning/gradient.py", "0.01", "0.02"),
        ("ossum/registry.py", '"norm": MethodSpec', '"size": MethodSpec'),
        ("ossum/datasets/sources.py", "CONNECTION_TIMEOUT = 20", "CONNECTION_TIMEOUT = 30"),
    ],
)
def test_other_code_and_words_are_not(copy, file, old, new):
    edit, before = copy
    assert edit(file, old, new) == before


def test_relative_imports_are_followed(copy):
    edit, _ = copy
    (provenance.ROOT / "ossum/pruning/helper.py").write_text("P = 1\n")
    before = edit("ossum/pruning/scores.py", "from torch", "from .helper import P\nfrom torch")
    assert edit("ossum/pruning/helper.py", "P = 1", "P = 2") != before


def test_provenance_names_code_commit_versions_and_machine():
    facts = provenance.provenance("abc", 2, "cpu", "float32")
    assert facts["code"] == "abc" and facts["threads"] == "2"
    assert {"commit", "dirty", "torch", "snakemake", "machine", "device", "time"} <= set(facts)
    assert all(isinstance(value, str) for value in facts.values())


def test_planning_imports_no_torch():
    """The Snakefile's imports take milliseconds; torch would add seconds to every start."""
    modules = "ossum.config, ossum.fusion, ossum.memory, ossum.provenance, ossum.recipes"
    code = f"import {modules}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
