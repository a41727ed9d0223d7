"""What a run shows: how far it is, what runs, what failed, why, and what to do.

Snakemake finds this by its name, wherever it is on Python's path, and calls it `--logger ossum`;
profiles/default asks for it if it is there.
"""

import os
import re
import sys
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic, strftime

from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from ossum.workflow.estimates import Work

from .failures import INTERRUPTED, NO_RECORD, STOPPED, describe, explain, quietly, reason

_EVERY_SECONDS = 60  # where output is no terminal
# Of Snakemake's words those that say nothing to a user, or that are said better here.
_NOISE = re.compile(
    "Config file .* is extended|Assuming unrestricted|Building DAG|Using shell|Select jobs|"
    "Execute |Group jobs: inactive|Conda environments: ignored|Removing (temporary )?output|"
    "Elapsed time|Restored previous|Exiting because a job|WorkflowError:\nAt least one job did not"
)
_OWN_PROGRESS = re.compile(r"\d\d:\d\d:\d\d,\d+ (.+): +(\d+)%\|")


@dataclass
class Running:
    """A job that has been started or handed to a cluster."""

    title: str
    log: str | None
    since: float

    def progress(self) -> tuple[str, float | None]:
        """What it says last in its log (`ossum.progress`): words, and a share from 0 to 1."""
        with suppress(OSError, TypeError), Path(self.log).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
            last = file.read().decode(errors="replace").splitlines()[-1:]
            if found := _OWN_PROGRESS.search(*last or [""]):
                return f"{found[1]} {found[2]} %", int(found[2]) / 100
        return "", None


class LogHandler(LogHandlerBase):
    """Reads Snakemake's events; see `emit`."""

    writes_to_stream, writes_to_file, needs_rulegraph = True, False, False
    has_filter = has_formatter = True

    def __post_init__(self) -> None:
        told = self.common_settings
        quiet = set(told.quiet or ())
        stream = sys.stdout if told.stdout else sys.stderr
        self._snakemake = ColorizingTextHandler(told.nocolor, stream)
        self._snakemake.setFormatter(DefaultFormatter(quiet, told.show_failed_logs))
        self._snakemake.addFilter(
            DefaultFilter(quiet, told.debug_dag, told.verbose, told.dryrun, told.printshellcmds)
        )
        # Who asks for more than the usual gets it in Snakemake's own words.
        self._detailed = told.dryrun or told.verbose or told.debug_dag or told.printshellcmds
        sys.excepthook = quietly
        self._silent = Quietness.ALL in quiet
        self._quiet = bool(quiet & {Quietness.ALL, Quietness.PROGRESS, Quietness.RULES})
        self._begun: float | None = None
        self._total = self._done = 0
        self._work, self._running = Work(), dict[int, Running]()
        self._errors, self._failed = deque[str](), dict[int, tuple[str, str, str | None]]()
        self._interrupted, self._said_at, self._ended = False, monotonic(), threading.Event()
        self._known_targets, self._without_record, self._display = None, 0, None
        if self._snakemake.is_tty and not (self._quiet or self._detailed):
            from .display import Display  # rich takes a moment

            self._display = Display(self.state)

    def emit(self, record) -> None:
        """Take up an event, and say what it means. A fault here must not end a run."""
        try:
            self._take_up(record)
        except Exception:
            self.handleError(record)

    def _take_up(self, record) -> None:
        event = getattr(record, "event", None)
        take_up = {
            LogEvent.RUN_INFO: self._begin,
            LogEvent.JOB_INFO: self._start,
            LogEvent.JOB_FINISHED: self._finish,
            LogEvent.JOB_ERROR: self._fail,
            LogEvent.ERROR: self._error,
        }.get(event)
        if hasattr(record, "estimates"):
            self._work.jobs = record.estimates
        elif hasattr(record, "known_targets"):
            self._known_targets = record.known_targets
        elif take_up and not self.common_settings.dryrun:
            take_up(record)
        elif event is None and INTERRUPTED.match(record.msg or ""):
            self._interrupted = True
            if self._display:
                self._display.muted = True
        elif not self._detailed and (record.msg or "").startswith("Missing metadata for file"):
            self._without_record += 1
        elif event is None and not self._detailed and not _NOISE.match(record.msg or ""):
            self._snakemake.handle(record)
        if self._detailed:
            self._snakemake.handle(record)

    def _begin(self, record) -> None:
        self._begun = monotonic()
        counts = dict(record.stats)
        self._total = counts.pop("total")
        counted = ", ".join(f"{count} {rule}" for rule, count in counts.items())
        self._say(f"to do: {counted}")
        if self._display:
            self._display.start()
        elif not (self._quiet or self._detailed):
            threading.Thread(target=self._say_at_times, daemon=True).start()

    def _start(self, record) -> None:
        title = record.rule_msg or f"{record.rule_name} {' '.join(record.output)}"
        log = record.log[0] if record.log else None
        self._running[record.jobid] = Running(title, log, monotonic())

    def _finish(self, record) -> None:
        job = self._running.pop(record.job_id, None)
        self._failed.pop(record.job_id, None)
        self._done += 1
        if job:
            took = monotonic() - job.since
            self._work.finish(record.job_id, took)
            self._say(f"{self._done}/{self._total} {job.title} ({spell(took)})")

    def _fail(self, record) -> None:
        job = self._running.pop(record.jobid, None)
        title = job.title if job else record.rule_name
        log = record.log[0] if record.log else None
        error = self._errors.popleft() if self._errors else record.rule_msg or ""
        self._failed[record.jobid] = title, reason(log, error), log
        if not self._interrupted:
            self._say(f"FAILED {title}", always=True)

    def _error(self, record) -> None:
        """A job's error comes before the event of its failure, which is told in the end."""
        if self._running and record.exception in ("RuleException", "CalledProcessError"):
            self._errors.append(record.msg)
        elif not _NOISE.match(record.msg) and not self._detailed:
            self._without_record = 0  # what ends the run is more important
            record.msg = explain(record.msg, self._known_targets)
            self._snakemake.handle(record)

    def state(self) -> tuple[float, str, list[tuple[str, str]]]:
        """How far the run is: a share from 0 to 1, in words, and each running job with its own."""
        now = monotonic()
        told = {n: (job, *job.progress()) for n, job in self._running.copy().items()}
        running = {n: (now - job.since, share) for n, (job, _, share) in told.items()}
        share = self._work.share(running) if self._work.jobs else self._done / max(1, self._total)
        words = f"{self._done} of {self._total} jobs" if self._total else "beginning"
        if self._work.jobs and self._done < self._total:
            words += f", about {spell(self._work.seconds_left(running, now - self._begun))} left"
        return (
            share,
            words,
            [
                (job.title, f"{own}  {timedelta(seconds=int(now - job.since))}".strip())
                for job, own, _ in told.values()
            ],
        )

    def _say(self, words: str, always: bool = False) -> None:
        """A line on the terminal, above the display if there is one, or in the file."""
        if (always and not self._silent) or not (self._quiet or self._detailed):
            self._said_at = monotonic()
            print(f"[{strftime('%H:%M:%S')}] {words}", file=sys.stderr, flush=True)

    def _say_at_times(self) -> None:
        while not self._ended.wait(1):
            if monotonic() - self._said_at >= _EVERY_SECONDS:
                share, words, jobs = self.state()
                running = "; ".join(f"{title} ({detail})" for title, detail in jobs)
                self._say(f"{int(100 * share)} %, {words}. Running: {running}")

    def close(self) -> None:
        """The last words of a run."""
        super().close()
        if self._ended.is_set():
            return
        self._ended.set()
        if self._display:
            self._display.close()
        if self._without_record:
            print(NO_RECORD.format(self._without_record), file=sys.stderr)
        if self._begun is None or self._silent or self.common_settings.dryrun:
            return
        if self._interrupted:
            print(STOPPED, file=sys.stderr)
        elif self._failed:
            print(describe(self._failed.values()), file=sys.stderr)
        elif self._done == self._total and not self._quiet:
            print(f"All done, {spell(monotonic() - self._begun)}.", file=sys.stderr)


def spell(seconds: float) -> str:
    """A duration as one says it."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.0f} h"
