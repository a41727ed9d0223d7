"""Draw one figure from its table."""

from ossum.figures import draw
from ossum.progress import job_log
from ossum.results import read

with job_log(snakemake.log[0]):
    draw(snakemake.params.figure, read(snakemake.input[0]), snakemake.output)
