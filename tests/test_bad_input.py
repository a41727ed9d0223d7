"""Bad input through the workflow: one clear message, a non-zero exit, nothing lost.

Every key of the configuration is in test_config.py. What is tried and said: docs/bad-input.md.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from helpers import ROOT
from workflows import CELL, FIG1, NOTHING, results_of, snakemake, tiny

from ossum import results
from ossum.cells import NETWORK, RESULTS, SUBNETWORK, Cell
from ossum.config import parse_config
from ossum.slurm import LeftOverError, refuse_left_over_jobs
from ossum.targets import check_target

DATA = "data/digits.safetensors"
FORCE_PRUNING = ["--forcerun", "prune_two_layer_narrow"]


def refused(folder: Path, *arguments: str, **options) -> str:
    """What a run that fails says, on one line; never a traceback."""
    run = snakemake(folder, *arguments, check=False, **options)
    assert run.returncode != 0, run.stdout
    assert "Traceback" not in run.stdout
    return " ".join(run.stdout.split())


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    snakemake(folder, FIG1, config=tiny(folder / "config.yaml", seeds=[0]))
    return folder


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    """A finished run, to be damaged."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path


# What is asked for


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "thread=2"], "thread: unknown key; did you mean 'threads'"),
        (["--config", "threads=none"], "threads: Input should be a valid integer.*'none'"),
        (["--config", "grids=3"], r"grids: Input should be a valid dictionary \(got 3\)"),
        (["figures/fig12.pdf"], "No rule to produce figures/fig12.pdf"),
        ([CELL.replace("0.5", "0.50")], f"{CELL.replace('0.5', '0.50')}: not a cell: write "),
    ],
)
def test_bad_requests_are_refused_before_any_job(tmp_path, arguments, message):
    assert re.search(message, refused(tmp_path, *arguments))
    assert not (tmp_path / "results").exists()


FORM = "has to be of the form results/evaluations/dataset={dataset}/architecture="


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("sparsity=0.5", "sparsity=0.50", "write sparsity=0.5, not 0.50"),
        ("sparsity=0.5", "sparsity=1.0", "sparsity 1.0 must lie in [0, 1)"),
        ("sparsity=0.5", "sparsity=-0.1", "sparsity -0.1 must lie in [0, 1)"),
        ("seed=0", "seed=01", "seed=01 is not 0, 1, 2, ... without leading zeros"),
        ("seed=0", f"seed={10**18}", "of at most 18 digits"),
        ("FC-9", "FC-0", "architecture 'FC-0' is not of the form FC-h1-...-hL"),
        ("FC-9", "FC-1000-", "architecture 'FC-1000-' is not of the form FC-h1-...-hL"),
        ("FC-9", "CNN", "architecture 'CNN' is not of the form FC-h1-...-hL"),
        ("FC-9", f"FC{21 * '-9'}", "at most 20 of them"),
        ("FC-9", "FC-9-9", "method 'ossum' prunes at most 1 hidden layer(s), FC-9-9 has more"),
        ("=digits", "=mnits", "unknown dataset 'mnits'; did you mean 'mnist'?"),
        ("=ossum", "=osum", "unknown method 'osum'; did you mean 'ossum'?"),
        ("=init/", "=other/", "unknown origin 'other' (known: init, trained)"),
        ("evaluations", "finetuned", "stage 'finetuned' is one of networks with origin=trained"),
        ("/init=uniform", "", FORM),
        ("activation=tanh/init=uniform", "init=uniform/activation=tanh", FORM),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_is_refused_with_what_is_wrong_with_it(right, wrong, message):
    """As the last of the runs above says it."""
    config = parse_config(yaml.safe_load((ROOT / "config/config.yaml").read_text()))
    check_target(CELL, config)
    with pytest.raises(ValueError, match=re.escape(message)):
        check_target(CELL.replace(right, wrong), config)


def test_a_cell_without_a_schedule_is_refused(tmp_path):
    """Only a configuration of one's own can lack one: an overlay takes no key away."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config |= {"grids": {"mine": config["grids"]["two-layer-narrow"]}, "figures": {}, "costs": {}}
    del config["pruning"]["gradient"]["schedule"]["digits"]
    del config["training"]["trained"]["schedule"]["digits"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "Snakefile").write_text(
        'configfile: "config.yaml"\n'
        f'module ossum:\n    snakefile: "{ROOT}/Snakefile"\n    config: config\n'
        "use rule * from ossum\n"
    )
    for old, new, key in (
        ("method=ossum", "method=gradient", "pruning.gradient.schedule"),
        ("evaluations", "trained", "training.trained.schedule"),
    ):
        target = CELL.replace(old, new)
        said = refused(tmp_path, target, snakefile=tmp_path / "Snakefile", config=None)
        assert f"{target}: {key}: no entry for 'digits'" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("threads: [1", "Config file is not valid JSON or YAML"),
        ("- threads", "must be given as JSON or YAML with keys at top level"),
        ("grids:", r"grids: Input should be a valid dictionary \(got None\)"),
        ("grids: [deep]", r"grids: Input should be a valid dictionary \(got \['deep'\]\)"),
        ("1: 2", r"1: Keys should be strings \(got 1\)"),
    ],
)
def test_a_configuration_file_that_is_none_is_refused(tmp_path, text, message):
    (tmp_path / "mine.yaml").write_text(text)
    assert re.search(message, refused(tmp_path, "--dry-run", config=tmp_path / "mine.yaml"))


def test_a_configuration_file_that_is_missing_is_named(tmp_path):
    """By Snakemake, below a traceback of its own."""
    run = snakemake(tmp_path, "--dry-run", config=tmp_path / "missing.yaml", check=False)
    assert run.returncode != 0
    assert re.search(r"No such file or directory: '.*/missing\.yaml'", run.stdout)


# What is on disk


def flip(path: Path, byte: int) -> None:
    data = bytearray(path.read_bytes())
    data[byte] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def swap(path: Path) -> None:
    """Another data set's file under this name; what it says of itself is all that counts."""
    text = path.read_bytes().replace(b'"dataset":"digits"', b'"dataset":"mnist" ', 1)
    assert b"mnist" in text
    path.write_bytes(text)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "file not fully covered"),
        (swap, "it holds mnist"),
        (lambda path: flip(path, -50), "train_labels is damaged: its SHA-256 is"),
        (lambda path: flip(path, path.stat().st_size // 2), "train_images is damaged: its SHA-256"),
    ],
    ids=["truncated", "swapped", "label", "pixel"],
)
def test_a_damaged_data_file_is_named_and_left_where_it_is(copy, damage, message):
    config = copy / "config.yaml"
    before = results_of(copy)
    damage(copy / DATA)
    damaged = (copy / DATA).read_bytes()
    said = refused(copy, FIG1, *FORCE_PRUNING, config=config)
    assert f"{DATA} is not the prepared data set of that name" in said and message in said
    assert "delete it and run again, and it is made anew" in said
    assert (copy / DATA).read_bytes() == damaged and results_of(copy) == before


ONE = Cell("digits", "FC-32", "tanh", "uniform", "init", "ossum", 0.5, 0)


def test_damaged_files_between_jobs_are_named(copy):
    """... by the job that reads them, and made anew by what the message says."""
    config, before = copy / "config.yaml", results_of(copy)
    for damaged, target in ((NETWORK, SUBNETWORK), (SUBNETWORK, RESULTS["pruned"])):
        path = copy / ONE.path(damaged)
        flip(path, -10)
        said = refused(copy, ONE.path(target), "--force", config=config)
        assert ONE.path(damaged) in said and "delete it and run again" in said
        path.unlink()
        snakemake(copy, ONE.path(target), "--force", config=config)
        assert results_of(copy) == before


def older(path: Path) -> None:
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.drop_columns(["madds"]).append_column("flops", [[1] * len(table)]), path)


def by_pandas(path: Path) -> None:
    pd.read_parquet(path, partitioning=None).to_parquet(path)


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def foreign(path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), path)


NOT_OURS = {
    older: "madds missing; flops unknown (made by another version of the code?)",
    by_pandas: "another program has written it, and left out what it was made from",
    halved: "is damaged (",
    foreign: "a unknown (made by another version of the code?)",
}


@pytest.mark.parametrize("damage", NOT_OURS, ids=lambda damage: damage.__name__)
def test_a_result_that_is_not_ours_is_named(copy, damage):
    path = copy / ONE.path(RESULTS["pruned"])
    damage(path)
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        results.read(copy / "results/evaluations")
    assert NOT_OURS[damage] in str(caught.value)
    assert "Delete it and run again" in str(caught.value)


def test_a_result_that_is_not_ours_is_named_wherever_it_is_read(copy):
    config, cell, table = (
        copy / "config.yaml",
        ONE.path(RESULTS["pruned"]),
        "results/tables/fig1.parquet",
    )
    whole = (copy / cell).read_bytes()
    older(copy / cell)
    said = refused(copy, "verify", config=config)
    assert cell in said and NOT_OURS[older] in said
    (copy / cell).write_bytes(whole)
    halved(copy / table)
    said = refused(copy, FIG1, "--allowed-rules", "figure_fig1", "--force", config=config)
    assert table in said and NOT_OURS[halved] in said
    (copy / table).unlink()
    snakemake(copy, FIG1, config=config)


def test_any_flipped_bit_of_a_result_is_found_or_does_no_harm(copy):
    """Never an error from inside. (A few flips in the headers of pages go unseen by Parquet.)"""
    path = copy / ONE.path(RESULTS["pruned"])
    good, whole, wrong = results.read(path), path.read_bytes(), 0
    for bit in range(0, 8 * len(whole), 41):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        results.saved_fingerprint(path)
        try:
            wrong += not results.read(path).equals(good)
        except ValueError as error:
            assert str(path) in str(error) and "Delete it and run again" in str(error)
    assert wrong <= 2


# Where there is no writing


@pytest.mark.parametrize("folder", ["results", "logs"])
def test_a_file_where_a_folder_should_be_is_named(tmp_path, folder):
    (tmp_path / folder).write_text("precious")
    said = refused(tmp_path, CELL, "--dry-run")
    assert f"{folder} is a file where a folder has to be: move it away" in said
    assert (tmp_path / folder).read_text() == "precious"


def test_a_link_to_nothing_is_named(tmp_path):
    (tmp_path / "results").symlink_to("/nowhere/results")
    said = refused(tmp_path, CELL)
    assert "results is a link to /nowhere/results: nothing is there" in said


@pytest.mark.parametrize(
    ("squeue", "said"),
    [
        ("echo no controller >&2; exit 1", "does not answer: no controller"),
        (None, "no squeue here"),
    ],
)
def test_a_slurm_that_does_not_answer_is_said(tmp_path, monkeypatch, squeue, said):
    monkeypatch.setenv("PATH", str(tmp_path))
    if squeue:
        (tmp_path / "squeue").write_text(f"#!/bin/sh\n{squeue}\n")
        (tmp_path / "squeue").chmod(0o755)
    with pytest.raises(LeftOverError, match=said):
        refuse_left_over_jobs(tmp_path, "ossum")


@pytest.fixture
def locked(tmp_path):
    """Makes folders read-only, also for root."""
    locked = []

    def lock(folder: Path) -> None:
        folder.mkdir(exist_ok=True, parents=True)
        folder.chmod(0o555)
        if os.geteuid() == 0:
            command = [shutil.which("chattr") or "false", "+i", str(folder)]
            if subprocess.run(command, capture_output=True).returncode:
                pytest.skip("root may write everywhere, and chattr does not work here")
        locked.append(folder)

    yield lock
    for folder in locked:
        if os.geteuid() == 0:
            subprocess.run(["chattr", "-i", str(folder)], check=True)
        folder.chmod(0o755)


@pytest.mark.parametrize("name", ["", "results", "data"])
def test_a_folder_without_permission_is_named_before_any_job(tmp_path, locked, name):
    run = tmp_path / "run"
    locked(run / name)
    said = refused(run, CELL)
    assert f"no permission to write into {run / name}: get it (chmod, chown)" in said
    assert not list(run.rglob("*.json"))


def test_data_of_somebody_else_may_be_read_only(copy, locked):
    locked(copy / "data")
    snakemake(copy, FIG1, *FORCE_PRUNING, config=copy / "config.yaml")


def test_a_folder_further_down_is_named_and_what_is_finished_is_kept(tmp_path, locked):
    locked(tmp_path / "results/evaluations")
    said = refused(tmp_path, CELL)
    assert "Operation not permitted: 'results/evaluations/" in said or "Permission denied" in said
    assert len(list(tmp_path.rglob("results/subnetworks/**/*.safetensors"))) == 1
    assert NOTHING not in said
