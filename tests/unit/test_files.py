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

from ossum.storage.files import atomic, check_folders, remove_leftovers

# Writes a file of 16 MB of one byte, again and again or until it is killed.
WRITER = """
import sys
from ossum.storage.files import atomic
while True:
    with atomic(sys.argv[1]) as temporary:
        temporary.write_bytes(sys.argv[2].encode() * (16 << 20))
"""


def test_a_file_appears_when_it_is_whole_and_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "a/b.txt"
    with atomic(path) as temporary:
        temporary.write_text("old")
        assert not path.exists()
        assert temporary.parent == path.parent and temporary.name.startswith(".")
    with pytest.raises(ZeroDivisionError), atomic(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


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
    path = tmp_path / "b"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), value], cwd=ROOT)
        for value in "abc"
    ]
    try:
        while not path.exists():
            time.sleep(0.05)
        for process in writers:
            for _ in range(5):
                content = path.read_bytes()
                assert content in {value * (16 << 20) for value in (b"a", b"b", b"c")}
                time.sleep(0.02)
            process.kill()
    finally:
        for process in writers:
            process.kill()
            assert process.wait() == -signal.SIGKILL


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
    with pytest.raises(PermissionError, match="read-only"), atomic(path):
        raise PermissionError(errno.EACCES, "read-only")
    assert not list(tmp_path.iterdir())


def test_leftovers_of_killed_writers_go_and_nothing_else(tmp_path):
    old, new, result = (tmp_path / name for name in (".b.1.part", ".b.2.part", "b"))
    for path in (old, new, result):
        path.touch()
    dead, going_on = (tmp_path / name for name in (".download-1.part", ".download-2.part"))
    for folder in (dead, going_on):
        folder.mkdir()
        (folder / "half").touch()
    for path in (old, result, dead / "half", dead, going_on):
        os.utime(path, (0, 0))
    remove_leftovers(tmp_path, tmp_path / "missing")
    assert sorted(tmp_path.iterdir()) == [new, going_on, result]


def test_permissions_are_those_of_other_files(tmp_path):
    """safetensors replaces the temporary file by one that only its owner can read."""
    plain, made = tmp_path / "plain", tmp_path / "made"
    plain.touch()
    with atomic(made) as temporary:
        temporary.chmod(0o600)
    assert made.stat().st_mode == plain.stat().st_mode


def test_what_is_no_folder_is_named(tmp_path, monkeypatch):
    check_folders(tmp_path, tmp_path / "to be made", writable=True)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError, match="file is a file where a folder has to be"):
        check_folders(tmp_path, tmp_path / "file")
    with pytest.raises(NotADirectoryError, match=r"link is a link to .*nowhere: nothing is there"):
        check_folders(tmp_path / "link")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    check_folders(tmp_path)
    with pytest.raises(PermissionError, match="no permission to write into"):
        check_folders(tmp_path / "to be made", writable=True)
