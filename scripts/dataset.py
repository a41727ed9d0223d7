"""Obtain, check and store one data set."""

from pathlib import Path

from ossum.datasets import prepare
from ossum.workflow.log import job_log

with job_log(snakemake.log[0]):
    path = Path(snakemake.output[0])
    prepare(snakemake.wildcards.dataset, path, folder=path.parent)
