"""What the scripts of fused jobs share: which of a job's cells are still to do."""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path

from ossum.cells import NETWORK, Cell


def unfinished(
    cells: Iterable[Cell],
    pattern: str,
    wanted: Callable[[Cell], str],
    saved: Callable[[str], str | None],
    rule: str,
) -> list[Cell]:
    """The cells whose file does not carry the wanted fingerprint, or which the user forces, by
    rule or by path (--forceall, --forcerun).

    A finished file is marked as current, because Snakemake compares times across a whole job.
    """
    forced = set(os.environ.get("OSSUM_FORCE", "").split())
    todo = []
    for cell in cells:
        path = cell.path(pattern)
        if not forced & {"all", rule, path} and saved(path) == wanted(cell):
            Path(path).touch()
        else:
            todo.append(cell)
    return todo


def by_network(cells: Iterable[Cell]) -> Iterator[tuple[Path, list[Cell]]]:
    """Cells grouped by the recipe of their network."""

    def recipe(cell: Cell) -> str:
        return cell.path(NETWORK)

    for path, group in groupby(sorted(cells, key=recipe), key=recipe):
        yield Path(path), list(group)
