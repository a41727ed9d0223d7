"""Gather the evaluations that a figure shows into one table, if all of them are current."""

from ossum.cells import EVALUATION, Cell
from ossum.fingerprints import Fingerprints
from ossum.progress import job_log
from ossum.results import check_current, merged_metadata, read, write

with job_log(snakemake.log[0]):
    paths = list(snakemake.input)
    expected = {name: Fingerprints(**m) for name, m in snakemake.params.made_from.items()}
    cells = {path: Cell.parse(path, EVALUATION) for path in paths}
    check_current({path: expected[cell.dataset].evaluation(cell) for path, cell in cells.items()})
    table = read(paths)
    write(table, snakemake.output[0], merged_metadata(paths))
