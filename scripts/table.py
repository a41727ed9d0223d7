"""Gather the evaluations that a figure shows into one table."""

from ossum.progress import job_log
from ossum.results import merged_metadata, read, write

with job_log(snakemake.log[0]):
    cells = list(snakemake.input)
    write(read(cells), snakemake.output[0], merged_metadata(cells))
