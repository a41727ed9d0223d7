"""Why jobs failed, and what to do about it."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

INTERRUPTED = re.compile("Terminating processes on user request|Cancelling snakemake on user")
STOPPED = "Stopped. What is finished is kept: run the same command again, and it goes on."
_KILLED = re.compile("SIGKILL|exit status 137|OUT_OF_MEMORY")
_KILLED_REASON = """\
killed (signal 9), most likely by the system, because memory ran out. Run again with less at once:
--resources mem_mb=4000 (MiB, what all jobs together may take) or --cores 1"""
# What Snakemake does not say, by what it says.
_HINTS = {
    "is not valid JSON or YAML": """
Is a target among the options? Options that take several values, as --configfile does, go after the
targets: ./run snakemake --cores 8 figures/fig1.pdf --configfile config/quick.yaml""",
}
_AT_MOST = 10


def reason(log: str | None, error: str) -> str:
    """Why a job failed, by the end of its log, and by what Snakemake says of it.

    A job that dies by an error of its own leaves a traceback; one that is killed leaves none.
    """
    text = ""
    if log and Path(log).is_file():
        text = Path(log).read_text(encoding="utf-8", errors="replace")
    _, traceback, end = text.rpartition("Traceback (most recent call last):\n")
    if traceback:
        return re.sub(r"\A(?:[ \n].*\n?|\n)*", "", end).strip()
    if _KILLED.search(error):
        return _KILLED_REASON
    return error.strip() or "ended without a message"


def describe(failed: Iterable[tuple[str, str, str | None]]) -> str:
    """The last words about jobs that failed, each by title, reason and log; equal reasons once."""
    failed = list(failed)
    by_reason: dict[str, list[tuple[str, str | None]]] = {}
    for title, why, log in failed:
        by_reason.setdefault(why, []).append((title, log))
    lines = [f"\n{len(failed)} job{'s' * (len(failed) > 1)} failed."]
    for why, jobs in list(by_reason.items())[:_AT_MOST]:
        title, log = jobs[0]
        more = f", and {len(jobs) - 1} more" if len(jobs) > 1 else ""
        lines += [f"\n{title}{more}:", *(f"  {line}" for line in why.splitlines())]
        lines += [f"  log: {log}"] if log else []
    if len(by_reason) > _AT_MOST:
        lines.append(f"\nand {len(by_reason) - _AT_MOST} other reasons, see the logs")
    return "\n".join(
        [*lines, "\nWhat is finished is kept: run the same command again, and it goes on."]
    )


def hint(message: str) -> str:
    """What to do about an error of Snakemake's own."""
    return "".join(hint for said, hint in _HINTS.items() if said in message)


def quietly(kind: type[BaseException], error: BaseException, trace: object) -> None:
    """For `sys.excepthook`: Ctrl-C while jobs are planned is no fault that needs a traceback."""
    if issubclass(kind, KeyboardInterrupt):
        print(STOPPED, file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
