"""Progress bars and the log of a job."""

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TextIO

from tqdm import tqdm

from ossum.orphans import end_with_snakemake

_log_file: TextIO | None = None


def progress(items: Iterable | None, label: str, total: int | None = None) -> tqdm:
    """A tqdm bar with ETA: in the job's log if there is one, else on a terminal, else silent."""
    if _log_file is None:
        return tqdm(items, desc=label, total=total, disable=None, leave=False)
    return _LoggedBar(items, desc=label, total=total, mininterval=0.5, leave=False)


class _LoggedBar(tqdm):
    """A bar on the terminal (if stderr is one) that also leaves a line in the log now and then."""

    LOG_EVERY_SECONDS = 10.0

    def __init__(self, *args, **kwargs):
        self._logged_at = monotonic()
        super().__init__(*args, file=sys.stderr if sys.stderr.isatty() else _Nowhere(), **kwargs)

    def refresh(self, *args, **kwargs):
        if monotonic() - self._logged_at >= self.LOG_EVERY_SECONDS:
            self._logged_at = monotonic()
            logging.info(str(self))
        return super().refresh(*args, **kwargs)


class _Nowhere:
    """A stream that forgets; tqdm still keeps its own count and rate."""

    def write(self, text: str) -> None: ...

    def flush(self) -> None: ...


@contextmanager
def job_log(path: str | Path) -> Iterator[None]:
    """Log messages, progress lines and, if the job fails, its traceback to the file `path`.

    The terminal gets the message of the error alone. The job ends if the Snakemake that started it
    is killed.
    """
    global _log_file
    end_with_snakemake()
    with Path(path).open("w", buffering=1) as file:
        logging.basicConfig(
            stream=file, level=logging.INFO, format="%(asctime)s %(message)s", force=True
        )
        logging.captureWarnings(True)
        _log_file = file
        try:
            yield
            logging.info("done")
        except Exception as error:
            logging.exception("failed")
            sys.exit(f"{type(error).__name__}: {error}")
        except BaseException:
            logging.exception("failed")
            raise
        finally:
            _log_file = None
