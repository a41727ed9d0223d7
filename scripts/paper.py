"""The article: its numbers from the tables of the figures, then the typeset pages."""

import json
from pathlib import Path

import typst

from ossum.claims import CLAIMS
from ossum.claims.article import article
from ossum.claims.check import judge, with_holm
from ossum.claims.readings import Reading, judge_all
from ossum.storage.files import atomic
from ossum.storage.results import read
from ossum.workflow.log import job_log
from ossum.workflow.report import facts

with job_log(snakemake.log[0]):
    paths = snakemake.input.tables
    tables = {Path(path).stem: read(path) for path in paths}
    readings = [Reading(name, **each) for name, each in snakemake.params.readings.items()]
    findings = with_holm([judge(claim, tables) for claim in CLAIMS.values()])
    of_run = facts(paths, None, snakemake.params.overlays)
    numbers = article(findings, judge_all(CLAIMS, readings, tables), tables, of_run)
    with atomic(snakemake.output.numbers) as temporary:
        temporary.write_text(json.dumps(numbers, indent=1, ensure_ascii=False), encoding="utf-8")
    # Pictures and numbers may lie in another folder than the text, so everything is under "/".
    places = {"numbers": snakemake.output.numbers, "figures": "figures"}
    inputs = {name: str(Path(path).resolve()) for name, path in places.items()}
    drawn = ",".join(Path(path).stem for path in snakemake.input.figures)
    pages = typst.compile(
        snakemake.input.text,
        root="/",
        sys_inputs=inputs | {"drawn": drawn},
        ignore_system_fonts=True,
        timestamp=0,  # so that the same article is the same file
    )
    with atomic(snakemake.output.pdf) as temporary:
        temporary.write_bytes(pages)
