"""Fused, changed, damaged, killed: what is made again, and what is not."""

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from helpers import has_bfloat16
from workflows import EVALUATION, FIG1, NOTHING, content, snakemake, tiny, tiny_deep

from ossum import results
from ossum.cells import SUBNETWORK, Cell

# Those of the tiny configuration, without what tests add to it.
TINY_CELLS = r"FC-32/.*method=(ossum|gradient)/sparsity=(0|0\.5)/seed=[01]\."


def evaluations(folder: Path) -> dict[str, bytes]:
    """Every evaluation byte for byte: made again, it would have another time and duration."""
    cells = sorted((folder / "results/evaluations").rglob("*.parquet"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in cells}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A finished run of the tiny configuration. Tests below add to it, never take away."""
    folder = tmp_path_factory.mktemp("tiny")
    snakemake(folder, FIG1, config=tiny(folder / "config.yaml"))
    return folder


def test_one_cell_of_a_grid(finished):
    """... and one inside is made together with those it shares work with: here, all are there."""
    cell = Cell("digits", "FC-32", "tanh", "uniform", "init", "ossum", 0.5, 0)
    run = snakemake(finished, cell.path(EVALUATION), config=finished / "config.yaml")
    assert NOTHING in run.stdout


@pytest.mark.parametrize("fuse", [[], ["seed"], ["method", "sparsity", "seed"]])
def test_fusion_changes_no_file(finished, tmp_path, fuse):
    snakemake(tmp_path, FIG1, config=tiny(tmp_path / "config.yaml", fuse))
    expected = {
        path: value for path, value in content(finished).items() if re.search(TINY_CELLS, path)
    }
    assert len(expected) == 16
    assert content(tmp_path) == expected


@pytest.fixture(scope="module")
def finished_deep(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("deep")
    config = tiny_deep(folder / "config.yaml")
    snakemake(folder, "figures/fig3.pdf", "figures/fig4.pdf", config=config)
    return folder


@pytest.mark.usefixtures("one_order")
def test_fusion_changes_no_training(finished_deep, tmp_path):
    """Trained alone or with others, as drawn or again: the same numbers to the last bit."""
    config = tiny_deep(tmp_path / "config.yaml", fuse=[])
    snakemake(tmp_path, "figures/fig3.pdf", "figures/fig4.pdf", config=config)
    expected = content(finished_deep)
    assert len(expected) == 2 * 4 + 2 * 4 + 4 + 4 + 2
    assert content(tmp_path) == expected


def test_changed_training_reaches_what_comes_after_it_and_nothing_else(finished_deep, tmp_path):
    shutil.copytree(finished_deep, tmp_path, dirs_exist_ok=True)
    config = tiny_deep(tmp_path / "config.yaml", rate=0.002)
    snakemake(tmp_path, "figures/fig3.pdf", "figures/fig4.pdf", config=config)
    before, after = content(finished_deep), content(tmp_path)
    changed = {path.split("/")[1] for path in before if after[path] != before[path]}
    assert changed == {"trained", "finetuned"}
    again = snakemake(tmp_path, "figures/fig3.pdf", "figures/fig4.pdf", config=config)
    assert NOTHING in again.stdout


def test_options_of_other_methods_train_nothing_again(finished_deep):
    """Trained networks are deleted after their last use: a needless job would train them anew."""
    config = finished_deep / "gradient.yaml"
    overlay = yaml.safe_load(tiny_deep(config).read_text())
    overlay["pruning"] = {"gradient": {"momentum": 0.5}, "coreset": {"beta": "one"}}
    overlay["training"] |= {"momentum": 0.5}  # of SGD, and these are trained by Adam
    config.write_text(yaml.safe_dump(overlay))
    run = snakemake(finished_deep, "figures/fig3.pdf", "figures/fig4.pdf", config=config)
    assert NOTHING in run.stdout


@pytest.mark.parametrize(
    "change",
    [
        {"fuse": []},
        {"fuse": ["method", "seed"]},
        {"methods": ["ossum", "gradient", "norm"]},
        {"sparsities": [0, 0.5, 0.75]},
        {"seeds": [0, 1, 2]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_finished_is_not_made_again(finished, change):
    before = evaluations(finished)
    pruned = {path: value for path, value in content(finished).items() if "subnetworks" in path}
    config = tiny(finished / "changed.yaml", **change)
    snakemake(finished, FIG1, config=config)
    after = evaluations(finished)
    assert {path: after[path] for path in before} == before
    assert {path: content(finished)[path] for path in pruned} == pruned
    if "fuse" not in change:
        assert len(after) > len(before)
    assert NOTHING in snakemake(finished, FIG1, config=config).stdout


@pytest.mark.skipif(not has_bfloat16(), reason="this processor does not multiply in bfloat16")
def test_another_precision_makes_all_again(finished, tmp_path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    before, config = content(tmp_path), tmp_path / "config.yaml"
    arguments = FIG1, "--config", "precision=bfloat16"
    snakemake(tmp_path, *arguments, config=config)
    after = content(tmp_path)
    made = [path for path in evaluations(finished) if re.search(TINY_CELLS, path)]
    assert len(made) == 8
    assert all(after[path] != before[path] for path in made)
    assert NOTHING in snakemake(tmp_path, *arguments, config=config).stdout


def test_a_damaged_cell_is_made_again(finished):
    """When its job runs again, a file that is not whole is not taken for whole."""
    before = content(finished)
    cell = Cell("digits", "FC-32", "tanh", "uniform", "init", "ossum", 0.5, 0)
    path = finished / cell.path(EVALUATION)
    path.write_bytes(path.read_bytes()[:50])
    other = Cell("digits", "FC-32", "tanh", "uniform", "init", "gradient", 0.5, 0)
    (finished / other.path(EVALUATION)).unlink()
    snakemake(finished, other.path(EVALUATION), config=finished / "config.yaml")
    assert content(finished) == before


def test_a_result_of_another_cell_or_time_never_gets_into_a_table(finished):
    cell = Cell("digits", "FC-32", "tanh", "uniform", "init", "ossum", 0.5, 0)
    right, other = (finished / replace(cell, seed=s).path(EVALUATION) for s in (0, 1))
    original = right.read_bytes()
    right.write_bytes(other.read_bytes())
    config = finished / "config.yaml"
    run = snakemake(finished, FIG1, config=config, check=False)
    assert run.returncode != 0
    log = (finished / "logs/table/fig1.log").read_text()
    assert "1 result(s) were made by other code or options, or are damaged" in log
    assert cell.path(EVALUATION) in log
    right.write_bytes(original)
    snakemake(finished, FIG1, config=config)


def test_a_failure_between_does_not_keep_stale_results(finished, tmp_path):
    """An option changes, the networks are pruned anew, and their evaluation fails: Snakemake puts
    the old evaluations back, newer than all. The next run must not take them for current."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    changed = tiny(tmp_path / "config.yaml", momentum=0.0)
    snakemake(tmp_path, FIG1, "--until", "prune_two_layer_narrow", config=changed)
    cell = Cell("digits", "FC-32", "tanh", "uniform", "init", "gradient", 0.5, 0)
    path = tmp_path / cell.path(SUBNETWORK)
    whole, times = path.read_bytes(), (path.stat().st_atime, path.stat().st_mtime)
    path.write_bytes(whole[:50])
    os.utime(path, times)
    assert snakemake(tmp_path, FIG1, config=changed, check=False).returncode != 0
    path.write_bytes(whole)
    os.utime(path, times)
    before = content(tmp_path)[cell.path(EVALUATION)]
    snakemake(tmp_path, FIG1, config=changed)
    assert content(tmp_path)[cell.path(EVALUATION)] != before
    assert NOTHING in snakemake(tmp_path, FIG1, config=changed).stdout
    table = results.read(tmp_path / "results/tables/fig1.parquet")
    chosen = table[(table["method"] == "gradient") & (table["sparsity"] == 0.5)]
    assert set(chosen["seed"]) == {0, 1}


def test_forced_jobs_start_from_nothing(finished):
    before = evaluations(finished)
    config = finished / "config.yaml"
    forced = "evaluate_two_layer_narrow"
    snakemake(finished, FIG1, "--forcerun", forced, config=config)
    after = evaluations(finished)
    again = [path for path in before if after[path] != before[path]]
    assert len(again) == 8
    assert all("FC-32" in path for path in again)


def test_jobs_make_do_with_less_memory(finished, tmp_path):
    """A limit below what the activation cache needs: recomputed, said in the log, same masks to
    half precision (here, to the same kept neurons)."""
    config = tiny(tmp_path / "config.yaml", seeds=[0])
    snakemake(tmp_path, FIG1, "--resources", "mem_mb=1100", config=config)
    logs = "".join(path.read_text() for path in (tmp_path / "logs/prune").rglob("*.log"))
    assert "activations do not fit in 1100 MiB" in logs
    cells = results.read(tmp_path / "results/evaluations")
    same = results.read(finished / "results/evaluations").merge(cells, on=list(cells.columns[:8]))
    assert len(same) == 4
    assert (same["accuracy_x"] - same["accuracy_y"]).abs().max() < 0.02
