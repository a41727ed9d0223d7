"""What the scripts of fused jobs share: which of a job's cells are still to do, and on what."""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path

from ossum.cells import NETWORK, TRAINED_NETWORK, Cell
from ossum.fingerprints import Fingerprints
from ossum.networks import Network, build
from ossum.recipes import Recipe
from ossum.tensor_files import load_network


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
            os.utime(path)  # not touch, which would make a file that was deleted just now
        else:
            todo.append(cell)
    return todo


def by_network(cells: Iterable[Cell]) -> Iterator[tuple[Recipe, list[Cell]]]:
    """Cells grouped by network, with its recipe, which is read from its file and checked."""

    def path_of(cell: Cell) -> str:
        return cell.path(NETWORK)

    for _, group in groupby(sorted(cells, key=path_of), key=path_of):
        members = list(group)
        yield recipe_of(members[0]), members


def recipe_of(cell: Cell) -> Recipe:
    """The recipe of a cell's network, read from its file and checked."""
    expected = Recipe.of(cell.dataset, cell.architecture, cell.activation, cell.init, cell.seed)
    return Recipe.read(Path(cell.path(NETWORK)), expected)


def network_of(cell: Cell, expected: Fingerprints) -> Network:
    """The network, as drawn or trained, that a cell is pruned from."""
    recipe = recipe_of(cell)
    if cell.origin == "init":
        return build(recipe)
    return load_network(recipe, cell.path(TRAINED_NETWORK), expected.trained_network(cell))
