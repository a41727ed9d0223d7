"""Nothing is lost, and nothing half-written is taken for whole, whatever is killed."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from workflows import DEEP, configure, content, jobs_of, refused, snakemake, start

# Of trained networks that are pruned and fine-tuned.
TABLE = "results/tables/fig4.parquet"
LOGS = (
    f"logs/train_network/layered-trained/{DEEP}.log",
    (f"logs/finetune/layered-trained/{DEEP}/sparsity=0.5.log"),
)


def snapshots(folder: Path, stage: str = "*") -> list[Path]:
    return list(folder.glob(f"results/{stage}/**/*.checkpoint/[!.]*.safetensors"))


def wait(process: subprocess.Popen, until: Callable[[], object]) -> bool:
    """Whether `until` came true before the process ended."""
    deadline = time.monotonic() + 600
    while process.poll() is None:
        if until():
            return True
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return False


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> SimpleNamespace:
    """Snakemake is killed while a network is trained, then a job while it fine-tunes, whose
    snapshot is damaged too; and after each the workflow is run again. What is seen on the way."""
    folder = tmp_path_factory.mktemp("interrupted")
    configure(folder / "config.yaml")
    seen = SimpleNamespace(folder=folder)
    train_network, finetune = (folder / log for log in LOGS)

    process = start(folder, TABLE)
    assert wait(process, lambda: snapshots(folder, "trained-networks"))
    orphans = jobs_of(process)
    process.kill()
    process.wait()
    seen.orphans, seen.alive = psutil.wait_procs(orphans, timeout=120)
    seen.log_of_orphan = train_network.read_text()
    seen.kept = snapshots(folder)
    seen.half_written = list(folder.rglob(".*.part"))
    seen.locked = refused(folder, TABLE)
    snakemake(folder, "--unlock")

    process = start(folder, TABLE)
    assert wait(process, lambda: snapshots(folder, "finetuned"))
    (victim,) = (job for job in jobs_of(process) if job.cmdline()[-1].endswith(".train.py"))
    victim.kill()
    seen.status = process.wait(600)
    seen.log_of_resumed = train_network.read_text()
    (snapshot,) = snapshots(folder, "finetuned")
    flip_a_bit(snapshot)
    seen.last = snakemake(folder, TABLE, "--cores", "1")
    seen.log_of_damaged = finetune.read_text()
    return seen


def test_jobs_end_with_their_snakemake(run):
    """They leave snapshots, and no other files."""
    assert run.orphans and not run.alive
    assert "Snakemake is gone: this job ends" in run.log_of_orphan
    assert len(run.kept) == 1 and run.half_written == []


def test_a_killed_snakemake_leaves_a_lock_and_the_next_says_how_to_take_it_away(run):
    assert "Directory cannot be locked" in run.locked and "--unlock" in run.locked


def test_training_goes_on_from_its_snapshot(run):
    assert "going on" in run.log_of_resumed


def test_a_killed_job_fails_the_run(run):
    assert run.status == 1


def test_a_damaged_snapshot_is_named_and_not_used(run):
    assert "ignoring a snapshot: results/finetuned/" in run.log_of_damaged
    assert "is damaged (" in run.log_of_damaged
    assert "going on" not in run.log_of_damaged


def test_it_ends_with_what_an_undisturbed_run_has_on_more_cores(run, finished):
    expected, found = content(finished), content(run.folder)
    stages = {path.split("/")[0] for path in found}
    assert {"networks", "trained-networks", "subnetworks", "finetuned", "evaluations"} <= stages
    assert found == {path: expected[path] for path in found}
    assert snapshots(run.folder) == []


WRITES = ["mid-write", "between"]  # by faults/sitecustomize.py
KINDS = ["snakemake", "job", "everything", *WRITES]


def run_and_kill(folder: Path, kind: str, draw: random.Random) -> bool:
    """Run the workflow until a random moment or write, and kill; False if it ended before."""
    count = folder / f"writes-{time.monotonic_ns()}"
    fault = {"FAULT": f"{kind}:{draw.randint(1, 12)}:{count}"}
    fault["PYTHONPATH"] = str(Path(__file__).parent / "faults")
    process = start(folder, TABLE, **(fault if kind in WRITES else {}))
    if kind not in WRITES:
        n_jobs, pause, log = draw.randint(0, 6), draw.uniform(0, 5), folder / "run.log"
        wait(process, lambda: log.read_text().count("Finished jobid") >= n_jobs)
        until = time.monotonic() + pause
        wait(process, lambda: time.monotonic() > until and jobs_of(process))
        with suppress(ProcessLookupError, IndexError, psutil.NoSuchProcess):
            if kind == "job":
                jobs_of(process)[0].kill()
            elif kind == "snakemake":  # its jobs meet those of the next run
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
    return process.wait(600) != 0


@pytest.mark.soak
def test_soak_of_fifty_kills(finished, tmp_path):
    """`pytest -m soak -n 0 -s`: about an hour. Prints its seed."""
    seed, expected, killed = random.randrange(10**6), content(finished), Counter()
    print("seed", seed)
    draw = random.Random(seed)
    while killed.total() < 50:
        configure(tmp_path / "run/config.yaml")
        for kind in draw.choices(KINDS, k=5):
            hit = run_and_kill(tmp_path / "run", kind, draw)
            killed[kind] += hit
            content(tmp_path / "run")  # all that is there is whole
            snakemake(tmp_path / "run", "--unlock")
            if not hit:  # it had ended: from the start
                shutil.rmtree(tmp_path / "run/results")
        snakemake(tmp_path / "run", TABLE)
        found = content(tmp_path / "run")
        assert found == {path: expected[path] for path in found}
        print(dict(killed), flush=True)
        shutil.rmtree(tmp_path / "run")
