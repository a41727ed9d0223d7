"""Prune a network by every method of its grid to every sparsity."""

import logging

from ossum.config.architectures import Architecture
from ossum.config.options import PruningOptions
from ossum.config.registry import METHODS
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView
from ossum.workflow.job import Job
from ossum.workflow.resources import prune_mb

with Job.of(snakemake) as job:
    recipe = job.recipe
    by_method = {}
    for method, sparsity in snakemake.params.cuts:
        by_method.setdefault(method, []).append(sparsity)
    cache = any(METHODS[method].reads_activations for method in by_method)
    needed = prune_mb(recipe.dataset, recipe.architecture, snakemake.params.options)
    if cache and needed > job.memory_mb():
        logging.warning("activations do not fit in %d MiB: recomputing them", job.memory_mb())
        cache = False
    network = job.network()
    options = PruningOptions.of_methods(snakemake.params.options)
    view = TrainingView(network, job.data("train"), options, job.seed, cache)
    kept_widths = Architecture.parse(recipe.architecture).kept_widths
    subnetworks = {}
    for method, sparsities in by_method.items():
        logging.info("%s: %d subnetworks", method, len(sparsities))
        pruned = prune_network(method, network, [kept_widths(s) for s in sparsities], view)
        subnetworks |= zip([(method, s) for s in sparsities], pruned, strict=True)
    job.save_subnetworks(subnetworks)
