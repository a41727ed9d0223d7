"""Nothing is lost, and nothing half-written is taken for whole, whatever is killed or full.

A workflow on digits that trains whole networks, prunes and fine-tunes them is killed in all ways
and places, and run again until it ends. Its results must be those of a run that nothing disturbed.
"""

import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml
from helpers import ROOT
from workflows import assert_whole, jobs_of, results_of, snakemake, start

TABLE = "results/tables/fig4.parquet"
BY_WRITE = ["mid-write", "between", "orphan"]
KINDS = ["snakemake", "job", "everything", "snapshot", *BY_WRITE]
DEADLINE = 1500  # seconds for a run on the busiest of machines


def configure(folder: Path, epochs: int = 100) -> Path:
    """Two whole networks are trained together; they are pruned to eight, of two sizes, which are
    fine-tuned by one job."""
    grid = {
        "datasets": ["digits"],
        "architectures": ["FC-96-64"],
        "methods": ["random", "ossum-pab"],
        "sparsities": [0.5, 0.75],
        "seeds": [0, 1],
    }
    protocol = {"schedule": {"digits": [[0.001, epochs]]}}
    overlay = {
        "grids": {"deep-trained": grid},
        "figures": {f"fig{n}": None for n in range(1, 10)}
        | {"fig4": [{"grid": "deep-trained", "stages": ["finetuned"]}]},
        "training": {"full_deep": protocol, "finetuned_deep": protocol},
        "fuse": {stage: ["method", "sparsity", "seed"] for stage in ("prune", "train")},
        "threads": 1,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(overlay))
    return path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[dict, float, int]:
    """What comes out, how many seconds it takes, and how many bytes of disk."""
    folder = tmp_path_factory.mktemp("undisturbed")
    began = time.monotonic()
    snakemake(folder, TABLE, config=configure(folder))
    seconds = time.monotonic() - began
    assert not snapshots(folder)
    used = sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*"))
    return results_of(folder), seconds, used


def snapshots(folder: Path) -> set[Path]:
    return set(folder.glob("results/restart/**/[!.]*.safetensors"))


def changed(path: Path) -> float:
    """When a file was written; long ago if it is gone by now."""
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0


def run_again(folder: Path) -> None:
    """As the README says: unlock if there is a lock, and run."""
    unlock(folder)
    snakemake(folder, TABLE, config=folder / "config.yaml")


def unlock(folder: Path) -> None:
    if any(folder.glob(".snakemake/locks/*")):
        snakemake(folder, "--unlock", config=folder / "config.yaml")


def wait(process: subprocess.Popen, until) -> bool:
    """Whether `until` came true before the process ended."""
    deadline = time.monotonic() + DEADLINE
    while process.poll() is None:
        if until():
            return True
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return False


def run_and_kill(folder: Path, kind: str, seconds: float, number: int) -> bool:
    """Run the workflow until it is killed, after that time or in that write; whether it was."""
    count = folder / f"writes-{time.monotonic_ns()}"
    fault = {"FAULT": f"{kind}:{number}:{count}", "PYTHONPATH": str(ROOT / "tests/faults")}
    by_write = kind in BY_WRITE
    process = start(folder, TABLE, config=folder / "config.yaml", **(fault if by_write else {}))
    moment = time.monotonic() + seconds
    if kind == "job":
        hit = wait(process, lambda: time.monotonic() >= moment and jobs_of(process))
        for job in jobs_of(process)[:1]:
            with suppress(psutil.NoSuchProcess):
                job.kill()
    elif kind == "snapshot":
        began = time.time()
        hit = wait(process, lambda: any(changed(path) > began for path in snapshots(folder)))
        kill_group(process)
    elif not by_write:
        hit = wait(process, lambda: time.monotonic() >= moment)
        # Killed alone, Snakemake leaves jobs behind, which meet those of the next run.
        process.kill() if kind == "snakemake" else kill_group(process)
    process.wait(DEADLINE)
    if by_write:
        hit = count.exists() and count.stat().st_size >= number
    assert hit or process.returncode == 0, (process.returncode, (folder / "run.log").read_text())
    return hit


def kill_group(process: subprocess.Popen) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def life(
    folder: Path, seed: int, kinds: list[str], undisturbed: tuple[dict, float, int]
) -> Counter:
    """Kill runs in one folder in these ways, at random moments, then let one end.

    How many were killed, by kind: a run may end before its moment comes.
    """
    expected, duration, _ = undisturbed
    draw = random.Random(seed)
    configure(folder)
    killed = Counter()
    for kind in kinds:
        # The first half of a run makes the data, recipes, trained networks and subnetworks.
        moment = draw.uniform(0.05, 0.5) * duration, draw.randint(1, 15)
        unlock(folder)
        hit = run_and_kill(folder, kind, *moment)
        assert_whole(folder)
        if not hit:  # it had ended before: again, from the start
            assert results_of(folder) == expected
            shutil.rmtree(folder / "results")
            hit = run_and_kill(folder, kind, *moment)
            assert_whole(folder)
        killed[kind] += hit
    run_again(folder)
    # A snapshot may be left by a job that was killed when it had just written everything.
    assert results_of(folder) == expected
    return killed


def test_killed_in_all_ways_it_ends_the_same(undisturbed, tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    killed = life(tmp_path, seed, ["mid-write", "snakemake", "between", "snapshot"], undisturbed)
    assert killed.total() >= 3, killed
    logs = "".join(path.read_text() for path in (tmp_path / "logs").rglob("*.log"))
    assert "going on after epoch" in logs


def test_what_depends_on_an_interrupted_job_is_made_too(tmp_path):
    """An orphan may finish its files, but not its job. (Snakemake 9.27 leaves out what depends on
    such a job through ancient files, and says that all is done.)"""
    configure(tmp_path)
    assert run_and_kill(tmp_path, "orphan", 0, 1)
    unlock(tmp_path)
    plan = snakemake(tmp_path, TABLE, "--dry-run", config=tmp_path / "config.yaml")
    for rule in (
        "init",
        "network_deep_trained",
        "prune_deep_trained",
        "train_deep_trained",
        "table",
    ):
        assert f"\n{rule} " in plan.stdout


def test_orphans_end_by_themselves(tmp_path):
    """The job would take an hour; its Snakemake is killed, and it is not."""
    process = start(tmp_path, TABLE, config=configure(tmp_path, epochs=100_000))
    assert wait(process, lambda: snapshots(tmp_path))
    orphans = jobs_of(process)
    assert orphans
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(orphans, timeout=120)
    assert not alive
    (log,) = (tmp_path / "logs/train-network").rglob("*.log")
    assert "Snakemake is gone: this job ends" in log.read_text()
    assert len(snapshots(tmp_path)) == 1 and not list((tmp_path / "results").rglob(".*.part"))


def test_a_second_run_in_the_same_folder_is_refused(undisturbed, tmp_path):
    expected, *_ = undisturbed
    curve = next(name for name in expected if name.startswith("trained-networks/"))
    config = configure(tmp_path)
    first = start(tmp_path, f"results/{curve}", config=config)
    assert wait(first, lambda: any(tmp_path.glob(".snakemake/locks/*.output.lock")))
    os.killpg(first.pid, signal.SIGSTOP)  # or it may end before the second has begun
    second = snakemake(tmp_path, TABLE, config=config, check=False)
    os.killpg(first.pid, signal.SIGCONT)
    assert second.returncode != 0
    assert "Directory cannot be locked" in second.stdout and "--unlock" in second.stdout
    assert "Traceback" not in second.stdout
    assert first.wait(DEADLINE) == 0
    found = results_of(tmp_path)
    assert curve in found and found == {name: expected[name] for name in found}


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no permission to mount a small disk: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_is_said_and_harms_nothing(undisturbed, small_disk):
    """Half of what the run needs is free, until it has failed."""
    expected, _, used = undisturbed
    config = configure(small_disk)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - used // 2))
    run = snakemake(small_disk, TABLE, config=config, check=False)
    assert run.returncode != 0
    assert "no space left on the disk" in run.stdout
    assert "free some space and run again" in run.stdout
    assert_whole(small_disk)
    ballast.unlink()
    run_again(small_disk)
    assert results_of(small_disk) == expected


@pytest.mark.soak
def test_soak_of_at_least_fifty_kills(undisturbed, tmp_path):
    """`pytest -m soak -n 0 -s`: minutes to an hour, by machine. Prints its seeds."""
    killed, seed = Counter(), random.randrange(10**6)
    began = time.monotonic()
    while killed.total() < 50:
        seed += 1
        kinds = random.Random(-seed).choices(KINDS, k=6)
        print("seed", seed, *kinds, flush=True)
        killed += life(tmp_path / str(seed), seed, kinds, undisturbed)
        print(f"{time.monotonic() - began:.0f} s, {killed.total()} kills", dict(killed), flush=True)
        shutil.rmtree(tmp_path / str(seed))
