"""Compare the results that there are with those that come with the code."""

import logging

from ossum.analysis.verify import collect, conditions, own_files, reference_files, report
from ossum.storage import results
from ossum.workflow.log import job_log, say

with job_log(snakemake.log[0]):
    own, reference = own_files(), reference_files(snakemake.params.reference)
    text, passed = report(*(collect(map(results.read, files)) for files in (own, reference)))
    text += f"\nYours: {conditions(own)}\nThe reference: {conditions(reference)}"
    say(f"\n{text}\n")
    logging.info("\n%s", text)
    if not passed:
        (why,) = [line for line in text.splitlines() if line.startswith(("Nothing", "BEYOND"))]
        raise ValueError(why)
