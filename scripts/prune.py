"""Prune networks: every cell of a fused job, sharing one forward pass a network."""

import logging
from collections import defaultdict

import torch

from ossum.architectures import Architecture
from ossum.cells import SUBNETWORK, Cell
from ossum.datasets import load
from ossum.files import digest
from ossum.job import by_network, unfinished
from ossum.memory import prune_mb
from ossum.networks import build
from ossum.options import PruningOptions
from ossum.progress import job_log
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView
from ossum.recipes import Recipe
from ossum.registry import METHODS
from ossum.subnetwork_file import save_subnetwork, saved_fingerprint


def prune(recipe_path, cells: list[Cell]) -> None:
    """Prune one network to all of `cells` and write their files."""
    recipe = Recipe.read(recipe_path)
    options = PruningOptions.model_validate(snakemake.params.options)

    def fingerprint(cell: Cell) -> str:
        code = snakemake.params.code[cell.method]
        return digest(code, options.of(cell.method), recipe.to_json(), cell.sparsity)

    todo = unfinished(cells, SUBNETWORK, fingerprint, saved_fingerprint, snakemake.rule)
    logging.info("%s: %d of %d cells to do", recipe_path, len(todo), len(cells))
    if not todo:
        return
    by_method = defaultdict(list)
    for cell in todo:
        by_method[cell.method].append(cell)
    cache = any(METHODS[method].reads_activations for method in by_method)
    if cache and prune_mb(recipe.dataset, recipe.architecture, by_method) > memory_mb:
        logging.warning("activations do not fit in %d MiB: recomputing them, slowly", memory_mb)
        cache = False
    network = build(recipe)
    view = TrainingView(network, load(snakemake.input.data, "train"), options, recipe.seed, cache)
    for method, group in by_method.items():
        logging.info("%s: %d subnetworks", method, len(group))
        widths = [Architecture.parse(c.architecture).kept_widths(c.sparsity) for c in group]
        for cell, subnetwork in zip(
            group, prune_network(method, network, widths, view), strict=True
        ):
            save_subnetwork(subnetwork, cell.path(SUBNETWORK), fingerprint(cell))


with job_log(snakemake.log[0]):
    torch.set_num_threads(snakemake.threads)
    memory_mb = snakemake.resources.mem_mb
    for recipe_path, cells in by_network(Cell.parse(p, SUBNETWORK) for p in snakemake.output):
        prune(recipe_path, cells)
