"""Files are whole or absent, whoever writes them and whatever happens meanwhile."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest
from helpers import ROOT
from safetensors import SafetensorError
from safetensors.torch import load_file

from ossum.files import atomic, remove_leftovers

# Writes a file of 16 MB of one value, again and again or until it is killed.
WRITER = """
import sys, torch
from pathlib import Path
from safetensors.torch import save_file
from ossum.files import atomic
value = int(sys.argv[2])
while True:
    with atomic(sys.argv[1]) as temporary:
        save_file({"a": torch.full((4 << 20,), value, dtype=torch.int32)}, temporary)
"""


def writer(path, value: int) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(value)], cwd=ROOT)


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "a/b.txt"
    with atomic(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.parent == path.parent and temporary.name.startswith(".")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "b.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    seen = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda f: seen.append("content") or fsync(f))
    monkeypatch.setattr(os, "replace", lambda *a: seen.append("name") or replace(*a))
    with atomic(tmp_path / "b.txt") as temporary:
        temporary.write_text("new")
    assert seen == ["content", "name"]


def test_writers_of_one_file_and_their_deaths_never_show(tmp_path):
    """Three write the same file and are killed in the middle, one after the other."""
    path = tmp_path / "b.safetensors"
    writers = [writer(path, value) for value in range(3)]
    try:
        while not path.exists():
            time.sleep(0.05)
        seen = set()
        for process in writers:
            for _ in range(5):
                values = load_file(path)["a"]
                assert (values == values[0]).all() and len(values) == 4 << 20
                seen.add(int(values[0]))
                time.sleep(0.02)
            process.kill()
        assert seen <= {0, 1, 2}
    finally:
        for process in writers:
            process.kill()
            assert process.wait() == -signal.SIGKILL
    assert (load_file(path)["a"] == load_file(path)["a"][0]).all()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        SafetensorError("Error: I/O error: No space left on device (os error 28)"),
    ],
)
def test_no_space_is_said_with_what_to_do(tmp_path, error):
    path = tmp_path / "b.txt"
    with pytest.raises(OSError, match=r"free some space and run again.*b\.txt"), atomic(path):
        raise error
    assert not list(tmp_path.iterdir())


def test_other_errors_are_not_called_no_space(tmp_path):
    with pytest.raises(PermissionError, match="read-only"), atomic(tmp_path / "b.txt"):
        raise PermissionError(errno.EACCES, "read-only")


def test_leftovers_of_killed_writers_go_and_nothing_else(tmp_path):
    old, new, result = tmp_path / "a/.b.1.part", tmp_path / "a/.b.2.part", tmp_path / "a/b"
    (tmp_path / "a").mkdir()
    for path in (old, new, result):
        path.write_text("")
    for path in (old, result):
        os.utime(path, (0, 0))
    remove_leftovers(tmp_path, tmp_path / "missing")
    assert sorted((tmp_path / "a").iterdir()) == [new, result]


def test_temporary_files_are_readable_by_whom_other_files_are(tmp_path):
    """safetensors replaces the temporary file by one that only its owner can read."""
    plain, made = tmp_path / "plain", tmp_path / "made"
    plain.touch()
    with atomic(made) as temporary:
        temporary.chmod(0o600)
    assert made.stat().st_mode == plain.stat().st_mode
