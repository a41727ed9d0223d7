"""Draw a figure from its table, and write its numbers as a page that people can read and sort."""

from ossum.figures import draw
from ossum.figures.summary import page, summarise
from ossum.storage.files import atomic
from ossum.storage.results import read
from ossum.workflow.log import job_log

with job_log(snakemake.log[0]):
    table, name = read(snakemake.input[0]), snakemake.wildcards.figure
    draw(name, table, [snakemake.output.pdf, snakemake.output.png])
    with atomic(snakemake.output.html) as path:
        path.write_text(page(summarise(table), name), encoding="utf-8")
