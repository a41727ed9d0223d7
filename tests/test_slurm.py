"""The workflow on a real Slurm of one machine, with jobs cancelled, killed and kept waiting."""

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
from workflows import content, snakemake, tiny_deep

PARTS = ROOT / "tests/slurm"
FIGURES = ("figures/fig3.pdf", "figures/fig4.pdf")
# What is different on the cluster of the tests; and its jobs are so short that waiting dominates.
SITE = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "4"]
NODE = f"NodeName={os.uname().nodename.split('.')[0]}"

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[None]:
    missing = [tool for tool in ("slurmctld", "slurmd", "munged") if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        pytest.skip(f"starting Slurm needs root and {', '.join(missing) or 'nothing else'}")
    if Path("/etc/slurm/slurm.conf").exists():
        pytest.skip("this machine has a Slurm of its own")
    folder = tmp_path_factory.mktemp("cluster")
    try:
        subprocess.run([PARTS / "up.sh", folder, str(os.getpid())], check=True, timeout=60)
        yield
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
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = tiny_deep(folder / "config.yaml")
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--profile", str(ROOT / "profiles/slurm"), *SITE, *arguments]
        command += ["--configfile", str(self.config)]
        self.log = folder / "output.txt"
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Where tests run in the background it is ignored, and that is inherited.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def jobs(self, rule: str = ".*", states: str = "PENDING,RUNNING") -> list[str]:
        """Slurm's ids of the jobs of a rule in some states, in the order of submission."""
        listed = squeue("%i|%k|%Z", "--states", states, "--sort", "i")
        return [
            job
            for job, comment, at in listed
            if at == str(self.folder) and re.match(f"rule_{rule}(_wildcards|$)", comment)
        ]

    def wait_for(self, what: Callable[[], object], seconds: float = 300) -> object:
        deadline = time.monotonic() + seconds
        while not (found := what()):
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)
        return found

    def finish(self) -> int:
        return self.process.wait(timeout=600)

    @property
    def output(self) -> str:
        return self.log.read_text()


def squeue(columns: str, *arguments: str) -> list[list[str]]:
    command = ["squeue", "--noheader", "--format", columns, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line.strip().split("|") for line in done.stdout.splitlines()]


def scontrol(*arguments: str) -> str:
    command = ["scontrol", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, object]:
    """What a run on this machine makes, without Slurm."""
    folder = tmp_path_factory.mktemp("local")
    snakemake(folder, *FIGURES, config=tiny_deep(folder / "config.yaml"))
    return content(folder)


def resume() -> None:
    """Let the node have jobs again, if it has not."""
    with suppress(subprocess.CalledProcessError):
        scontrol("update", NODE, "State=RESUME")


def facts_of(job: str) -> dict[str, str]:
    """What Slurm knows of a job."""
    return dict(re.findall(r"(\w+)=(\S*)", scontrol("show", "job", job)))


def hang(folder: Path, script: str) -> bool:
    """Whether a script that works in a folder is there to be stopped, as by a disk that is gone."""
    for process in at_work(folder):
        if process.info["cmdline"][-1].endswith(f".{script}"):
            process.suspend()
            return True
    return False


def at_work(folder: Path) -> list[psutil.Process]:
    """The scripts of jobs that run in a folder."""
    running = psutil.process_iter(["cmdline", "cwd"])
    return [
        process
        for process in running
        if process.info["cwd"] == str(folder)
        and ".snakemake/scripts/" in (process.info["cmdline"] or [""])[-1]
    ]


def of_figure(origin: str, files: dict[str, object]) -> dict[str, object]:
    """Those of the files that a figure about networks of that origin is made of."""
    return {
        path: value
        for path, value in files.items()
        if f"origin={origin}" in path or (origin == "trained" and "trained-networks" in path)
    }


def submitted(run: Run) -> set[str]:
    """The rules whose jobs went to Slurm."""
    return set(re.findall(r"slurm_logs/rule_([a-z_]+)/", run.output))


def test_files_have_the_same_content_as_those_of_a_local_run(cluster, expected, tmp_path):
    run = Run(tmp_path, FIGURES[1])
    assert run.finish() == 0, run.output
    assert content(tmp_path) == of_figure("trained", expected)
    # Data, recipes, tables and figures are made where the user is.
    stages = ("network", "prune", "train", "evaluate")
    assert submitted(run) == {f"{stage}_deep_trained" for stage in stages}


def test_cancelled_starved_hanging_and_kept_waiting_the_run_ends_complete(
    cluster, expected, tmp_path
):
    """Nobody helps but the profile's retries."""
    scontrol("update", NODE, "State=DRAIN", "Reason=test")
    try:
        # Too little memory for torch, at first; and a minute, at first.
        limits = ["prune_deep:mem_mb=100*attempt**4", "evaluate_deep:runtime=attempt"]
        run = Run(tmp_path, FIGURES[0], "--set-resources", *limits)
        (starved,) = run.wait_for(lambda: run.jobs("prune_deep", "PENDING"))
        time.sleep(3)
        assert not run.jobs(states="RUNNING")
    finally:
        scontrol("update", NODE, "State=RESUME")
    run.wait_for(lambda: run.jobs("evaluate_deep", "RUNNING") and run.jobs("train_deep", "RUNNING"))
    (hanging,) = run.jobs("evaluate_deep", "RUNNING")
    cancelled = run.jobs("train_deep", "RUNNING")[0]
    subprocess.run(["scancel", cancelled], check=True)
    assert run.wait_for(lambda: hang(tmp_path, "evaluate.py"))
    assert run.finish() == 0, run.output
    assert content(tmp_path) == of_figure("init", expected)
    ended = {job: facts_of(job)["JobState"] for job in run.jobs(states="all")}
    assert ended[starved] in ("OUT_OF_MEMORY", "FAILED", "CANCELLED"), ended
    assert ended[hanging] == "TIMEOUT" and ended[cancelled] == "CANCELLED"
    assert sorted(ended.values()).count("COMPLETED") == 4
    second = run.jobs("prune_deep", "COMPLETED")[0]
    assert facts_of(second)["MinMemoryNode"] == "1600M"
    assert facts_of(run.jobs("evaluate_deep", "COMPLETED")[0])["TimeLimit"] == "00:02:00"


def test_after_a_killed_snakemake_its_jobs_are_not_submitted_twice(cluster, expected, tmp_path):
    run = Run(tmp_path, FIGURES[0])
    run.wait_for(lambda: hang(tmp_path, "prune.py"))  # or it might end before the next run looks
    run.process.kill()
    run.process.wait()
    left = run.jobs()
    snakemake(tmp_path, "--unlock", config=run.config)
    again = Run(tmp_path, FIGURES[0])
    assert again.finish() != 0
    assert f"scancel {' '.join(left)}" in again.output and "Traceback" not in again.output
    assert run.jobs() == left
    subprocess.run(["scancel", *left], check=True)
    while run.jobs(states="PENDING,RUNNING,COMPLETING"):
        time.sleep(0.1)
    # A job that fails in the end is named, with its log, and what is finished stays.
    failing = Run(tmp_path, FIGURES[0], "--retries", "0")
    failing.wait_for(lambda: failing.jobs("evaluate_deep"))
    (cancelled,) = failing.jobs("evaluate_deep")
    subprocess.run(["scancel", cancelled], check=True)
    assert failing.finish() != 0
    assert re.search(r"Error in rule evaluate_deep:", failing.output)
    assert f"SLURM-job '{cancelled}' failed, SLURM status is: 'CANCELLED'" in failing.output
    trained = [path for path in content(tmp_path) if path.startswith("results/trained/")]
    assert len(trained) == 4
    last = Run(tmp_path, FIGURES[0])
    assert last.finish() == 0, last.output
    assert submitted(last) == {"evaluate_deep"}
    assert content(tmp_path) == of_figure("init", expected)


def test_after_ctrl_c_and_a_failing_node_the_run_ends_complete(cluster, expected, tmp_path):
    first = Run(tmp_path, FIGURES[0])
    first.wait_for(lambda: hang(tmp_path, "prune.py"))
    first.process.send_signal(signal.SIGINT)
    assert first.finish() != 0
    while first.jobs(states="PENDING,RUNNING,COMPLETING"):  # Snakemake has cancelled them
        time.sleep(0.1)
    resume()  # Slurm drains a node on which a suspended process is slow to die
    assert {facts_of(job)["JobState"] for job in first.jobs(states="all")} <= {
        "CANCELLED",
        "COMPLETED",
    }
    again = Run(tmp_path, FIGURES[0])
    again.wait_for(lambda: hang(tmp_path, "train.py"))
    running = again.jobs(states="RUNNING")
    try:
        scontrol("update", NODE, "State=DOWN", "Reason=test")
        again.wait_for(lambda: set(running) <= set(again.jobs(states="PENDING")))
    finally:
        resume()
    for job in again.jobs(states="PENDING"):  # by itself, Slurm waits for two minutes
        scontrol("update", f"JobId={job}", "StartTime=now+15")
    assert again.finish() == 0, again.output
    assert content(tmp_path) == of_figure("init", expected)


def test_jobs_that_use_a_gpu_get_one(cluster, tmp_path):
    """Here it is none that torch can see, which the job says."""
    run = Run(tmp_path, FIGURES[0], "--config", "device=cuda", "--retries", "0")
    assert run.finish() != 0
    (pruning,) = run.jobs("prune_deep", "all")
    assert "gpu:1" in scontrol("show", "job", pruning)
    (log,) = (tmp_path / "logs/prune").rglob("*.log")
    assert "device: 'cuda' asks for a GPU, but torch" in log.read_text()
    assert "Error in rule prune_deep" in run.output
