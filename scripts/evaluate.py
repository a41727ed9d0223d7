"""Evaluate subnetworks on the test set: every cell of a fused job, one pass a network."""

import logging
from time import perf_counter

from ossum.cells import RESULTS, SUBNETWORK, Cell
from ossum.datasets import load
from ossum.device import describe, set_up
from ossum.evaluation import evaluate_cells
from ossum.fingerprints import Fingerprints
from ossum.job import by_network, network_of, unfinished
from ossum.progress import job_log
from ossum.provenance import provenance
from ossum.recipes import Recipe
from ossum.results import saved_fingerprint, write
from ossum.tensor_files import load_subnetwork

PRUNED = RESULTS["pruned"]


def evaluate(recipe: Recipe, cells: list[Cell]) -> None:
    """Evaluate all of `cells`, subnetworks of one network, and write their rows."""
    start = perf_counter()
    expected = Fingerprints(**snakemake.params.made_from)

    def fingerprint(cell: Cell) -> str:
        return expected.result(cell, "pruned")

    todo = unfinished(cells, PRUNED, fingerprint, saved_fingerprint, snakemake.rule)
    logging.info("%s: %d of %d cells to do", recipe, len(todo), len(cells))
    if not todo:
        return
    network = network_of(todo[0], expected)
    subnetworks = [load_subnetwork(c.path(SUBNETWORK), expected.subnetwork(c)) for c in todo]
    rows = evaluate_cells(network, subnetworks, load(snakemake.input.data, "test").to(device))
    seconds = (perf_counter() - start) / len(todo)
    facts = provenance(
        expected.stages["pruned"]["code"], snakemake.resources.processors, **describe(device)
    )
    for cell, row in zip(todo, rows, strict=True):
        row |= cell.columns() | {"stage": "pruned", "epoch": 0, "diverged": False}
        row["seconds"] = seconds
        write([row], cell.path(PRUNED), facts | {"fingerprint": fingerprint(cell)})


with job_log(snakemake.log[0]):
    device = set_up(snakemake.config, snakemake.resources.processors)
    for recipe, cells in by_network(Cell.parse(p, PRUNED) for p in snakemake.output):
        evaluate(recipe, cells)
