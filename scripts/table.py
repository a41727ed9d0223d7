"""Gather what a figure shows into one table."""

import pandas as pd
import pyarrow.parquet as pq

from ossum.storage.results import merged_metadata, read, write
from ossum.workflow.log import job_log


def shown(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that are in one of the views. A search has no sparsity."""
    chosen = pd.Series(False, rows.index)
    for view in snakemake.params.views:
        inside = pd.Series(True, rows.index)
        for key, values in view.items():
            inside &= rows[key].isin(values) | (rows[key].isna() & (key == "sparsity"))
        chosen |= inside
    return rows[chosen]


with job_log(snakemake.log[0]):
    paths = list(snakemake.input.get("curves") or snakemake.input)
    rows = shown(read(paths))  # a file has all methods and sparsities of its grid
    schema = pq.read_schema(paths[0]).remove_metadata()
    write(rows, snakemake.output[0], merged_metadata(paths), schema)
