"""Train or fine-tune subnetworks: every cell of a fused job, those of equal widths together."""

import logging
from collections import Counter
from time import perf_counter

from ossum.architectures import Architecture
from ossum.cells import RESULTS, SUBNETWORK, Cell
from ossum.datasets import load
from ossum.device import describe, memory_mb, set_up
from ossum.fingerprints import Fingerprints
from ossum.job import by_network, network_of, unfinished
from ossum.memory import left_for_ensemble_mb
from ossum.options import TrainingOptions
from ossum.progress import job_log
from ossum.provenance import provenance
from ossum.results import saved_fingerprint, write
from ossum.tensor_files import load_subnetwork
from ossum.training.curves import curve_rows
from ossum.training.ensemble import Member
from ossum.training.groups import train_networks
from ossum.training.rescaling import rescaled
from ossum.training.restart import Restart

STAGE = snakemake.wildcards.stage
PATTERN = RESULTS[STAGE]


def members(cells: list[Cell], expected: Fingerprints) -> list[Member]:
    """The networks to train, in the order of `cells`."""
    found = {}
    for _, group in by_network(cells):
        network = network_of(group[0], expected)
        for cell in group:
            subnetwork = load_subnetwork(cell.path(SUBNETWORK), expected.subnetwork(cell))
            small = subnetwork.of(network)
            found[cell] = Member(rescaled(small) if STAGE == "trained" else small, cell.seed)
    return [found[cell] for cell in cells]


def ensemble_memory_mb(cells: list[Cell]) -> int:
    """What ensembles may take of the job's memory."""
    dataset, architecture = cells[0].dataset, cells[0].architecture
    full = Architecture.parse(architecture)
    counts = Counter(full.kept_widths(cell.sparsity) for cell in cells)
    of_host = left_for_ensemble_mb(snakemake.resources.mem_mb, dataset, architecture, counts)
    return memory_mb(device, of_host)


def train(cells: list[Cell]) -> None:
    """Train the subnetworks of all of `cells` and write their learning curves."""
    expected = Fingerprints(**snakemake.params.made_from)

    def fingerprint(cell: Cell) -> str:
        return expected.result(cell, STAGE)

    todo = unfinished(cells, PATTERN, fingerprint, saved_fingerprint, snakemake.rule)
    logging.info("%s: %d of %d cells to do", STAGE, len(todo), len(cells))
    restart = Restart(STAGE, [fingerprint(cell) for cell in cells])
    if not todo:
        restart.remove()  # the job may have been killed when it had just written everything
        return
    made_from = expected.stages[STAGE]
    facts = provenance(made_from["code"], snakemake.resources.processors, **describe(device))
    start = perf_counter()
    for trained in train_networks(
        members(todo, expected),
        load(snakemake.input.data, "train").to(device),
        load(snakemake.input.data, "test").to(device),
        TrainingOptions.model_validate(made_from["options"]),
        ensemble_memory_mb(cells),  # not of `todo`: then what is left trains in the same company
        restart,
    ):
        seconds = (perf_counter() - start) / len(trained)
        for i, result in trained.items():
            cell = todo[i]
            key = cell.columns() | {"stage": STAGE, "seconds": seconds}
            rows = [key | row for row in curve_rows(cell.architecture, result)]
            write(rows, cell.path(PATTERN), facts | {"fingerprint": fingerprint(cell)})
        start = perf_counter()
    restart.remove()


with job_log(snakemake.log[0]):
    device = set_up(snakemake.config, snakemake.resources.processors)
    train([Cell.parse(path, PATTERN) for path in snakemake.output])
