"""Draw one figure from its table, beside that of the reference if there are two."""

from ossum.figures import draw
from ossum.progress import job_log
from ossum.results import read

with job_log(snakemake.log[0]):
    table, *reference = map(read, snakemake.input)
    draw(snakemake.params.figure, table, snakemake.output, *reference)
