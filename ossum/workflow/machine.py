"""What this process may use of its machine, also in a container or a batch job.

Affinity and control groups (version 1 and 2) may leave it less than there is. No library that we
have looks at the memory of control groups, and joblib sees a quota of the outermost group only.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from math import ceil, inf
from pathlib import Path

import psutil

# Fixed by custom: Docker, systemd and Slurm all have them there.
_GROUPS_OF_PROCESS = Path("/proc/self/cgroup")
_HIERARCHIES = Path("/sys/fs/cgroup")


def processors() -> int:
    """How many processors this process may keep busy: a quota of 1.5 counts as two."""
    return ceil(min([_allowed_processors(), *map(_quota, _groups("cpu"))]))


def free_memory() -> int:
    """How many bytes this process and others like it may still take, without swapping.

    What the system keeps of files, and would give up, counts as free.
    """
    free = min([psutil.virtual_memory().available, *map(_free, _groups("memory"))])
    return int(max(0, free))


def _allowed_processors() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _groups(controller: str) -> Iterator[Path]:
    """The folders of the control groups that this process is in, inner ones first. Each has limits
    of its own, and all of them hold.

    In a container the path of the inner group may be that on the host. Then the outermost group
    that can be seen is the container's own.
    """
    lines = []
    with suppress(OSError):  # not Linux, or /proc is hidden
        lines = _GROUPS_OF_PROCESS.read_text(encoding="utf-8").splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        names = [controller] if controller in controllers.split(",") else []
        names = names if controllers else [".", "unified"]  # version 2, alone or beside version 1
        for top in (_HIERARCHIES / name for name in names):
            inner = top / path.lstrip("/")
            yield from (group for group in (inner, *inner.parents) if group.is_relative_to(top))


def _quota(group: Path) -> float:
    """Processors, by the time that the group may use in a period; infinite if it is not limited."""
    version_1 = _numbers(group / "cpu.cfs_quota_us") + _numbers(group / "cpu.cfs_period_us")
    limit, period = _numbers(group / "cpu.max") or version_1 or [inf, 1]
    return limit / period if limit > 0 else inf


def _free(group: Path) -> float:
    """Bytes, infinite if the group is not limited."""
    limits = ("memory.max", "memory.high", "memory.limit_in_bytes")
    limit = min([inf, *(n for name in limits for n in _numbers(group / name))])
    used = [*_numbers(group / "memory.current"), *_numbers(group / "memory.usage_in_bytes"), 0]
    return limit - used[0] + _file_cache(group)


def _file_cache(group: Path) -> int:
    text = ""
    with suppress(OSError):
        text = (group / "memory.stat").read_text(encoding="utf-8")
    counts = dict(line.split(" ", 1) for line in text.splitlines())
    # Version 1 has totals beside, as its plain counts leave out the groups inside.
    prefix = "total_" if "total_inactive_file" in counts else ""
    return sum(int(counts.get(f"{prefix}{kind}_file", 0)) for kind in ("active", "inactive"))


def _numbers(path: Path) -> list[float]:
    """What a file of limits says; nothing if it is not there or cannot be read."""
    with suppress(OSError):
        words = path.read_text(encoding="utf-8").split()
        return [inf if word == "max" else int(word) for word in words]
    return []
