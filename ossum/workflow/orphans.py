"""Jobs that end with the Snakemake that started them.

Snakemake that is killed (kill -9, out of memory) leaves its jobs running. They do no harm, since
files are written whole, but they take processors and memory from the jobs of the next run. On a
cluster a job's Snakemake is the one on the job's own machine.
"""

import _thread
import logging
import os
import signal
import threading
from contextlib import suppress
from time import sleep

import psutil

VARIABLE = "OSSUM_SNAKEMAKE"  # each Snakemake puts its process number there for its jobs
_EVERY_SECONDS = 1.0
_GRACE_SECONDS = 30.0


def end_with_snakemake() -> None:
    """From now on, interrupt this process when the Snakemake above it is gone.

    Where this cannot be seen, because the system hides processes, the job just goes on.
    """
    snakemake = _snakemake_above()
    if snakemake:
        # Not SIGINT itself, which jobs of a run in the background inherit as ignored.
        signal.signal(signal.SIGUSR1, signal.default_int_handler)
        threading.Thread(target=_watch, args=[snakemake], daemon=True).start()


def _snakemake_above() -> psutil.Process | None:
    number = int(os.environ.get(VARIABLE, 0))
    with suppress(psutil.Error, OSError):
        process = psutil.Process().parent()
        # No further than needed: processes of other users may be hidden (proc's hidepid).
        while process and process.pid != number:
            process = process.parent()
        return process
    return None


def _watch(snakemake: psutil.Process) -> None:
    while _alive(snakemake):
        sleep(_EVERY_SECONDS)
    logging.warning("Snakemake is gone: this job ends, and the next run takes it up")
    _thread.interrupt_main(signal.SIGUSR1)  # as Ctrl-C would: temporary files are removed
    sleep(_GRACE_SECONDS)
    os._exit(1)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError):  # it cannot be told
        return True
