"""Statistics of the weights that the subnetworks of a network keep."""

from ossum.analysis.weight_statistics import weight_statistics
from ossum.progress import progress
from ossum.storage.results import STATISTICS
from ossum.workflow.job import Job

with Job.of(snakemake, on_processor=True) as job:
    network = job.network()
    rows = [
        {"method": method, "sparsity": sparsity} | row
        for (method, sparsity), subnetwork in progress(job.subnetworks().items(), "statistics")
        for row in weight_statistics(network, subnetwork)
    ]
    job.write(rows, STATISTICS)
