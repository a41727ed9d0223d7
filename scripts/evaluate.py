"""Evaluate subnetworks on the test set: every cell of a fused job, one pass a network."""

import logging
from time import perf_counter

import torch

from ossum.cells import EVALUATION, SUBNETWORK, Cell
from ossum.datasets import load
from ossum.evaluation import evaluate_cells
from ossum.fingerprints import Fingerprints
from ossum.job import by_network, unfinished
from ossum.networks import build
from ossum.progress import job_log
from ossum.provenance import provenance
from ossum.recipes import Recipe
from ossum.results import saved_fingerprint, write
from ossum.subnetwork_file import load_subnetwork


def evaluate(recipe: Recipe, cells: list[Cell]) -> None:
    """Evaluate all of `cells`, subnetworks of one network, and write their rows."""
    start = perf_counter()
    expected = Fingerprints(**snakemake.params.made_from)
    todo = unfinished(cells, EVALUATION, expected.evaluation, saved_fingerprint, snakemake.rule)
    logging.info("%s: %d of %d cells to do", recipe, len(todo), len(cells))
    if not todo:
        return
    network = build(recipe)
    subnetworks = [load_subnetwork(c.path(SUBNETWORK), expected.subnetwork(c)) for c in todo]
    rows = evaluate_cells(network, subnetworks, load(snakemake.input.data, "test"))
    seconds = (perf_counter() - start) / len(todo)
    facts = provenance(expected.evaluate, snakemake.threads)
    for cell, row in zip(todo, rows, strict=True):
        row |= cell.columns() | {"stage": "pruned", "seconds": seconds}
        write([row], cell.path(EVALUATION), facts | {"fingerprint": expected.evaluation(cell)})


with job_log(snakemake.log[0]):
    torch.set_num_threads(snakemake.threads)
    for recipe, cells in by_network(Cell.parse(p, EVALUATION) for p in snakemake.output):
        evaluate(recipe, cells)
