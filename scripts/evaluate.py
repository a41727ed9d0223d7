"""Evaluate the subnetworks of a network, right after pruning, in one pass over the test set."""

from ossum.networks.evaluation import evaluation_rows
from ossum.workflow.job import Job, with_cuts

with Job.of(snakemake) as job:
    subnetworks = job.subnetworks()
    rows = evaluation_rows(job.network(), list(subnetworks.values()), job.data("test"))
    job.write(with_cuts(subnetworks, rows))
