"""The log of a job: messages, progress with an estimate of what is left, the traceback."""

import logging
import os
import subprocess
import sys

import pytest
from helpers import ROOT

from ossum import progress as module
from ossum.progress import progress
from ossum.workflow.log import job_log


def test_long_loops_leave_lines_with_an_eta_in_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LOG_EVERY_SECONDS", 0.0)
    monkeypatch.setattr("tqdm.std.tqdm.monitor_interval", 0)
    with job_log(tmp_path / "log"):
        bar = progress(range(100), "counting")
        bar.mininterval = 0
        assert list(bar) == list(range(100))
        logging.info("counted")
    text = (tmp_path / "log").read_text()
    assert "counting" in text and "/100 [" in text and "counted" in text
    assert text.endswith("done\n")


def test_quick_loops_leave_none(tmp_path):
    with job_log(tmp_path / "log"):
        assert list(progress(range(3), "counting")) == [0, 1, 2]
    assert "counting" not in (tmp_path / "log").read_text()


def test_a_failure_is_said_and_its_traceback_logged(tmp_path):
    with pytest.raises(SystemExit, match="ZeroDivisionError: division"), job_log(tmp_path / "log"):
        _ = 1 / 0
    text = (tmp_path / "log").read_text()
    assert "Traceback" in text and text.endswith("ZeroDivisionError: division by zero\n")


def test_a_terminal_that_lacks_a_character_gets_its_number(tmp_path):
    """In a locale of Latin-1, say, or in C."""
    code = "import sys; from ossum.workflow.log import job_log\nwith job_log(sys.argv[1]):\n"
    code += "    print('\\u2212 \\u00d7')\n    raise ValueError('\\u2212')"
    for encoding, expected in {"ascii": "\\u2212 \\xd7", "latin-1": "\\u2212 ×"}.items():
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
        environment |= {"LC_ALL": "C", "PYTHONUTF8": "0"}
        command = [sys.executable, "-c", code, tmp_path / "log"]
        done = subprocess.run(command, env=environment, capture_output=True)
        assert done.stdout.decode(encoding).strip() == expected
        assert done.stderr.decode().strip() == "ValueError: \\u2212"
        assert "ValueError: −" in (tmp_path / "log").read_text(encoding="utf-8")


def test_a_reader_who_goes_is_no_error():
    """As in `snakemake verify | head`."""
    code = "from ossum.workflow.log import say\nfor _ in range(9): say('x' * 99_999)"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as job:
        assert job.stdout.read(1) == b"x"
        job.stdout.close()
        assert job.wait(60) == 0 and job.stderr.read() == b""


def test_without_a_job_nothing_is_written(capsys):
    assert list(progress(range(3), "counting")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")
