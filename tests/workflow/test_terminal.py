"""What users see of real runs, in a pipe and on a terminal; and last, what failed and why."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from time import monotonic, sleep

import pytest
from helpers import ROOT
from workflows import SHALLOW, command, configure, copy_of_workflow, jobs_of

RECIPE = f"results/networks/{SHALLOW}.json"
TITLE = "Initialising FC-12 for digits, seed 0"


def as_in_run(folder, *arguments, clone=ROOT):
    """How to start the workflow as ./run does, with the package of the display on the path."""
    how = command(folder, *arguments, snakefile=clone / "Snakefile")
    how["env"] |= {"PYTHONPATH": str(clone)}
    return how


def said(folder, *arguments, **options):
    how = as_in_run(folder, *arguments, **options)
    done = subprocess.run(**how, stdout=subprocess.PIPE, timeout=600)
    return done.returncode, done.stdout


def on_a_terminal(folder, *arguments, interrupt_at=None):
    """Its exit code and all it writes, without colours and moves of the cursor.

    Ctrl-C is pressed when it has written `interrupt_at`.
    """
    how = as_in_run(folder, *arguments)
    process, terminal = pty.fork()
    if process == 0:
        # Where tests run in the background it is ignored, and that is inherited.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.chdir(how["cwd"])
        os.execvpe(how["args"][0], how["args"], how["env"] | {"TERM": "xterm"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    written = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # it has ended
            break
        if not data:
            break
        written += data
        if interrupt_at and interrupt_at.encode() in written:
            os.write(terminal, b"\x03")
            interrupt_at = None
    os.close(terminal)
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", written.decode())
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), text.strip()


@pytest.fixture
def folder(tmp_path):
    configure(tmp_path / "config.yaml")
    return tmp_path


def test_in_a_pipe_a_line_a_job(folder):
    code, text = said(folder, RECIPE)
    assert code == 0 and re.search(rf"^\[[\d:]+\] 1/1 {TITLE} \(\d+ s\)$", text, re.M)
    assert text.splitlines()[-1].startswith("All done") and "\x1b" not in text
    assert "Select jobs" not in text and len(text.splitlines()) < 8
    code, text = said(folder, RECIPE, "--force", "--dry-run")
    assert code == 0 and "This was a dry-run" in text and "to do:" not in text


def test_jobs_are_chosen_when_one_has_ended_and_not_in_between(folder):
    """By default each job that ends adds a choice every second for the rest of the run."""
    recipes = [RECIPE.replace("seed=0", f"seed={seed}") for seed in range(3)]
    code, text = said(folder, *recipes, "--cores", "1", "--verbose")
    assert code == 0 and 3 <= text.count("Ready jobs: ") <= 4
    code, text = said(folder, *recipes, "--force", "--max-jobs-per-timespan", "1/7s", "--verbose")
    assert code == 0 and "Job rate limit reached" in text  # what a user asks for is kept


def test_on_a_terminal_a_bar(folder):
    code, text = on_a_terminal(folder, RECIPE)
    assert code == 0 and "━" in text and "0 of 1 jobs, about" in text and TITLE in text
    assert text.splitlines()[-1].startswith("All done")


def test_what_jobs_say_is_kept_beside_the_bar(folder):
    configure(folder / "config.yaml", {"tables": "results/reference"})
    code, text = on_a_terminal(folder, "results/claims/chance.md")
    assert code == 0 and "━" in text and re.search(r"\rchance: [a-z]+\r\n", text)


def test_ctrl_c_on_a_terminal_ends_with_a_sentence(folder):
    table = "results/tables/fig1.parquet"
    code, text = on_a_terminal(folder, table, interrupt_at="] 1/")  # the first job has ended
    assert code != 0 and "Traceback" not in text
    assert text.splitlines()[-1].endswith("run the same command again, and it goes on.")
    assert not (folder / table).exists()


def test_the_last_lines_say_what_failed_why_and_where(folder):
    copy_of_workflow(folder)
    configure(folder / "config.yaml", {"tables": "results/reference"})
    table = folder / "results/reference/fig1.parquet"
    table.parent.mkdir(parents=True)
    table.write_text("no table")
    code, text = said(folder, "results/claims/chance.md", clone=folder)
    last = text[text.index("1 job failed.") :]
    assert code == 1 and "Judging chance:\n" in last and "fig1.parquet is damaged" in last
    assert "log: logs/claims/chance.log\n" in last and len(last.splitlines()) < 10
    assert "RuleException" not in text


def test_a_killed_job_is_explained(folder):
    with (folder / "run.log").open("w") as output:
        run = subprocess.Popen(**as_in_run(folder, RECIPE), stdout=output)
        start = monotonic()
        while not (jobs := jobs_of(run)) and monotonic() - start < 300:
            sleep(0.05)
        jobs[0].send_signal(signal.SIGKILL)
        assert run.wait(300) == 1
    text = (folder / "run.log").read_text()
    last = text[text.index("1 job failed.") :]
    assert "killed (signal 9)" in last and "--resources mem_mb=" in last


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["results/claims/gradient-maks.md"], "Did you mean results/claims/gradient-mask.md?"),
        (["figures/fgi1.pdf"], "Did you mean figures/fig1.pdf?"),
        ([RECIPE.replace("digits", "digist")], f"Did you mean {RECIPE}?"),
        (["--configfile", "figures/fig1.pdf"], "figures/fig1.pdf was read as a configuration"),
        (["--config", "device=cpu", "verify"], "go after the targets"),
    ],
)
def test_what_to_do_about_a_misspelt_or_misplaced_target(folder, arguments, expected):
    if "--configfile" in arguments:  # a second one would count instead
        (folder / "config.yaml").unlink()
    code, text = said(folder, *arguments)
    assert code == 1 and expected in text and "Traceback" not in text
