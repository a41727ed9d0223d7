"""What a process may use of its machine: affinity, control groups of both versions, free memory."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from helpers import ROOT

from ossum.workflow import machine
from ossum.workflow.machine import free_memory, processors

GIB = 2**30
INSIDE = "from ossum.workflow.machine import *; print(processors(), free_memory())"


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Makes the tree of control groups of a machine with 64 processors and 100 GiB free."""
    monkeypatch.setattr(machine, "_GROUPS_OF_PROCESS", tmp_path / "self")
    monkeypatch.setattr(machine, "_HIERARCHIES", tmp_path / "tree")
    monkeypatch.setattr(machine, "_allowed_processors", lambda: 64)
    free = psutil.virtual_memory()._replace(available=100 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)

    def make(of_process: str, files: dict[str, object]) -> None:
        (tmp_path / "self").write_text(of_process, encoding="utf-8")
        for name, content in files.items():
            path = tmp_path / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n", encoding="utf-8")

    return make


VERSION_1 = "9:name=systemd:/\n4:memory:/job/step\n2:cpu,cpuacct:/job/step\n1:cpuset:/\n"
UNLIMITED_1 = 0x7FFFFFFFFFFFF000


@pytest.mark.parametrize(
    ("of_process", "files", "expected"),
    [
        # A container: its own group is the outermost that it sees.
        ("0::/\n", {"cpu.max": "150000 100000", "memory.max": 4 * GIB}, (2, 4)),
        ("0::/\n", {"cpu.max": "max 100000", "memory.max": "max"}, (64, 100)),
        # A service or a job: the least of all groups around it holds.
        (
            "0::/user.slice/run.scope\n",
            {
                "user.slice/memory.max": 8 * GIB,
                "user.slice/memory.current": 3 * GIB,
                "user.slice/run.scope/memory.high": 6 * GIB,
                "user.slice/cpu.max": "200000 100000",
                "user.slice/run.scope/cpu.max": "800000 100000",
            },
            (2, 5),
        ),
        # What is kept of files can be given up; what programs have cannot.
        (
            "0::/\n",
            {
                "memory.max": 4 * GIB,
                "memory.current": 3 * GIB,
                "memory.stat": f"anon {GIB}\nactive_file {GIB}\ninactive_file {GIB}\nshmem 7",
            },
            (64, 3),
        ),
        (
            VERSION_1,
            {
                "memory/memory.limit_in_bytes": UNLIMITED_1,
                "memory/job/memory.limit_in_bytes": 9 * GIB,
                "memory/job/memory.usage_in_bytes": 8 * GIB,
                "memory/job/memory.stat": f"inactive_file 0\ntotal_inactive_file {2 * GIB}",
                "memory/job/step/memory.limit_in_bytes": UNLIMITED_1,
                "cpu/cpu.cfs_quota_us": -1,
                "cpu/cpu.cfs_period_us": 100_000,
                "cpu/job/step/cpu.cfs_quota_us": 50_000,
                "cpu/job/step/cpu.cfs_period_us": 100_000,
            },
            (1, 3),
        ),
        # In a container of version 1 the path is that on the host.
        (VERSION_1, {"memory/memory.limit_in_bytes": 2 * GIB}, (64, 2)),
        # Version 2 beside version 1.
        ("0::/job\n", {"unified/job/memory.max": GIB}, (64, 1)),
        # All is taken; nothing can be read.
        ("0::/\n", {"memory.max": GIB, "memory.current": 2 * GIB}, (64, 0)),
        ("0::/\n", {}, (64, 100)),
    ],
)
def test_the_least_of_all_limits_holds(groups, of_process, files, expected):
    groups(of_process, files)
    assert (processors(), free_memory() / GIB) == expected


def test_without_control_groups_the_machine_is_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_GROUPS_OF_PROCESS", tmp_path / "none")
    assert 1 <= processors() <= os.cpu_count()
    assert 0 < free_memory() < psutil.virtual_memory().total


def inside(*before: str) -> tuple[int, int]:
    """What a new process finds, started by way of another command."""
    command = [*before, sys.executable, "-c", INSIDE]
    said = subprocess.check_output(command, cwd=ROOT, encoding="utf-8")
    return tuple(map(int, said.split()))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux has affinity")
def test_a_process_on_one_processor_has_one():
    assert inside("taskset", "-c", str(min(os.sched_getaffinity(0))))[0] == 1


def test_a_real_control_group(tmp_path):
    """300 MB and half a processor, on Linux where this user may make groups."""
    made = []
    for controller, files in {
        "memory": {"memory.max": 3 * 10**8, "memory.limit_in_bytes": 3 * 10**8},
        "cpu": {"cpu.max": "50000 100000", "cpu.cfs_quota_us": 50_000},
    }.items():
        own = next((g for g in machine._groups(controller) if (g / "cgroup.procs").exists()), None)
        group = (own or Path("/none")) / f"ossum-test-{os.getpid()}"
        if group in made:
            continue
        try:
            group.mkdir()
            made.append(group)
            for name, value in files.items():
                if (group / name).exists():
                    (group / name).write_text(f"{value}\n", encoding="utf-8")
        except OSError as error:
            pytest.skip(f"no control group can be made here: {error}")
    groups = " ".join(map(str, made))
    enter = f'for group in {groups}; do echo $$ > $group/cgroup.procs || exit 9; done; exec "$@"'
    try:
        n_processors, free = inside("sh", "-c", enter, "sh")
    finally:
        for group in made:
            group.rmdir()
    assert n_processors == 1 and 0 < free < 3 * 10**8
