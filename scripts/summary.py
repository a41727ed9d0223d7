"""Write the numbers of one figure as a page that people can read and sort."""

from pathlib import Path

from ossum.files import atomic
from ossum.progress import job_log
from ossum.results import read
from ossum.summary import page, summarise

with job_log(snakemake.log[0]):
    html = page(summarise(read(snakemake.input[0])), snakemake.wildcards.figure)
    with atomic(Path(snakemake.output[0])) as temporary:
        temporary.write_text(html, encoding="utf-8")
