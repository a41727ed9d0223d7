"""Search all combinations of widths of a network by every method of its grid."""

from ossum.analysis.search import search
from ossum.config.options import PruningOptions
from ossum.pruning.view import TrainingView
from ossum.workflow.job import Job

with Job.of(snakemake) as job:
    options = PruningOptions.of_methods(snakemake.params.options)
    view = TrainingView(job.network(), job.data("train"), options, job.seed)
    test = job.data("test")
    rows = [
        {"method": method, "sparsity": None} | row
        for method in snakemake.params.methods
        for row in search(method, view, test, snakemake.params.fractions)
    ]
    job.write(rows)
