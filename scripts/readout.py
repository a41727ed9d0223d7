"""Fit readouts of the hidden neurons that subnetworks keep: every cell of a fused job."""

import logging
from dataclasses import asdict
from time import perf_counter

from threadpoolctl import threadpool_limits

from ossum.cells import RESULTS, SUBNETWORK, Cell
from ossum.datasets import load
from ossum.device import describe, set_up
from ossum.evaluation import accounting
from ossum.fingerprints import Fingerprints
from ossum.job import by_network, network_of, unfinished
from ossum.options import ReadoutOptions
from ossum.progress import job_log
from ossum.provenance import provenance
from ossum.readout import readout
from ossum.recipes import Recipe
from ossum.results import saved_fingerprint, write
from ossum.tensor_files import load_subnetwork

PATTERN = RESULTS["readout"]


def fit(recipe: Recipe, cells: list[Cell]) -> None:
    """Fit a readout for each of `cells`, subnetworks of one network, and write their rows."""
    expected = Fingerprints(**snakemake.params.made_from)

    def fingerprint(cell: Cell) -> str:
        return expected.result(cell, "readout")

    todo = unfinished(cells, PATTERN, fingerprint, saved_fingerprint, snakemake.rule)
    logging.info("%s: %d of %d cells to do", recipe, len(todo), len(cells))
    if not todo:
        return
    made_from = expected.stages["readout"]
    options = ReadoutOptions.model_validate(made_from["options"])
    network = network_of(todo[0], expected)
    train, test = (load(snakemake.input.data, split).to(device) for split in ("train", "test"))
    facts = provenance(made_from["code"], snakemake.resources.processors, **describe(device))
    for cell in todo:
        start = perf_counter()
        subnetwork = load_subnetwork(cell.path(SUBNETWORK), expected.subnetwork(cell))
        small = subnetwork.of(network)
        on_train, on_test = readout(small, train, test, options)
        row = cell.columns() | {"stage": "readout", "epoch": 0, "diverged": False}
        row |= accounting(network.layer_sizes, small.layer_sizes)
        row |= asdict(on_test) | {"accuracy": on_test.accuracy, "train_loss": on_train.loss}
        row["seconds"] = perf_counter() - start
        write([row], cell.path(PATTERN), facts | {"fingerprint": fingerprint(cell)})


with job_log(snakemake.log[0]), threadpool_limits(snakemake.resources.processors):
    device = set_up(snakemake.config, snakemake.resources.processors)
    for recipe, cells in by_network(Cell.parse(p, PATTERN) for p in snakemake.output):
        fit(recipe, cells)
