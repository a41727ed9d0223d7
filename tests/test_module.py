"""The workflow as a module of another one, in another directory and under other names."""

import os
import re
import shutil

import pytest
from helpers import ROOT
from workflows import CELL, planned, snakemake, tiny

from ossum import results

OUTER = """
configfile: "{root}/config/config.yaml"
configfile: "tiny.yaml"


module ossum:
    snakefile: "{root}/Snakefile"
    config: config
    {extra}


use rule * from ossum as ossum_*


onstart:
    ossum.onstart()


rule mine:
    default_target: True
    input:
        "figures/fig1.pdf",
    output:
        "mine.txt",
    shell:
        "ls {{input}} > {{output}}"


rule threads:
    output:
        "threads.txt",
    shell:
        'env | grep -E "^(OMP_WAIT|GOMP_SPIN)" > {{output}}'
"""
IN_GRID = CELL.replace("FC-9", "FC-32")


@pytest.fixture(scope="module")
def outer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outer")
    tiny(folder / "tiny.yaml")
    write(folder)
    return folder


def write(folder, extra=""):
    (folder / "Snakefile").write_text(OUTER.format(root=ROOT, extra=extra))
    (folder / "ossum.py").write_text("raise ImportError('the package beside the module is meant')")


def run_outer(folder, *arguments, check=True):
    return snakemake(folder, *arguments, snakefile=folder / "Snakefile", config=None, check=check)


def test_a_figure_is_planned(outer):
    plan = run_outer(outer, "--dry-run", "--quiet", "rules")
    assert planned(plan) == {
        "ossum_dataset": 1,
        "ossum_init": 2,
        "ossum_prune_two_layer_narrow": 2,
        "ossum_evaluate_two_layer_narrow": 2,
        "ossum_table": 1,
        "ossum_figure_fig1": 1,
        "mine": 1,
        "total": 10,
    }


def test_a_cell_is_made_and_made_again_if_forced(outer):
    run_outer(outer, IN_GRID)
    (before,) = results.read(outer / IN_GRID).to_dict("records")
    assert before["architecture"] == "FC-32" and before["total"] == 360
    rule = "ossum_evaluate_two_layer_narrow"
    run_outer(outer, IN_GRID, "--forcerun", rule)
    (log,) = (outer / "logs/evaluate").rglob("*.log")
    assert "4 of 4 cells to do" in log.read_text()


@pytest.mark.parametrize("prefix", ['prefix: "there"', 'replace_prefix: {"results/": "there/"}'])
def test_a_prefix_is_refused(outer, tmp_path, prefix):
    shutil.copytree(outer, tmp_path, dirs_exist_ok=True)
    write(tmp_path, prefix)
    run = run_outer(tmp_path, "--dry-run", check=False)
    assert run.returncode != 0
    assert re.search("a cell's path is its key: take `prefix` .* out", run.stdout)


@pytest.mark.parametrize(
    "policy, expected", [(None, "GOMP_SPINCOUNT=10000\n"), ("active", "OMP_WAIT_POLICY=active\n")]
)
def test_jobs_are_told_how_threads_wait(outer, monkeypatch, policy, expected):
    """Unless the user has."""
    for name in [name for name in os.environ if re.match("OMP_WAIT|GOMP_SPIN", name)]:
        monkeypatch.delenv(name)
    if policy:
        monkeypatch.setenv("OMP_WAIT_POLICY", policy)
    run_outer(outer, "threads.txt", "--force")
    assert (outer / "threads.txt").read_text() == expected
