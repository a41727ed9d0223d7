"""`./run check`: what a reviewer gives first."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT
from workflows import copy_of_workflow


@pytest.fixture
def clone(tmp_path) -> Path:
    """The workflow with results of a user, which stay as they are."""
    copy_of_workflow(tmp_path)
    shutil.copytree(ROOT / "results/reference", tmp_path / "results/reference")
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests/check.sh", tmp_path / "tests")
    (tmp_path / "results/evaluations").mkdir()
    (tmp_path / "results/evaluations/mine.parquet").write_text("mine")
    yield tmp_path
    assert (tmp_path / "results/evaluations/mine.parquet").read_text() == "mine"
    assert not (tmp_path / "figures").exists() and not (tmp_path / ".snakemake").exists()


def check(clone: Path, path: Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    command = ["sh", str(clone / "tests/check.sh")]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_it_passes_here(clone):
    done = check(clone, Path(sys.executable).parent)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("PASS: All within tolerance.")
    assert (clone / "check/report.html").stat().st_size > 100_000


@pytest.mark.parametrize("fails", ["fig2", "verify", "report", "nothing"])
def test_it_says_what_failed_and_where_the_log_is(clone, fails):
    """With a Snakemake that fails at a step, or that does nothing at all."""
    snakemake = clone / "bin/snakemake"
    snakemake.parent.mkdir()
    snakemake.write_text(f'#!/bin/sh\ncase "$*" in *{fails}*) echo the cause; exit 1;; esac\n')
    snakemake.chmod(0o755)
    done = check(clone, snakemake.parent)
    *before, last = done.stdout.splitlines()
    words = {"fig2": "computing", "verify": "comparing", "report": "making the report"}
    assert done.returncode == 1
    assert last.startswith(f"FAIL: {words.get(fails, 'looking')}")
    assert last.endswith(f"{clone}/check/check.log")
    assert ("the cause" in before) == (fails != "nothing")
