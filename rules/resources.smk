"""How much jobs ask for: memory, from the sizes of their cells, and processors."""

from ossum.architectures import Architecture
from ossum.memory import evaluate_mb, network_mb, prune_mb, readout_mb, search_mb, train_mb


def processors(wildcards, threads):
    """What a job really uses where Snakemake was told of more cores than there are.

    The default profile limits their sum: with more threads than processors, jobs would take many
    times longer.
    """
    return min(threads, os.cpu_count())


def pruning_memory(batch):
    return lambda wildcards: prune_mb(wildcards.dataset, wildcards.architecture, batch.methods)


def costs_memory(cells):
    return max([prune_mb(cell.dataset, cell.architecture, [cell.method]) for cell in cells] or [0])


def evaluation_memory(batch):
    n_cells = batch.size("method", "sparsity")  # of one network
    return lambda wildcards: evaluate_mb(wildcards.dataset, wildcards.architecture, n_cells)


def statistics_memory(wildcards):
    return evaluate_mb(wildcards.dataset, wildcards.architecture, 1)


def search_memory(wildcards):
    n_fractions = len(CONFIG.search.fractions)
    return search_mb(wildcards.dataset, wildcards.architecture, n_fractions)


def readout_memory(batch):
    """One subnetwork after the other: enough for the largest."""
    return lambda wildcards: readout_mb(
        wildcards.dataset, wildcards.architecture, largest_widths(batch, wildcards)
    )


def largest_widths(batch, wildcards):
    """Kept hidden widths of the largest subnetworks of a job."""
    sparsities = batch.fused.get("sparsity") or [wildcards.sparsity]
    return Architecture.parse(wildcards.architecture).kept_widths(min(sparsities, key=float))


def training_memory(batch):
    """Enough for all subnetworks of the largest widths."""
    n_members = batch.size("activation", "init", "method", "seed")

    def in_mb(wildcards):
        widths = largest_widths(batch, wildcards)
        return train_mb(wildcards.dataset, wildcards.architecture, widths, n_members)

    return in_mb


def network_training_memory(batch):
    n_members = batch.size("activation", "init", "seed")

    def in_mb(wildcards):
        widths = Architecture.parse(wildcards.architecture).hidden
        return train_mb(wildcards.dataset, wildcards.architecture, widths, n_members)

    return in_mb
