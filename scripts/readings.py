"""Judge claims under every reading of the paper, or under one."""

from pathlib import Path

from ossum.claims.readings import Reading, judge_all, readings_table, write_markdown
from ossum.claims.table import verdict
from ossum.figures.claims import draw_readings
from ossum.storage.files import atomic
from ossum.storage.results import read
from ossum.workflow.log import job_log, say

with job_log(snakemake.log[0]):
    tables = {Path(path).stem: read(path) for path in snakemake.input}
    readings = [Reading(name, **values) for name, values in snakemake.params.readings.items()]
    found = judge_all(snakemake.params.claims, readings, tables)
    for judged in found:
        finding = judged.finding
        say(f"{finding.claim.id}, {judged.what}: {verdict(finding)}")
    write_markdown(found, snakemake.output.markdown)
    if len(snakemake.output) > 1:  # all readings, not one
        table = readings_table(found)
        with atomic(snakemake.output.parquet) as temporary:
            table.to_parquet(temporary, index=False)
        draw_readings(table, snakemake.output.pdf, snakemake.output.png)
