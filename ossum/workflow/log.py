"""The log of a job."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ossum.workflow.orphans import end_with_snakemake


@contextmanager
def job_log(path: str | Path) -> Iterator[None]:
    """Log messages, progress and, if the job fails, its traceback to the file `path`.

    The terminal gets the message of the error alone. The job ends if the Snakemake that started it
    is killed.
    """
    end_with_snakemake()
    logging.basicConfig(
        filename=path,
        filemode="w",
        encoding="utf-8",
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        force=True,
    )
    logging.captureWarnings(True)
    try:
        yield
        logging.info("done")
    except Exception as error:
        logging.exception("failed")
        sys.exit(f"{type(error).__name__}: {error}")
    except KeyboardInterrupt:  # nobody who presses Ctrl-C needs a traceback for it
        logging.exception("interrupted")
        sys.exit(130)
    except BaseException:
        logging.exception("failed")
        raise
