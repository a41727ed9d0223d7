"""Evaluate subnetworks that were trained or fine-tuned, from their weights."""

from ossum.networks.evaluation import evaluate_networks
from ossum.workflow.job import Job, with_cuts

with Job.of(snakemake) as job:
    networks = job.networks()
    sparsity = float(snakemake.wildcards.sparsity)
    rows = evaluate_networks(list(networks.values()), job.recipe.layer_sizes, job.data("test"))
    job.write(with_cuts([(method, sparsity) for method in networks], rows))
