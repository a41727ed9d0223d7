"""How long the whole paper takes on more machines than one, for several ways to cut it into jobs.

    ./run python benchmarks/scaling.py FOLDER [CONFIG]

Prints Markdown. The jobs are those that Snakemake plans. How long each takes, on two cores, is what
`ossum.runtime` estimates, corrected stage by stage by the durations in FOLDER/results/benchmarks/,
where the workflow has run with the overlay CONFIG (such as config/quick.yaml; without one, with the
paper's configuration). Jobs are then dealt out to slots of two cores, longest way to go first.
"""

import heapq
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pandas as pd
import yaml
from snakemake.api import SnakemakeApi
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    Quietness,
    ResourceSettings,
    SchedulingSettings,
)
from snakemake.utils import update_config

from ossum.cells import SUBNETWORK, TRAINED_NETWORK, Cell, parse_result
from ossum.config import Config, parse_config
from ossum.runtime import job_seconds

ROOT = Path(__file__).resolve().parent.parent
PROFILE = ROOT / "profiles/slurm/config.yaml"
CORES_A_JOB = 2  # the rates behind the estimates were measured so
# Jobs at once. A node runs one at a time; other machines, as many as they have pairs of cores.
SLOTS = {
    **{1: "1 node", 4: "4 nodes or 8 cores", 16: "16 nodes"},
    **{32: "64 cores", 64: "64 nodes", 256: "512 cores"},
}
# Beside the work of a job on Slurm: Snakemake starts twice, and its end is noticed later.
START_SECONDS, NOTICE_SECONDS = 6, 40


@dataclass(frozen=True)
class Job:
    """A job of a plan; `after` are the positions of the jobs that it waits for.

    seconds: estimated; 0 where `stage` is none, for jobs that run where the user starts.
    """

    stage: str | None
    seconds: float
    after: tuple[int, ...]
    benchmark: str | None


def plan(overlay: Mapping) -> list[Job]:
    """The jobs of all figures with the paper's configuration changed by `overlay`, in order."""
    values = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    update_config(values, overlay)
    config = parse_config(values)
    quiet = OutputSettings(quiet={Quietness.ALL})
    with TemporaryDirectory() as folder, SnakemakeApi(quiet) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config=overlay),
            snakefile=ROOT / "Snakefile",
            workdir=Path(folder),
        )
        dag_api = workflow.dag(DAGSettings(targets={"figures"}))
        greedy = SchedulingSettings(scheduler="greedy")
        dag_api.execute_workflow(executor="dryrun", scheduling_settings=greedy)
        dag = workflow._workflow.dag
        order = [job for level in dag.toposorted() for job in level]
        position = {job: i for i, job in enumerate(order)}
        jobs = []
        for job in order:
            stage, seconds = None, 0.0
            if job.resources.get("runtime"):  # the others run where the user starts
                stage, cells = _cells(config, list(job.output))
                seconds = job_seconds(config, stage, cells, CORES_A_JOB)
            after = tuple(position[before] for before in dag.dependencies[job])
            jobs.append(Job(stage, seconds, after, job.benchmark and str(job.benchmark)))
    return jobs


def _cells(config: Config, outputs: Sequence[str]) -> tuple[str, list[Cell]]:
    """The stage, as in `ossum.runtime`, and the cells of a job."""
    if outputs == ["results/tables/costs.parquet"]:
        return "cost", [cell for grid in config.costs.values() for cell in grid.cells()]
    for stage, pattern in (("prune", SUBNETWORK), ("full", TRAINED_NETWORK)):
        folder, extension = pattern.split("dataset=")[0], Path(pattern).suffix
        found = [p for p in outputs if p.startswith(folder) and p.endswith(extension)]
        if found:
            return stage, [Cell.parse(path, pattern) for path in found]
    stages, cells = zip(*map(parse_result, outputs), strict=True)
    return stages[0], list(cells)


def measured_ratios(folder: Path, overlay: Mapping) -> dict[str, list[float]]:
    """Measured over estimated durations, by stage, of the jobs that ran in `folder`."""
    ratios = defaultdict(list)
    for job in plan(overlay):
        file = job.stage and folder / job.benchmark
        if file and file.exists():
            seconds = pd.read_csv(file, sep="\t")["s"].mean()
            ratios[job.stage].append(seconds / job.seconds)
    return dict(ratios)


def to_go(jobs: Sequence[Job], seconds: Sequence[float], notice: float) -> list[float]:
    """Of each job, the longest path from its start to the end of the plan."""
    longest = [0.0] * len(jobs)
    for i in reversed(range(len(jobs))):
        longest[i] += seconds[i]
        for before in jobs[i].after:
            wait = notice if jobs[before].stage else 0.0
            longest[before] = max(longest[before], longest[i] + wait)
    return longest


def makespan(jobs: Sequence[Job], seconds: Sequence[float], slots: int, notice: float) -> float:
    """When the last job ends if `slots` jobs run at once: list scheduling, longest path first.

    A job that waits for another starts `notice` seconds after its end at the earliest. Local jobs
    take no slot.
    """
    priority = to_go(jobs, seconds, notice)
    waiting = [len(set(job.after)) for job in jobs]
    followers = defaultdict(set)
    for i, job in enumerate(jobs):
        for before in job.after:
            followers[before].add(i)
    priority = [p if job.stage else float("inf") for p, job in zip(priority, jobs, strict=True)]
    ready = [(-priority[i], i) for i in range(len(jobs)) if not waiting[i]]
    heapq.heapify(ready)
    events: list[tuple[float, int, int]] = []  # (time, 0: ends or 1: is noticed, job)
    now, free = 0.0, slots
    while ready or events:
        while ready and (free or not jobs[ready[0][1]].stage):
            _, i = heapq.heappop(ready)
            free -= bool(jobs[i].stage)
            heapq.heappush(events, (now + seconds[i], 0, i))
        now, noticed, i = heapq.heappop(events)
        if not noticed:
            free += bool(jobs[i].stage)
            heapq.heappush(events, (now + (notice if jobs[i].stage else 0), 1, i))
            continue
        for follower in followers[i]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, (-priority[follower], follower))
    return now


def fusions() -> dict[str, dict]:
    """Ways to cut the work into jobs: values of the configuration's `fuse`."""
    profile = yaml.safe_load(PROFILE.read_text())["config"]["fuse"]
    return {
        "one job a cell": {stage: [] for stage in ("prune", "train", "evaluate")},
        "one machine (`config/config.yaml`)": {},
        "Slurm (`profiles/slurm`)": profile,
        "Slurm, `train: [method, sparsity]`": profile | {"train": ["method", "sparsity"]},
    }


def duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5940 else f"{seconds / 60:.0f} min"


def row(name: str, jobs: Sequence[Job], corrections: Mapping[str, float]) -> str:
    work = [job.seconds * corrections.get(job.stage or "", 1.0) for job in jobs]
    started = [w + START_SECONDS * bool(job.stage) for w, job in zip(work, jobs, strict=True)]
    n = sum(1 for job in jobs if job.stage)
    typical = median(w for w, job in zip(work, jobs, strict=True) if job.stage)
    ends = [makespan(jobs, started, slots, NOTICE_SECONDS) for slots in SLOTS]
    overhead = n * START_SECONDS
    path = max(to_go(jobs, started, NOTICE_SECONDS))
    times = [sum(work), overhead, max(work), path, *ends]
    return f"| {name} | {n:,} | {typical:.0f} s | {' | '.join(map(duration, times))} |"


def main() -> None:
    folder = Path(sys.argv[1])
    overlay = yaml.safe_load(Path(sys.argv[2]).read_text()) if len(sys.argv) > 2 else {}
    ratios = measured_ratios(folder, overlay)
    print("| stage | jobs measured | measured / estimated: median | all |\n|---|---|---|---|")
    for stage, values in ratios.items():
        range_ = f"{min(values):.2f} to {max(values):.2f}"
        print(f"| {stage} | {len(values)} | {median(values):.2f} | {range_} |")
    corrections = {stage: median(values) for stage, values in ratios.items()}
    columns = ["fusion", "jobs", "median job", "work", "starting", "longest job", "longest path"]
    columns += SLOTS.values()
    print(f"\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for name, fuse in fusions().items():
        print(row(name, plan({"fuse": fuse}), corrections), flush=True)
    print(
        f"\n{date.today()}. Jobs have {CORES_A_JOB} cores; a node runs one at a time. Starting: "
        f"{START_SECONDS} s a job, in its slot. A job's end is noticed {NOTICE_SECONDS} s later."
    )


if __name__ == "__main__":
    main()
