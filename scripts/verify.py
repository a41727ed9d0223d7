"""Compare the results that there are with those that come with the code."""

import logging
import sys

from ossum.progress import job_log
from ossum.verify import own_results, reference_results, report

with job_log(snakemake.log[0]):
    text, passed = report(own_results(), reference_results())
    logging.info("\n%s", text)
print(f"\n{text}\n", flush=True)
sys.exit(0 if passed else 1)
