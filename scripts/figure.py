"""Draw a figure from its table, and write it with its caption and numbers as a page for people."""

from html import escape

from ossum.config.registry import FIGURES
from ossum.figures import draw
from ossum.figures.pages import image, page
from ossum.figures.summary import numbers
from ossum.storage.files import atomic
from ossum.storage.results import read
from ossum.workflow.log import job_log

with job_log(snakemake.log[0]):
    table, name = read(snakemake.input[0]), snakemake.wildcards.figure
    draw(name, table, [snakemake.output.pdf, snakemake.output.png])
    spec = FIGURES[name]
    parts = [
        image(snakemake.output.png, spec.title),
        f"<p>{escape(snakemake.params.caption)}</p>",
        "<h2>Its numbers</h2>",
        numbers(table),
    ]
    with atomic(snakemake.output.html) as path:
        path.write_text(page(spec.title, "\n".join(parts)), encoding="utf-8")
