"""The log of a job."""

import logging
import os
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
    logging.basicConfig(
        filename=path,
        filemode="w",
        encoding="utf-8",
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        force=True,
    )
    logging.captureWarnings(True)
    # A terminal that does not know a character gets its number, as on standard error.
    sys.stdout.reconfigure(errors="backslashreplace")
    end_with_snakemake()
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


def say(text: str) -> None:
    """Print text for the user. If nobody reads it any more, as after `| head`, that is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python would try once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
