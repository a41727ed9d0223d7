"""Where a result comes from: the code that made it and the machine it was made on."""

import ast
import hashlib
import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "ossum"
# Modules that decide how work is done and kept, or list what there is, but no result: what they
# change must not re-run anything. (Data are pinned by checksums, wherever they come from.)
NOT_HASHED = {
    "ossum.cells",
    "ossum.device",
    "ossum.datasets.sources",
    "ossum.datasets.torchvision_import",
    "ossum.files",
    "ossum.fingerprints",
    "ossum.job",
    "ossum.memory",
    "ossum.orphans",
    "ossum.progress",
    "ossum.provenance",
    "ossum.training.restart",
    "ossum.registry",  # a method's function is hashed with it, sizes are checked against recipes
}


def code_hash(*sources: str) -> str:
    """Hash of source files (relative to the repository) and all `ossum` modules they import.

    Comments, docstrings and layout do not count. Imports are followed in the text, without running
    it, so that planning a workflow loads neither torch nor any method.
    """
    todo = [ROOT / source for source in sources]
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += _imports(path)
    total = hashlib.sha256()
    for path in sorted(seen):
        total.update(f"{path.relative_to(ROOT)}\n{_statements(path)}\n".encode())
    return total.hexdigest()[:16]


def module_source(module: str) -> str:
    """The file of a module such as "ossum.pruning.scores", relative to the repository."""
    path = Path(*module.split("."))
    package = path / "__init__.py"
    return str(package if (ROOT / package).exists() else path.with_suffix(".py"))


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Files of the `ossum` modules (and of their packages) that the file imports."""
    found = []
    for name in _imported_names(path):
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            module = ".".join(parts[:end])
            file = ROOT / module_source(module)
            if module not in NOT_HASHED and file.exists():
                found.append(file)
    return tuple(found)


def _imported_names(path: Path) -> Iterator[str]:
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            parts = [*base, *([node.module] if node.module else [])]
            names = [".".join([*parts, alias.name]) for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == PACKAGE)


@cache
def _statements(path: Path) -> str:
    """The code of a file without comments, docstrings and layout."""
    tree = ast.parse(path.read_text(), str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def provenance(code: str, threads: int, device: str, precision: str) -> dict[str, str]:
    """Facts to store beside a result: code, commit, package versions, machine, time (UTC)."""
    return {
        "code": code,
        "commit": _git("rev-parse", "HEAD") or "unknown",
        "dirty": str(bool(_git("status", "--porcelain", "--untracked-files=no"))),
        "python": platform.python_version(),
        **{
            name: version(name)
            for name in ("torch", "numpy", "pyarrow", "scikit-learn", "snakemake")
        },
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "device": device,
        "precision": precision,
        "threads": str(threads),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
