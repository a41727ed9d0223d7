"""Measure what pruning a network costs: each method of its grid alone, at each sparsity."""

from ossum.analysis.pruning_cost import pruning_cost
from ossum.config.architectures import Architecture
from ossum.config.options import PruningOptions
from ossum.networks.forward import class_sums
from ossum.storage.results import COSTS
from ossum.workflow.job import Job

with Job.of(snakemake) as job:
    network, train = job.network(), job.data("train")
    options = PruningOptions.of_methods(snakemake.params.options)
    widths = Architecture.parse(job.recipe.architecture).kept_widths
    rows = []
    class_sums(network, train)  # the first pass of a process takes longer than those that follow
    for method, sparsity in snakemake.params.cuts:
        cost = pruning_cost(method, network, widths(sparsity), train, options, job.seed)
        row = {"passes": cost.passes, "seconds": cost.seconds}
        rows.append({"method": method, "sparsity": sparsity} | row)
    job.write(rows, COSTS)
