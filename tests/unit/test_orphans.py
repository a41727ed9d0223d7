"""A job looks for the Snakemake that started it, and goes on where it cannot see it."""

import os
import threading

import psutil
import pytest

from ossum.workflow import orphans
from ossum.workflow.orphans import VARIABLE, end_with_snakemake


@pytest.fixture
def watches(monkeypatch):
    """What is watched, by process number, instead of being watched."""
    found = []
    monkeypatch.setattr(orphans, "_watch", lambda process: found.append(process.pid))
    monkeypatch.setattr(orphans.signal, "signal", lambda *_: None)
    return found


def started(watches):
    end_with_snakemake()
    for thread in threading.enumerate():
        if thread.daemon and thread is not threading.current_thread():
            thread.join(0.2)
    return watches


def test_the_snakemake_above_is_watched(watches, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(os.getppid()))
    assert started(watches) == [os.getppid()]


def test_without_one_above_nothing_is_watched(watches, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert started(watches) == []
    monkeypatch.setenv(VARIABLE, str(os.getpid()))  # on a cluster, of another machine
    assert started(watches) == []


@pytest.mark.parametrize("error", [psutil.AccessDenied, psutil.NoSuchProcess])
def test_a_system_that_hides_processes_harms_no_job(watches, monkeypatch, error):
    """As /proc does, mounted with hidepid: those of other users, so the one above Snakemake."""

    def hidden(self):
        raise error(self.pid)

    above = psutil.Process.parent
    monkeypatch.setenv(VARIABLE, str(os.getppid()))
    monkeypatch.setattr(psutil.Process, "parents", hidden)
    monkeypatch.setattr(
        psutil.Process, "parent", lambda self: (above if self.pid == os.getpid() else hidden)(self)
    )
    assert started(watches) == [os.getppid()]
    monkeypatch.setattr(psutil.Process, "parent", hidden)
    assert started(watches) == [os.getppid()]


def test_a_snakemake_that_cannot_be_seen_any_more_counts_as_alive(monkeypatch):
    process = psutil.Process()
    assert orphans._alive(process)

    def hidden(self):
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "status", hidden)
    assert orphans._alive(process)
