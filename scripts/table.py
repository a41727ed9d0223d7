"""Gather the evaluations that a figure shows into one table."""

from ossum.progress import job_log
from ossum.results import read, write

with job_log(snakemake.log[0]):
    write(read(list(snakemake.input)), snakemake.output[0])
