"""Files that are whole or absent."""

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, ENOSPC
from pathlib import Path


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Write to the temporary path given; it becomes `path` in one step if the block succeeds.

    Several processes, on several machines, may write the same file; the last one stays, whole. The
    content is on the disk before the name is, so a power cut leaves no empty file. It may take the
    name away, but then the file is missing and is made again.

    OSError that says what to do if there is no space left.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # some libraries replace the file by one that only its owner may read
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except Exception as error:
        if _no_space(error):
            raise OSError(
                ENOSPC,
                "no space left on the disk (or in your quota). What is finished is kept: free some "
                "space and run again. Not written",
                str(path),
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def check_folders(*folders: str | Path, writable: bool = False) -> None:
    """Check that each of `folders` is a folder, or can be made if `writable`, and written to.

    OSError naming the first one that is not, and what to do about it.
    """
    for folder in map(Path, folders):
        if folder.is_symlink() and not folder.exists():
            raise NotADirectoryError(f"{folder} is a link to {folder.readlink()}: nothing is there")
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(f"{folder} is a file where a folder has to be: move it away")
        there = (folder if folder.exists() else folder.parent).resolve()
        if writable and not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(
                f"no permission to write into {there}: get it (chmod, chown), or run in a folder "
                "of your own (snakemake --directory)"
            )


def remove_leftovers(*folders: str | Path) -> None:
    """Delete temporary files, and folders of downloads, that killed writers left behind at least an
    hour ago."""
    for folder in folders:
        for path in list(Path(folder).rglob(".*.part")):
            with suppress(OSError):  # gone meanwhile, or somebody else's
                last = max(each.stat().st_mtime for each in (path, *path.rglob("*")))
                if time.time() - last > 3600:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _no_space(error: Exception) -> bool:
    # safetensors has an error of its own, with the number in its text.
    number = getattr(error, "errno", None)
    return any(n == number or f"(os error {n})" in str(error) for n in (ENOSPC, EDQUOT))


def digest(*parts: object) -> str:
    """SHA-256 of values that JSON can write."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
