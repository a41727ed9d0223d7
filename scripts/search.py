"""Search all combinations of widths of one network by one method."""

from time import perf_counter

from ossum.cells import RESULTS, Cell
from ossum.datasets import load
from ossum.device import describe, set_up
from ossum.fingerprints import Fingerprints
from ossum.job import network_of
from ossum.options import PruningOptions
from ossum.progress import job_log
from ossum.provenance import provenance
from ossum.pruning.view import TrainingView
from ossum.results import write
from ossum.search import search

PATTERN = RESULTS["search"]

with job_log(snakemake.log[0]):
    device = set_up(snakemake.config, snakemake.resources.processors)
    start = perf_counter()
    cell = Cell.parse(snakemake.output[0], PATTERN)
    expected = Fingerprints(**snakemake.params.made_from)
    made_from = expected.stages["search"]
    network = network_of(cell, expected)
    train = load(snakemake.input.data, "train").to(device)
    options = PruningOptions.of_methods(expected.options)
    view = TrainingView(network, train, options, cell.seed)
    test = load(snakemake.input.data, "test").to(device)
    rows = search(cell.method, view, test, made_from["options"]["fractions"])
    key = cell.columns() | {"stage": "search", "epoch": 0, "diverged": False}
    key["seconds"] = (perf_counter() - start) / len(rows)
    facts = provenance(made_from["code"], snakemake.resources.processors, **describe(device))
    facts["fingerprint"] = expected.result(cell, "search")
    write([key | row for row in rows], cell.path(PATTERN), facts)
