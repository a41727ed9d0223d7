"""Planning

    ./run python benchmarks/dag.py

What Snakemake takes to see what there is to do: a dry run of Figure 1 of FC-1000 in an empty
folder, with as many seeds as it needs for so many cells; once as jobs are fused by default, once as
a job a cell.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from common import document, row, rule, seconds

ROOT = Path(__file__).resolve().parent.parent
GRID = "two-layer-narrow"
# Ways to fuse, and for each about how many cells.
PLANS = {
    "default": ({}, [1_000, 5_000, 20_000]),
    "one job a cell": ({"fuse": {"prune": [], "evaluate": []}}, [1_000, 5_000]),
}
HEAD = ("fusion", "cells", "jobs", "seconds", "microseconds a cell")


def overlay(cells: int, fuse: dict) -> tuple[dict, int]:
    """A configuration of Figure 1 with about so many cells; and how many they are."""
    values = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    grid = values["grids"][GRID]
    a_seed = len(grid["datasets"]) * len(grid["methods"]) * len(grid["sparsities"])
    n_seeds = round(cells / a_seed)
    config = {section: dict.fromkeys(values[section]) for section in ("grids", "figures", "costs")}
    config["grids"][GRID] = {"seeds": list(range(n_seeds))}
    config["figures"]["fig1"] = [{"grid": GRID}]
    return config | fuse, n_seeds * a_seed


def dry_run(config: dict) -> tuple[float, int]:
    """Seconds and the number of jobs of a plan; RuntimeError with what Snakemake said."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "overlay.yaml")
        file.write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["results/tables/fig1.parquet", "--directory", folder, "--dry-run"]
        command += ["--quiet", "rules", "--configfile", str(file)]
        output = []

        def plan() -> None:
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
            output.append(done.stdout + done.stderr)

        took = seconds(plan)
        return took, int(re.search(r"^total +(\d+)", output[0], flags=re.M).group(1))


def lines() -> Iterator[str]:
    yield from (row(*HEAD), rule(len(HEAD)))
    for name, (fuse, sizes) in PLANS.items():
        for about in sizes:
            config, cells = overlay(about, fuse)
            took, jobs = dry_run(config)
            yield row(name, f"{cells:,}", f"{jobs:,}", f"{took:.1f}", f"{took / cells * 1e6:.0f}")


if __name__ == "__main__":
    document(sys.modules[__name__])
