"""Bad input and bad places: one message that says what to do, a failed run, nothing wrong used."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from workflows import DEEP, SHALLOW, configure, content, refused

DATA = "data/digits.safetensors"


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)


def test_a_recipe_that_is_damaged_or_drawn_by_another_torch_is_named(copy):
    before = content(copy)
    damaged, foreign = (copy / f"results/networks/{name}.json" for name in (SHALLOW, DEEP))
    damaged.write_text(damaged.read_text()[:-20])
    recipe = json.loads(foreign.read_text())
    other = {"torch": "1.0.0", "sha256": ["0" * 64, *recipe["sha256"][1:]]}
    foreign.write_text(json.dumps(recipe | other))
    said = refused(
        copy, "results/tables/fig1.parquet", "results/tables/fig3.parquet", "--keep-going"
    )
    name = f"results/networks/{SHALLOW}.json"
    assert said.count(f"ValueError: {name} does not describe a network") == 1
    drawn, here = re.escape("torch 1.0.0"), re.escape(f"torch {torch.__version__}")
    assert len(re.findall(f"{here} draws other weights from seed 0 .*{drawn}", said)) == 1
    assert said.count("delete it and run again") == 1
    damaged.unlink()
    foreign.unlink()
    after = content(copy)
    assert after == {path: before[path] for path in after} and len(after) > 10


def test_damaged_files_between_jobs_are_named(copy):
    """Subnetworks, weights, a table of results; and a sparsity that the grid does not prune to."""
    weights = f"results/trained-unscaled/layered/{DEEP}/sparsity=0.5.safetensors"
    subnetworks = f"results/subnetworks/shallow/{SHALLOW}.safetensors"
    curves = f"results/trained/layered/{DEEP}/sparsity=0.5.parquet"
    shutil.copy(copy / f"results/subnetworks/layered/{DEEP}.safetensors", copy / weights)
    for path in (weights, subnetworks):
        flip_a_bit(copy / path)
    (copy / curves).write_bytes((copy / curves).read_bytes()[:-9])
    said = refused(
        copy,
        f"results/evaluations/trained-unscaled/layered/{DEEP}/sparsity=0.5.parquet",
        f"results/evaluations/pruned/shallow/{SHALLOW}.parquet",
        "results/tables/fig6.parquet",
        f"results/trained/layered/{DEEP}/sparsity=0.25.parquet",
        "--keep-going",
    )
    for path in (weights, subnetworks, curves):
        assert said.count(f"ValueError: {path} is damaged (") == 1, path
    assert said.lower().count("delete it and run again") == 3
    assert said.count("ValueError: grids.layered does not prune to 0.25") == 1


def test_a_damaged_data_set_is_named_and_left_where_it_is(copy):
    flip_a_bit(copy / DATA)
    damaged = (copy / DATA).read_bytes()
    said = refused(copy, f"results/search/widths/{DEEP}.parquet")
    assert said.count(f"ValueError: {DATA} is not the prepared data set of that name") == 1
    assert "delete it and run again" in said
    assert (copy / DATA).read_bytes() == damaged


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said_before_any_job(tmp_path):
    configure(tmp_path / "config.yaml", {"device": "cuda"})
    said = refused(tmp_path, "figures/fig1.pdf")
    assert "device: 'cuda' asks for a GPU, but torch" in said
    assert "Finished jobid" not in said and not (tmp_path / "results").exists()


def test_a_link_to_nothing_is_named(tmp_path):
    configure(tmp_path / "config.yaml")
    (tmp_path / "results").symlink_to("/nowhere/results")
    said = refused(tmp_path, "figures", "--dry-run")
    assert "results is a link to /nowhere/results: nothing is there" in said


@pytest.fixture
def read_only(tmp_path):
    """A folder that is read-only, also for root."""
    folder = tmp_path / "results"
    folder.mkdir()
    folder.chmod(0o555)
    if os.geteuid() == 0:
        command = [shutil.which("chattr") or "false", "+i", str(folder)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("root may write everywhere, and chattr does not work here")
    yield folder
    if os.geteuid() == 0:
        subprocess.run(["chattr", "-i", str(folder)], check=True)
    folder.chmod(0o755)


def test_a_folder_without_permission_is_named_before_any_job(read_only, tmp_path):
    configure(tmp_path / "config.yaml")
    said = refused(tmp_path, "figures/fig1.pdf")
    assert f"no permission to write into {read_only}: get it (chmod, chown)" in said
    assert not (tmp_path / "data").exists()
