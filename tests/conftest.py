"""Settings of all tests, and the finished run that many of them look at."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest
import torch
from workflows import TARGETS, configure, snakemake

from ossum.workflow.device import is_amd, set_precision

# Files that take minutes, longest first: tests are spread over processes by file. Those on Slurm
# mostly wait, so that three processes keep two cores busy.
LONG = ["cluster", "stages", "interrupted", "rules", "changes", "bad_input"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, or it would be waited for at the end."""
    order = {f"test_{name}.py": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONG)))


@pytest.fixture(autouse=True, scope="session")
def as_in_jobs():
    """Products as jobs make them. On one thread: networks in tests are so small that several only
    wait for each other."""
    torch.set_num_threads(1)
    set_precision("float32", torch.device("cpu"))


@pytest.fixture
def one_order():
    """For tests of equality to the last bit: what MKL adds up on an AMD processor depends on where
    in memory an array begins. With AVX-512 oneDNN does it (`ossum.workflow.device`)."""
    if is_amd() and torch.get_float32_matmul_precision() != "medium":
        pytest.skip("MKL's sums depend on addresses on this processor")


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A finished run of the small configuration. All processes of a test run share it: look, and
    change only a copy."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "finished"
    with (shared / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "run.log").exists():
            configure(folder / "config.yaml")
            said = snakemake(folder, *TARGETS)
            (folder / "run.log").write_text(said)
    return folder


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    """A copy of the finished run, times of files included."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path
