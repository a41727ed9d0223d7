"""Fit a readout of the hidden neurons that each subnetwork of a network keeps."""

from threadpoolctl import threadpool_limits

from ossum.analysis.readout import readout
from ossum.config.options import ReadoutOptions
from ossum.networks.evaluation import row_of
from ossum.workflow.job import Job, with_cuts

with Job.of(snakemake) as job, threadpool_limits(snakemake.threads):
    network, subnetworks = job.network(), job.subnetworks()
    train, test = job.data("train"), job.data("test")
    options = ReadoutOptions(**snakemake.params.options)
    rows = []
    for subnetwork in subnetworks.values():
        small = subnetwork.of(network)
        on_train, on_test = readout(small, train, test, options)
        row = row_of(network.layer_sizes, small.layer_sizes, on_test)
        rows.append(row | {"train_loss": on_train.loss})
    job.write(with_cuts(subnetworks, rows))
