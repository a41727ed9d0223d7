"""Statistics of the weights that subnetworks keep: every cell of a fused job."""

import torch

from ossum.cells import RESULTS, SUBNETWORK, Cell
from ossum.fingerprints import Fingerprints
from ossum.job import by_network, network_of, unfinished
from ossum.progress import job_log, progress
from ossum.provenance import provenance
from ossum.results import STATISTICS, saved_fingerprint, write
from ossum.tensor_files import load_subnetwork
from ossum.weight_statistics import weight_statistics

PATTERN = RESULTS["statistics"]


def describe(cells: list[Cell]) -> None:
    """Describe all of `cells`, subnetworks of one network, and write their rows."""
    expected = Fingerprints(**snakemake.params.made_from)

    def fingerprint(cell: Cell) -> str:
        return expected.result(cell, "statistics")

    todo = unfinished(cells, PATTERN, fingerprint, saved_fingerprint, snakemake.rule)
    if not todo:
        return
    network = network_of(todo[0], expected)
    code, threads = expected.stages["statistics"]["code"], snakemake.resources.processors
    facts = provenance(code, threads, "cpu", expected.precision)
    for cell in progress(todo, "weight statistics"):
        subnetwork = load_subnetwork(cell.path(SUBNETWORK), expected.subnetwork(cell))
        key = cell.columns() | {"stage": "statistics"}
        rows = [key | row for row in weight_statistics(network, subnetwork)]
        metadata = facts | {"fingerprint": fingerprint(cell)}
        write(rows, cell.path(PATTERN), metadata, STATISTICS)


with job_log(snakemake.log[0]):
    torch.set_num_threads(snakemake.resources.processors)
    for _, cells in by_network(Cell.parse(p, PATTERN) for p in snakemake.output):
        describe(cells)
