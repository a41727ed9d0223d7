"""What jobs ask for: memory and time, from the sizes of their cells, and processors.

A retry asks for more of both. On one machine there are none unless `--retries` says so.
"""

from collections import Counter

import psutil
from ossum.architectures import Architecture
from ossum.cells import Cell
from ossum.memory import evaluate_mb, network_mb, prune_mb, readout_mb, search_mb, train_mb
from ossum.runtime import job_seconds, limit_minutes

# A GPU is asked for by the jobs that use it, where one must be there. On a cluster each gets its own,
# on one machine they share it.
GPU = {"gpu": 1} if CONFIG.device.startswith("cuda") else {}

# All jobs together on one machine, where the user sets no other limit; a job that declares more
# gets this much and makes do with it. On a cluster, whose jobs are counted by --jobs, its
# scheduler sees to that, and the machine here says nothing about those there.
if workflow.resource_settings.nodes is None:
    machine = {
        "mem_mb": int(0.95 * psutil.virtual_memory().total / 2**20),
        # Threads that wait for a processor slow each other down many times.
        "processors": psutil.cpu_count(),
    }
    if GPU:
        machine["gpu"] = 2  # start-up and small networks leave much of a card idle
    for name, limit in machine.items():
        if workflow.global_resources.get(name).value is None:
            workflow.register_resource(name, limit)


def processors(wildcards, threads):
    """What a job really uses where Snakemake was told of more cores than there are."""
    return min(threads, os.cpu_count())


def time_limit(stage, batch):
    """Minutes, more at every attempt. stage None: the wildcard."""

    def minutes(wildcards, threads, attempt):
        cells = batch.cells(dict(wildcards.items()), whole_networks=stage == "full")
        return attempt * limit_minutes(
            job_seconds(CONFIG, stage or wildcards.stage, cells, threads)
        )

    return minutes


def search_time_limit(wildcards, threads, attempt):
    cell = Cell.parse(RESULTS["search"].format(**wildcards), RESULTS["search"])
    return attempt * limit_minutes(job_seconds(CONFIG, "search", [cell], threads))


def pruning_memory(batch):
    return lambda wildcards, attempt: attempt * prune_mb(
        wildcards.dataset, wildcards.architecture, batch.methods
    )


def costs_memory(cells):
    return max([prune_mb(cell.dataset, cell.architecture, [cell.method]) for cell in cells] or [0])


def costs_time_limit(cells):
    return lambda wildcards, threads, attempt: attempt * limit_minutes(
        job_seconds(CONFIG, "cost", cells, threads)
    )


def evaluation_memory(batch):
    n_cells = batch.size("method", "sparsity")  # of one network
    return lambda wildcards, attempt: attempt * evaluate_mb(
        wildcards.dataset, wildcards.architecture, n_cells
    )


def statistics_memory(wildcards, attempt):
    return attempt * evaluate_mb(wildcards.dataset, wildcards.architecture, 1)


def search_memory(wildcards, attempt):
    n_fractions = len(CONFIG.search.fractions)
    return attempt * search_mb(wildcards.dataset, wildcards.architecture, n_fractions)


def readout_memory(batch):
    """One subnetwork after the other: enough for the largest."""
    return lambda wildcards, attempt: attempt * readout_mb(
        wildcards.dataset, wildcards.architecture, largest_widths(batch, wildcards)
    )


def largest_widths(batch, wildcards):
    """Kept hidden widths of the largest subnetworks of a job."""
    sparsities = batch.fused.get("sparsity") or [wildcards.sparsity]
    return Architecture.parse(wildcards.architecture).kept_widths(min(sparsities, key=float))


def training_memory(batch):
    """Enough for all subnetworks, and to train together those of equal widths."""
    n_members = batch.size("activation", "init", "method", "seed")

    def in_mb(wildcards, attempt):
        full, counts = Architecture.parse(wildcards.architecture), Counter()
        for sparsity in batch.fused.get("sparsity") or [wildcards.sparsity]:
            counts[full.kept_widths(sparsity)] += n_members
        return attempt * train_mb(wildcards.dataset, wildcards.architecture, counts)

    return in_mb


def network_training_memory(batch):
    n_members = batch.size("activation", "init", "seed")

    def in_mb(wildcards, attempt):
        counts = {Architecture.parse(wildcards.architecture).hidden: n_members}
        return attempt * train_mb(wildcards.dataset, wildcards.architecture, counts)

    return in_mb
