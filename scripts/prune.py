"""Prune networks: every cell of a fused job, sharing one forward pass a network."""

import logging
from collections import defaultdict

from ossum.architectures import Architecture
from ossum.cells import SUBNETWORK, Cell
from ossum.datasets import load
from ossum.device import memory_mb, set_up
from ossum.fingerprints import Fingerprints
from ossum.job import by_network, network_of, unfinished
from ossum.memory import prune_mb
from ossum.options import PruningOptions
from ossum.progress import job_log
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView
from ossum.recipes import Recipe
from ossum.registry import METHODS
from ossum.tensor_files import save_subnetwork, saved_fingerprint


def prune(recipe: Recipe, cells: list[Cell]) -> None:
    """Prune one network to all of `cells` and write their files."""
    expected = Fingerprints(**snakemake.params.made_from)
    todo = unfinished(cells, SUBNETWORK, expected.subnetwork, saved_fingerprint, snakemake.rule)
    logging.info("%s: %d of %d cells to do", recipe, len(todo), len(cells))
    if not todo:
        return
    by_method = defaultdict(list)
    for cell in todo:
        by_method[cell.method].append(cell)
    available = memory_mb(device, snakemake.resources.mem_mb)
    cache = any(METHODS[method].reads_activations for method in by_method)
    if cache and prune_mb(recipe.dataset, recipe.architecture, by_method) > available:
        logging.warning("activations do not fit in %d MiB: recomputing them, slowly", available)
        cache = False
    network = network_of(todo[0], expected)
    train = load(snakemake.input.data, "train").to(device)
    options = PruningOptions.of_methods(expected.options)
    view = TrainingView(network, train, options, recipe.seed, cache)
    for method, group in by_method.items():
        logging.info("%s: %d subnetworks", method, len(group))
        widths = [Architecture.parse(c.architecture).kept_widths(c.sparsity) for c in group]
        subnetworks = prune_network(method, network, widths, view)
        for cell, subnetwork in zip(group, subnetworks, strict=True):
            save_subnetwork(subnetwork, cell.path(SUBNETWORK), expected.subnetwork(cell))


with job_log(snakemake.log[0]):
    device = set_up(snakemake.config, snakemake.resources.processors)
    for recipe, cells in by_network(Cell.parse(p, SUBNETWORK) for p in snakemake.output):
        prune(recipe, cells)
