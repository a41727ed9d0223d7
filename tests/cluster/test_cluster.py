"""The workflow on a real Slurm of one machine, with jobs cancelled, starved and left over."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from helpers import ROOT
from workflows import configure, content, done, refused, snakemake

PARTS = ROOT / "tests/cluster"
TABLE = "results/tables/fig3.parquet"
# What is different on the cluster of the tests; and its jobs are so short that waiting dominates.
SITE = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "4"]
NODE = f"NodeName={os.uname().nodename.split('.')[0]}"

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Path]:
    """Starts Slurm; what it leaves, and what it says of ended jobs, is in the folder."""
    missing = [tool for tool in ("slurmctld", "slurmd", "munged") if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        pytest.skip(f"starting Slurm needs root and {', '.join(missing) or 'nothing else'}")
    if Path("/etc/slurm/slurm.conf").exists():
        pytest.skip("this machine has a Slurm of its own")
    folder = tmp_path_factory.mktemp("cluster")
    try:
        subprocess.run([PARTS / "up.sh", folder, str(os.getpid())], check=True, timeout=60)
        yield folder
    finally:
        subprocess.run([PARTS / "down.sh", folder], check=True, timeout=60)


@pytest.fixture(autouse=True)
def nobody_left(tmp_path) -> Iterator[None]:
    """Without cgroups, Slurm loses sight of some processes of jobs that it cancels."""
    yield
    for process in psutil.process_iter(["cwd"]):
        if process.info["cwd"] == str(tmp_path):
            process.kill()


class Run:
    """`snakemake --profile profiles/slurm` in a folder, in the background."""

    def __init__(self, folder: Path, *arguments: str):
        self.folder, self.log = folder, folder / "output.txt"
        config = configure(folder / "config.yaml")
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--profile", str(ROOT / "profiles/slurm"), *SITE, *arguments]
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [*command, "--configfile", str(config)],
                cwd=folder,
                # Without the package on its path, Snakemake speaks in its own words.
                env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
                stdout=output,
                stderr=subprocess.STDOUT,
                # Where tests run in the background it is ignored, and that is inherited.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def jobs(self, states: str = "PENDING,RUNNING") -> list[str]:
        """Slurm's ids of the run's jobs in some states, in the order of submission."""
        return [job for job, at in squeue("%i|%Z", states) if at == str(self.folder)]

    def wait_for(self, what: Callable[[], object], seconds: float = 300) -> object:
        deadline = time.monotonic() + seconds
        while not (found := what()):
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)
        return found

    def script(self, name: str) -> psutil.Process | None:
        """The process of a job's script, if it runs now."""
        for process in psutil.process_iter(["cmdline", "cwd"]):
            words = process.info["cmdline"] or [""]
            if process.info["cwd"] == str(self.folder) and words[-1].endswith(f".{name}.py"):
                return process
        return None

    def hold(self, name: str) -> str:
        """Stop a script when it begins, as a disk that is gone would; the Slurm job it is in."""
        self.wait_for(lambda: self.script(name)).suspend()
        (job,) = self.jobs("RUNNING")
        return job

    def finish(self) -> int:
        return self.process.wait(timeout=600)

    @property
    def output(self) -> str:
        return self.log.read_text()


def squeue(columns: str, states: str) -> list[list[str]]:
    command = ["squeue", "--noheader", "--format", columns, "--states", states, "--sort", "i"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line.strip().split("|") for line in done.stdout.splitlines()]


def scontrol(*arguments: str) -> str:
    command = ["scontrol", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def facts_of(job: str) -> dict[str, str]:
    """What Slurm knows of a job."""
    return dict(re.findall(r"(\w+)=(\S*)", scontrol("show", "job", job)))


def ended(run: Run) -> list[str]:
    """How the jobs of a run ended, by their ids, once Slurm is done with them."""
    while run.jobs("PENDING,RUNNING,COMPLETING"):
        time.sleep(0.1)
    with suppress(subprocess.CalledProcessError):
        # Slurm drains a node on which a suspended process is slow to die.
        scontrol("update", NODE, "State=RESUME")
    return [facts_of(job)["JobState"] for job in run.jobs("all")]


def test_starved_and_cancelled_the_run_ends_with_what_one_without_slurm_has(
    cluster, finished, tmp_path
):
    """Nobody helps but the profile's retries; the first job gets too little memory for torch. A
    network's pruning and evaluation are one Slurm job, so are training and evaluation; what takes
    seconds is done where the user is."""
    limits = [f"{rule}:mem_mb=100*attempt**4" for rule in ("prune", "evaluate")]
    run = Run(tmp_path, TABLE, "--set-resources", *limits)
    run.wait_for(lambda: run.script("train"))
    (training,) = run.jobs("RUNNING")
    subprocess.run(["scancel", training], check=True)
    assert run.finish() == 0, run.output

    expected, found = content(finished), content(tmp_path)
    assert {path.split("/")[0] for path in found} >= {"tables", "subnetworks", "trained"}
    assert found == {path: expected[path] for path in found}

    starved, *others = ended(run)
    assert starved in ("OUT_OF_MEMORY", "FAILED", "CANCELLED"), run.output
    assert others == ["COMPLETED", "CANCELLED", "COMPLETED"]
    assert facts_of(run.jobs("all")[1])["MinMemoryNode"] == "1600M"
    assert (cluster / "jobcomp.txt").read_text().count(f"WorkDir={tmp_path} ") == 4
    ran = done(run.output)
    local = {"dataset": 1, "init": 1, "table": 1}
    assert ran == local | {"prune": 1, "evaluate": 1, "train": 1, "evaluate_trained": 1}


def test_jobs_that_are_left_over_are_not_submitted_twice_and_ctrl_c_leaves_none(cluster, tmp_path):
    """Jobs that use a GPU ask for one."""
    run = Run(tmp_path, TABLE)
    left = run.hold("prune")
    run.process.kill()
    run.process.wait()
    snakemake(tmp_path, "--unlock")
    profile = ["--profile", str(ROOT / "profiles/slurm"), *SITE]
    said = refused(tmp_path, TABLE, *profile)
    assert "jobs of an earlier run" in said.replace("job(s)", "jobs") and f"scancel {left}" in said
    assert run.jobs() == [left]
    subprocess.run(["scancel", left], check=True)
    assert ended(run) == ["CANCELLED"]

    again = Run(tmp_path, TABLE, "--config", "device=cuda")
    (job,) = again.wait_for(again.jobs)
    assert "gpu:1" in scontrol("show", "job", job)
    again.process.send_signal(signal.SIGINT)
    assert again.finish() != 0
    assert set(ended(again)) == {"CANCELLED"}, again.output
