"""Progress bars: on a terminal, and now and then as a line in the log."""

import logging
import sys
from collections.abc import Iterable
from io import StringIO
from time import monotonic

from tqdm import tqdm

_LOG_EVERY_SECONDS = 10.0


class _Bar(tqdm):
    def __init__(self, *args, **kwargs):
        self._logged_at = monotonic()
        # tqdm keeps count and rate also where nobody looks.
        out = sys.stderr if sys.stderr.isatty() else StringIO()
        super().__init__(*args, file=out, mininterval=0.5, leave=False, **kwargs)

    def refresh(self, *args, **kwargs):
        if monotonic() - self._logged_at >= _LOG_EVERY_SECONDS:
            self._logged_at = monotonic()
            logging.info(str(self))
        return super().refresh(*args, **kwargs)


def progress(items: Iterable | None, label: str, total: int | None = None, **look: object) -> tqdm:
    """A tqdm bar over `items`, or over `total` steps."""
    return _Bar(items, desc=label, total=total, **look)
