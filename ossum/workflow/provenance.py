"""Where a result comes from: the code that made it and the machine it was made on."""

import ast
import hashlib
import io
import os
import platform
import subprocess
import tokenize
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = "ossum"
# Packages and modules that decide how work is done and kept, or list what there is, but no result:
# a change of theirs makes nothing stale. (Data are pinned by checksums, wherever they come from.
# Values of options are parameters of the rules.)
NOT_HASHED = (
    "ossum.config.grids",
    "ossum.config.options",
    "ossum.config.registry",
    "ossum.config.schema",
    "ossum.datasets.sources",
    "ossum.progress",
    "ossum.storage",
    "ossum.training.checkpoint",
    "ossum.workflow",
)


@cache
def code_hash(script: str, *modules: str) -> str:
    """Hash of a script (relative to the repository), of modules, and of all that they import.

    It is of the text of `ossum` modules without comments, docstrings, layout and paths:
    to move a file or to explain it makes nothing stale. Imports are followed in the text, without
    running it, so that planning a workflow loads neither torch nor any method.
    """
    texts = sorted(_text(path) for path in sources(script, *modules))
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def sources(script: str, *modules: str) -> list[Path]:
    """The files that `code_hash` covers."""
    todo = [ROOT / script, *(path for module in modules for path in _files(module))]
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += _imports(path)
    return sorted(seen)


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Files of the `ossum` modules that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    names = [name for node in ast.walk(tree) for name, _ in _imported(node, path)]
    return tuple(file for name in names for file in _files(name))


def _imported(node: ast.AST, path: Path) -> Iterator[tuple[str, str]]:
    """What a statement of a file imports, absolutely, and what the file calls it."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, alias.asname or alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        folders = path.relative_to(ROOT).parent.parts
        package = folders[: len(folders) - node.level + 1] if node.level else ()
        module = ".".join([*package, *filter(None, [node.module])])
        yield from ((f"{module}.{a.name}", a.asname or a.name) for a in node.names)


def _files(name: str) -> list[Path]:
    """The files of a module (or of a name in it) and of the packages that it is in.

    Not that of `ossum` itself: it has the version and shortcuts for people.
    """
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return []
    found = []
    for end in range(2, len(parts) + 1):
        module = ".".join(parts[:end])
        if any(f"{module}.".startswith(f"{other}.") for other in NOT_HASHED):
            continue
        path = ROOT.joinpath(*parts[:end])
        found += [file for file in (path / "__init__.py", path.with_suffix(".py")) if file.exists()]
    return found


@cache
def _text(path: Path) -> str:
    """The lines of a file without comments, docstrings, blank lines and line ends; and what it
    imports, without the paths of our own modules.

    By positions in the text, which are the same in every version of Python.
    """
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    tree = ast.parse(text, str(path))
    imports = set()
    for node in ast.walk(tree):
        for name, called in _imported(node, path):
            own = name.split(".")[0] == PACKAGE
            imports.add(f"{name.rpartition('.')[2] if own else name} as {called}")
        gone = [node] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            gone += node.body[:1] if ast.get_docstring(node) is not None else []
        for statement in gone:
            for row in range(statement.lineno - 1, statement.end_lineno):
                lines[row] = ""
    code = [line.rstrip() for line in lines if line.strip()]
    return "\n".join([*sorted(imports), *code])


def provenance(code: str, threads: int, **device: str) -> dict[str, str]:
    """Facts to store beside a result: code, commit, package versions, machine, time (UTC).

    device: what `ossum.workflow.device.describe` says.
    """
    return {
        "code": code,
        "commit": git("rev-parse", "HEAD") or "unknown",
        "dirty": str(bool(git("status", "--porcelain", "--untracked-files=no"))),
        "python": platform.python_version(),
        **{
            name: version(name)
            for name in ("torch", "numpy", "pyarrow", "scikit-learn", "snakemake")
        },
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        **device,
        "threads": str(threads),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def git(*arguments: str) -> str:
    """What git says of this repository; "" without git or outside of a repository."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=ROOT,
            env=os.environ | {"GIT_CEILING_DIRECTORIES": str(ROOT.parent)},  # of no other around it
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
