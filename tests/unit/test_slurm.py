"""Jobs of an earlier run that Slurm still has; here, a squeue that says what the test wants."""

import pytest

from ossum.workflow.slurm import LeftOverError, refuse_left_over_jobs


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """Puts a script into the place of Slurm's squeue."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def write(*lines: str) -> None:
        (tmp_path / "squeue").write_text("\n".join(["#!/bin/sh", *lines, ""]))
        (tmp_path / "squeue").chmod(0o755)

    return write


def test_jobs_of_this_folder_and_name_are_refused(squeue, tmp_path):
    lines = (f"7|ossum-a|{tmp_path}", f"8|ossum-b|{tmp_path}", f"9|mine|{tmp_path}", "6|ossum-a|/b")
    squeue(*(f"echo '{line}'" for line in lines))
    with pytest.raises(LeftOverError, match=r"still has 2 job\(s\)(?s:.*)scancel 7 8$"):
        refuse_left_over_jobs(tmp_path, "ossum")
    refuse_left_over_jobs("/c", "ossum")
    squeue("true")
    refuse_left_over_jobs(tmp_path, "ossum")


def test_a_slurm_that_does_not_answer_is_said(squeue, tmp_path):
    with pytest.raises(LeftOverError, match="no squeue here"):
        refuse_left_over_jobs(tmp_path, "ossum")
    squeue("echo no controller >&2", "exit 1")
    with pytest.raises(LeftOverError, match="does not answer: no controller"):
        refuse_left_over_jobs(tmp_path, "ossum")
