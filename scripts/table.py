"""Gather the results that a figure shows into one table, if all of them are current."""

import pyarrow.parquet as pq

from ossum.cells import parse_result
from ossum.fingerprints import Fingerprints
from ossum.progress import job_log
from ossum.results import check_current, merged_metadata, read, write

with job_log(snakemake.log[0]):
    paths = list(snakemake.input)
    expected = {key: Fingerprints(**made) for key, made in snakemake.params.made_from.items()}
    fingerprints = {}
    for path in paths:
        stage, cell = parse_result(path)
        made_from = expected[f"{cell.dataset}/{cell.architecture}/{cell.origin}"]
        fingerprints[path] = made_from.result(cell, stage)
    check_current(fingerprints)
    schema = pq.read_schema(paths[0]).remove_metadata()
    write(read(paths), snakemake.output[0], merged_metadata(paths), schema)
