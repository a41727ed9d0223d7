"""Judge claims by the tables of the figures."""

from pathlib import Path

from ossum.claims import CLAIMS
from ossum.claims.check import judge, with_holm
from ossum.claims.page import write_page
from ossum.claims.table import (
    NOTHING_JUDGED,
    as_table,
    none_judged,
    verdict,
    write_markdown,
    write_parquet,
)
from ossum.figures.claims import draw_claims
from ossum.storage.results import read
from ossum.workflow.log import job_log, say

with job_log(snakemake.log[0]):
    tables = {Path(path).stem: read(path) for path in snakemake.input}
    findings = [judge(CLAIMS[claim], tables) for claim in snakemake.params.claims]
    if len(findings) > 1:
        findings = with_holm(findings)
    if none_judged(findings):
        say(NOTHING_JUDGED)
    else:
        for finding in findings:
            say(f"{finding.claim.id}: {verdict(finding)}")
    write_markdown(findings, snakemake.output.markdown, snakemake.input)
    if len(snakemake.output) > 1:  # all claims, not one
        write_parquet(findings, snakemake.output.parquet)
        write_page(findings, snakemake.output.page)
        draw_claims(as_table(findings), snakemake.output.pdf, snakemake.output.png)
