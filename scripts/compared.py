"""Draw a figure of one's own run and, dotted, of the reference."""

from ossum.figures import draw
from ossum.storage.results import read
from ossum.workflow.log import job_log

with job_log(snakemake.log[0]):
    own, reference = read(snakemake.input[0]), read(snakemake.input.reference)
    draw(snakemake.wildcards.figure, own, snakemake.output, reference)
