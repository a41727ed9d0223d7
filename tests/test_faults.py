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
from pathlib import Path

import psutil
import pytest
import yaml
from helpers import ROOT, assert_whole, jobs_of, results_of, snakemake, start

ALL_FIGURES = [f"fig{n}" for n in range(1, 10)]
N_WRITES = 40  # of a whole run, about
KINDS = ["snakemake", "job", "everything", "snapshot", "mid-write", "between"]
DEADLINE = 900  # seconds for a run on the busiest of machines


def configure(folder: Path, epochs: int = 120) -> Path:
    """Two whole networks are trained, pruned to eight and fine-tuned, by two jobs."""
    grid = {
        "datasets": ["digits"],
        "architectures": ["FC-96-64"],
        "methods": ["random", "ossum-pab"],
        "sparsities": [0.5, 0.75],
        "seeds": [0, 1],
    }
    everything = ["method", "sparsity", "seed"]
    overlay = {
        "grids": {"deep-trained": grid},
        "figures": dict.fromkeys(ALL_FIGURES)
        | {"fig4": [{"grid": "deep-trained", "stages": ["pruned", "finetuned"]}]},
        "training": dict.fromkeys(
            ["full_deep", "finetuned_deep"], {"schedule": {"digits": [[0.001, epochs]]}}
        ),
        "fuse": {"prune": everything, "evaluate": everything, "train": ["method", "seed"]},
        "threads": 1,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(overlay))
    return path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[dict, float]:
    """What comes out, and how many seconds it takes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    began = time.monotonic()
    snakemake(folder, config=configure(folder))
    assert not (folder / "results/restart").exists() or not any(
        (folder / "results/restart").rglob("*.*")
    )
    return results_of(folder), time.monotonic() - began


def run_again(folder: Path) -> None:
    """As the README says: unlock if there is a lock, and run."""
    unlock(folder)
    snakemake(folder, config=folder / "config.yaml")


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


def kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        pass


def run_and_kill(folder: Path, kind: str, seconds: float, number: int) -> bool:
    """Run the workflow until it is killed, after that time or in that write; whether it was."""
    count = folder / f"writes-{time.monotonic_ns()}"
    fault = {"FAULT": f"{kind}:{number}:{count}", "PYTHONPATH": str(ROOT / "tests/faults")}
    by_write = kind in ("mid-write", "between")
    process = start(folder, config=folder / "config.yaml", **(fault if by_write else {}))
    moment = time.monotonic() + seconds
    try:
        if by_write:
            process.wait(DEADLINE)
            return count.exists() and count.stat().st_size >= number
        if kind == "job":
            hit = wait(process, lambda: time.monotonic() >= moment and jobs_of(process))
            for job in jobs_of(process)[:1]:
                kill(job)
            process.wait(DEADLINE)
        elif kind == "snapshot":
            old = set(folder.glob("results/restart/**/[!.]*.safetensors"))
            hit = wait(
                process, lambda: set(folder.glob("results/restart/**/[!.]*.safetensors")) - old
            )
            os.killpg(process.pid, signal.SIGKILL)
        else:
            hit = wait(process, lambda: time.monotonic() >= moment)
            # Killed alone, Snakemake leaves jobs behind, which meet those of the next run.
            (os.kill if kind == "snakemake" else os.killpg)(process.pid, signal.SIGKILL)
        return bool(hit)
    except ProcessLookupError:
        return False
    finally:
        process.wait(DEADLINE)


def life(folder: Path, seed: int, kinds: list[str], undisturbed: tuple[dict, float]) -> Counter:
    """Kill runs in one folder, in random moments, until one ends; how many were killed, by kind."""
    expected, duration = undisturbed
    draw = random.Random(seed)
    configure(folder)
    killed = Counter()
    for kind in kinds:
        unlock(folder)
        seconds, number = draw.uniform(0.1, 0.9) * duration, draw.randint(1, N_WRITES // 3)
        killed[kind] += run_and_kill(folder, kind, seconds, number)
        assert_whole(folder)
    run_again(folder)
    assert results_of(folder) == expected
    assert not list(folder.glob("results/restart/**/[!.]*.safetensors"))
    return killed


def test_killed_in_all_ways_it_ends_the_same(undisturbed, tmp_path):
    seed = random.randrange(10**6)
    print("seed", seed)
    killed = life(tmp_path, seed, ["mid-write", "snakemake", "snapshot", "between"], undisturbed)
    assert killed.total() >= 3, killed


@pytest.mark.soak
def test_soak_of_at_least_fifty_kills(undisturbed, tmp_path):
    """`pytest -m soak -s`: minutes to an hour, by machine. Prints its seeds."""
    killed, seed = Counter(), random.randrange(10**6)
    began = time.monotonic()
    while killed.total() < 50:
        seed += 1
        kinds = random.Random(-seed).choices(KINDS, k=6)
        print("seed", seed, *kinds, flush=True)
        killed += life(tmp_path / str(seed), seed, kinds, undisturbed)
        print(f"{time.monotonic() - began:.0f} s, {killed.total()} kills", dict(killed), flush=True)
        shutil.rmtree(tmp_path / str(seed))
