"""Evaluate subnetworks on the test set: every cell of a fused job, one pass a network."""

import logging
from pathlib import Path
from time import perf_counter

import torch

from ossum.cells import EVALUATION, SUBNETWORK, Cell
from ossum.datasets import load
from ossum.evaluation import evaluate_cells
from ossum.files import digest
from ossum.job import by_network, unfinished
from ossum.networks import build
from ossum.progress import job_log
from ossum.provenance import provenance
from ossum.recipes import Recipe
from ossum.results import read_metadata, write
from ossum.subnetwork_file import load_subnetwork


def fingerprint(cell: Cell) -> str:
    """What an evaluation is made from: the code and its subnetwork."""
    return digest(snakemake.params.code, Path(cell.path(SUBNETWORK)))


def saved_fingerprint(path: str) -> str | None:
    return (read_metadata(path) or {}).get("fingerprint")


def evaluate(recipe_path: Path, cells: list[Cell]) -> None:
    """Evaluate all of `cells`, subnetworks of one network, and write their rows."""
    start = perf_counter()
    todo = unfinished(cells, EVALUATION, fingerprint, saved_fingerprint, snakemake.rule)
    logging.info("%s: %d of %d cells to do", recipe_path, len(todo), len(cells))
    if not todo:
        return
    network = build(Recipe.read(recipe_path))
    subnetworks = [load_subnetwork(cell.path(SUBNETWORK)) for cell in todo]
    rows = evaluate_cells(network, subnetworks, load(snakemake.input.data, "test"))
    seconds = (perf_counter() - start) / len(todo)
    facts = provenance(snakemake.params.code, snakemake.threads)
    for cell, row in zip(todo, rows, strict=True):
        row |= cell.columns() | {"stage": "pruned", "seconds": seconds}
        write([row], cell.path(EVALUATION), facts | {"fingerprint": fingerprint(cell)})


with job_log(snakemake.log[0]):
    torch.set_num_threads(snakemake.threads)
    for recipe_path, cells in by_network(Cell.parse(p, EVALUATION) for p in snakemake.output):
        evaluate(recipe_path, cells)
