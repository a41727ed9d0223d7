"""Measure what pruning costs: each method alone on each network of the grids."""

from ossum.architectures import Architecture
from ossum.cells import Cell
from ossum.costs import pruning_cost
from ossum.datasets import load
from ossum.device import describe, set_up
from ossum.networks import build
from ossum.options import PruningOptions
from ossum.progress import job_log, progress
from ossum.provenance import provenance
from ossum.recipes import Recipe
from ossum.results import COSTS, write


def measure(cell: Cell) -> dict:
    """The row of one cell."""
    recipe = Recipe.of(cell.dataset, cell.architecture, cell.activation, cell.init, cell.seed)
    widths = Architecture.parse(cell.architecture).kept_widths(cell.sparsity)
    train = load(f"data/{cell.dataset}.safetensors", "train").to(device)
    options = PruningOptions.of_methods(snakemake.params.options[cell.dataset])
    cost = pruning_cost(cell.method, build(recipe), widths, train, options, cell.seed)
    return cell.columns() | {"stage": "cost", "passes": cost.passes, "seconds": cost.seconds}


with job_log(snakemake.log[0]):
    threads = min(snakemake.threads, snakemake.resources.processors)
    device = set_up(snakemake.config, threads)
    cells = [Cell(**key) for key in snakemake.params.cells]
    rows = [measure(cell) for cell in progress(cells, "costs")]
    facts = provenance(snakemake.params.code, threads, **describe(device))
    write(rows, snakemake.output[0], facts, COSTS)
