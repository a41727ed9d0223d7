"""What to run on a GPU that is yours for a quarter of an hour, most valuable first.

    python benchmarks/gpu_kit.py --out DIR [--minutes 14] [STEP ...]

Every step has its own time limit, and a log in DIR that grows as the step runs. After each step,
DIR gets the tables that there are and a summary. Steps are runs of Snakemake, which goes on where
it was stopped: run the kit again in the same folder, or name the steps that are left. `--rehearse`
runs everything on the processor with the small networks of the smoke tier.

The machine needs no network. Bring the data sets (data/*.safetensors), and wheels of what its
Python lacks of requirements-gpu.lock: benchmarks/README.md has the commands.
"""

import argparse
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
SNAKEMAKE = (sys.executable, "-m", "snakemake")


@dataclass(frozen=True)
class Step:
    """what: in words. minutes: its limit. targets, overlays: of Snakemake. command: of Python."""

    what: str
    minutes: float
    targets: Sequence[str] = ()
    overlays: Sequence[str] = ()
    command: Sequence[str] = ()

    def run_by(self, rehearse: bool, jobs: int) -> list[str]:
        if self.command:
            small = (
                ["--device", "cpu", "--small"] if rehearse and "_steps" in self.command[0] else []
            )
            return [sys.executable, *self.command, *small]
        if rehearse:  # the smoke tier lacks the grids of other overlays
            where = ["--profile", "profiles/default", "--cores", "2"]
            return [*SNAKEMAKE, *where, *self.targets, "--configfile", "config/smoke.yaml"]
        where = ["--profile", "profiles/gpu", "--resources", f"gpu={jobs}"]
        overlays = ["--configfile", *self.overlays] if self.overlays else []
        return [*SNAKEMAKE, *where, *self.targets, *overlays]


STEPS = {
    "tests": Step(
        "tests that need a GPU",
        2,
        command=("-m", "pytest", "-q", "-n", "0", "tests/unit/test_device.py"),
    ),
    "quick": Step("Figure 1, quick", 3, ["figures/fig1.pdf"], ["config/quick.yaml"]),
    "verify": Step("its numbers beside the reference", 1, ["verify"], ["config/quick.yaml"]),
    "fig2": Step("Figure 2 with FC-100000", 8, ["figures/fig2.pdf"], ["benchmarks/gpu_fig2.yaml"]),
    "seeds": Step(
        "ten seeds",
        10,
        [f"results/tables/{name}.parquet" for name in ("fig3", "fig4", "fig5", "fig6", "fig7")],
        ["config/ten-seeds.yaml"],
    ),
    "readings": Step("all readings", 10, ["results/readings.md"], ["config/readings.yaml"]),
    "speed": Step(
        "passes and trainings beside their floors", 2, command=("benchmarks/gpu_steps.py",)
    ),
    "fig1": Step("Figure 1 of the paper", 10, ["figures/fig1.pdf"]),
    "everything": Step("the whole paper", 14, ["figures"]),
}


def main() -> int:
    """Returns the number of steps that failed or ran out of time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", default=list(STEPS), metavar="STEP", choices=STEPS)
    parser.add_argument("--out", type=Path, required=True, help="folder for logs and tables")
    parser.add_argument("--minutes", type=float, default=14, help="for all steps together")
    parser.add_argument("--jobs", type=int, default=6, help="that share the GPU")
    parser.add_argument("--rehearse", action="store_true", help="small networks, on the processor")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    end = perf_counter() + 60 * chosen.minutes
    failed = 0
    for name in chosen.steps:
        step = STEPS[name]
        left = min(60 * step.minutes, end - perf_counter())
        if left < 15:
            print(f"{name}: no time left")
            continue
        outcome, seconds = run(step.run_by(chosen.rehearse, chosen.jobs), left, chosen.out / name)
        failed += outcome != "done"
        line = f"{name} ({step.what}): {outcome}, {seconds:.0f} s"
        print(line, flush=True)
        with (chosen.out / "summary.txt").open("a", encoding="utf-8") as summary:
            summary.write(line + "\n")
        collect(chosen.out)
    return failed


def run(command: list[str], seconds: float, log: Path) -> tuple[str, float]:
    """How a command ended, and how long it took; its output is in log.log as it comes."""
    start = perf_counter()
    with log.with_suffix(".log").open("ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:
            outcome = "done" if process.wait(seconds) == 0 else f"failed, see {log.name}.log"
        except subprocess.TimeoutExpired:
            process.terminate()  # Snakemake ends its jobs, which keep what they have
            outcome = "stopped at its time limit"
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
    return outcome, perf_counter() - start


def collect(out: Path) -> None:
    """Put tables, evaluations and learning curves into one archive."""
    with tarfile.open(out / "results.tar.gz", "w:gz") as archive:
        for path in sorted((ROOT / "results").rglob("*.parquet")):
            if "reference" not in path.parts:
                archive.add(path, path.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main())
