"""Why jobs failed, and what to do about it."""

import re
import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from itertools import takewhile
from pathlib import Path, PurePath

INTERRUPTED = re.compile("Terminating processes on user request|Cancelling snakemake on user")
STOPPED = "Stopped. What is finished is kept: run the same command again, and it goes on."
_KILLED = re.compile("SIGKILL|exit status 137|OUT_OF_MEMORY")
_KILLED_REASON = """\
killed (signal 9), most likely by the system, because memory ran out. Run again with less at once:
--resources mem_mb=4000 (MiB, what all jobs together may take) or --cores 1"""
_ORDER = """
Options that take several values, such as --configfile and --config, go after the targets:
./run snakemake --cores 8 figures/fig1.pdf --configfile config/quick.yaml"""
# What Snakemake does not say, by what it says.
_HINTS = {
    "load_configfile|is not valid JSON or YAML": """
{misplaced} was read as a configuration file: there is none of that name, or it is not YAML."""
    + _ORDER,
    "name=value pair|Invalid resource": _ORDER,
    "marked for report but does not exist": """
A report shows what has been run. Run it first, or name the --configfile of the run here, too.""",
}
NO_RECORD = """\
{} files behind this report were not made here, or not with this configuration, so the report may be
of another one. If the run had a --configfile, name it here, too."""
_YAML = (".yaml", ".yml", ".json")
_AT_MOST = 10
_MOST_NAMES = 60


def reason(log: str | None, error: str) -> str:
    """Why a job failed, by the end of its log, and by what Snakemake says of it.

    A job that dies by an error of its own leaves a traceback; one that is killed leaves none.
    """
    text = ""
    if log and Path(log).is_file():
        text = Path(log).read_text(encoding="utf-8", errors="replace")
    _, traceback, end = text.rpartition("Traceback (most recent call last):\n")
    if traceback:
        return re.sub(r"\A(?: .*\n|\n)*", "", end).strip()
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
    if {log for _, _, log in failed} != {"logs/verify.log"}:  # which does not go on by itself
        lines.append("\nWhat is finished is kept: run the same command again, and it goes on.")
    return "\n".join(lines)


def explain(message: str, known_targets: Callable[[], Iterable[str]] | None) -> str:
    """An error of Snakemake's own, without a traceback, and what to do about it."""
    if known_targets and (missing := re.search(r"No rule to produce (\S+) \(", message)):
        return _suggest(missing[1], known_targets())
    misplaced = [word for word in _configuration_words() if not word.endswith(_YAML)]
    if "load_configfile" in message and not misplaced and (missing := _missing_configuration()):
        return missing
    said = "".join(hint for words, hint in _HINTS.items() if re.search(words, message))
    if message.startswith("Traceback"):
        message = message.strip().splitlines()[-1]
    # Where in our rules an error was raised is of no use to a user.
    message = re.sub(r"\n(?:Traceback:|  File \").*", "", message)
    return message.strip() + said.format(misplaced=" or ".join(misplaced) or "A file")


def _missing_configuration() -> str:
    """What to say of a file after --configfile that does not exist; "" if all do."""
    for word in _configuration_words():
        if word.endswith(_YAML) and not Path(word).is_file():
            there = [str(path) for path in Path(word).parent.glob("*.y*ml")]
            near = get_close_matches(word, there, 1)
            return f"There is no {word}." + "".join(f" Did you mean {name}?" for name in near)
    return ""


def _suggest(target: str, known: Iterable[str]) -> str:
    """What can be asked for instead of a target that no rule makes."""
    folder, suffix = str(PurePath(target).parent), PurePath(target).suffix
    there = {name: PurePath(name) for name in known}
    beside = sorted(n for n, p in there.items() if (str(p.parent), p.suffix) == (folder, suffix))
    near = get_close_matches(target, beside, 1) or get_close_matches(target, known, 1)
    lines = [f"No rule makes {target}." + "".join(f" Did you mean {name}?" for name in near)]
    if 0 < len(beside) <= _MOST_NAMES:
        place = "Rules" if folder == "." else f"In {folder} there can be"
        lines.append(f"{place}: {', '.join(PurePath(name).name for name in beside)}")
    return "\n".join(lines)


def _configuration_words() -> list[str]:
    """What stands after --configfile, the last of them, or in one word with it."""
    words = [part for word in sys.argv for part in re.split(r"(?<=^--configfile)=", word)]
    places = [place for place, word in enumerate(words) if word.startswith("--configfile")]
    after = words[places[-1] + 1 :] if places else []
    return list(takewhile(lambda word: word[:1] != "-", after))


def quietly(kind: type[BaseException], error: BaseException, trace: object) -> None:
    """For `sys.excepthook`: Ctrl-C while jobs are planned is no fault that needs a traceback."""
    if issubclass(kind, KeyboardInterrupt):
        print(STOPPED, file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
