"""A small configuration of the workflow, how tests run it, and what its results say."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import yaml
from helpers import ROOT
from safetensors.torch import load_file

from ossum.config.schema import merged
from ossum.storage import results

SMALL = yaml.safe_load((ROOT / "tests/small.yaml").read_text())
VIEWS = {figure: views for figure, views in SMALL["figures"].items() if views}
TARGETS = ("figures/fig1.pdf", "results/claims.md")
SHALLOW, DEEP = (
    f"dataset=digits/architecture={name}/activation=tanh/distribution=uniform/seed=0"
    for name in ("FC-12", "FC-12-8")
)


def configure(path: Path, change: dict | None = None) -> Path:
    """Write the small configuration, with a change."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(merged(SMALL, change or {})), encoding="utf-8")
    return path


def copy_of_workflow(folder: Path) -> Path:
    """A copy of all that the workflow consists of, to be changed; its Snakefile."""
    for name in ("rules", "scripts", "ossum", "config", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "environment.yml", folder)
    return Path(shutil.copy(ROOT / "Snakefile", folder))


def command(
    folder: Path,
    *arguments: str,
    config: Path | str = "config.yaml",
    snakefile: Path = ROOT / "Snakefile",
) -> dict:
    """How to start the workflow in a folder, for `subprocess`; with the configuration there, if
    there is one."""
    words = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile)]
    words += ["--directory", str(folder), "--cores", "2", *arguments]
    if (folder / config).exists():
        words += ["--configfile", str(folder / config)]
    return {
        "args": words,
        "cwd": folder,
        "env": {key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        "stderr": subprocess.STDOUT,
        "text": True,
    }


def snakemake(folder: Path, *arguments: str, fails: bool = False, **options) -> str:
    """Run the workflow, as users do, and return what it says."""
    how = command(folder, *arguments, **options)
    run = subprocess.run(**how, stdout=subprocess.PIPE, timeout=900)
    assert (run.returncode != 0) == fails, f"{' '.join(run.args)}:\n{run.stdout}"
    return run.stdout


def refused(folder: Path, *arguments: str, **options) -> str:
    """What a run that fails says, on one line; never a traceback."""
    said = snakemake(folder, *arguments, fails=True, **options)
    assert "Traceback (most recent call last)" not in said
    return " ".join(said.split())


def plan(folder: Path, *arguments: str, **options) -> dict[str, int]:
    """How many jobs of each rule a dry-run announces."""
    said = snakemake(folder, *arguments, "--dry-run", "--quiet", "rules", **options)
    jobs = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", said, re.M)}
    assert jobs.pop("total", 0) == sum(jobs.values())
    return jobs


def done(said: str) -> Counter[str]:
    """How many jobs of each rule have ended well, by what a run said."""
    return Counter(re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)$", said, re.M))


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen:
    """Begin a run in a process group of its own; what it says goes to `run.log`."""
    how = command(folder, *arguments)
    how["env"] |= environment
    with (folder / "run.log").open("w") as output:
        return subprocess.Popen(**how, stdout=output, start_new_session=True)


def jobs_of(process: subprocess.Popen) -> list[psutil.Process]:
    """The running scripts of a run."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                words = child.cmdline()
                if words[0] == sys.executable and ".snakemake/scripts/" in words[-1]:
                    found.append(child)
    return found


def content(folder: Path) -> dict[str, object]:
    """What every result of a run says, by path, without how long it took.

    Reading a file that is not whole fails. Weights and snapshots, which are temporary, and what is
    for people, are left out.
    """
    found: dict[str, object] = {}
    for path in sorted(folder.glob("results/*/**/[!.]*.*")):
        name = str(path.relative_to(folder / "results"))
        if path.suffix == ".json":
            found[name] = json.loads(path.read_text())
        elif path.suffix == ".parquet":
            found[name] = results.read(path).drop(columns="seconds", errors="ignore").to_csv()
        elif name.startswith("subnetworks/") and path.suffix == ".safetensors":
            found[name] = {key: tensor.tolist() for key, tensor in load_file(path).items()}
    return found
