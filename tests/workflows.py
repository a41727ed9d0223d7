"""Small workflows: their configurations, how to run them, what they say."""

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import yaml
from helpers import ROOT
from safetensors.torch import load_file

from ossum import results
from ossum.cells import RESULTS, Cell
from ossum.registry import FIGURES

EVALUATION = RESULTS["pruned"]
FIG1 = "figures/fig1.pdf"
NO_FIGURES = dict.fromkeys(FIGURES)
NOTHING = "Nothing to be done"
CELL = Cell("digits", "FC-9", "tanh", "uniform", "init", "ossum", 0.5, 0).path(EVALUATION)


def snakemake(
    directory: Path,
    *arguments: str,
    config: Path | str | None = "config/smoke.yaml",
    check: bool = True,
    snakefile: Path = ROOT / "Snakefile",
) -> subprocess.CompletedProcess:
    """Run the workflow in `directory` as a user would; output and errors come back together."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile)]
    command += ["--directory", str(directory), "--cores", "2", *arguments]
    if config:
        command += ["--configfile", str(ROOT / config)]
    done = subprocess.run(
        command,
        cwd=directory,
        env={k: v for k, v in os.environ.items() if k not in ("OSSUM_FORCE", "PYTHONPATH")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1500,
    )
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout}")
    return done


def start(
    directory: Path, *arguments: str, config: Path, **environment: str
) -> subprocess.Popen[str]:
    """Begin a run of the workflow in a process group of its own; its output goes to `run.log`."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(directory), "--cores", "2", *arguments]
    command += ["--configfile", str(config)]
    with (directory / "run.log").open("w") as output:
        return subprocess.Popen(
            command,
            cwd=directory,
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )


def jobs_of(process: subprocess.Popen) -> list[psutil.Process]:
    """The running scripts of a run."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                command = child.cmdline()
                if command[0] == sys.executable and ".snakemake/scripts/" in command[-1]:
                    found.append(child)
    return found


def results_of(folder: Path) -> dict[str, object]:
    """What every result file and table of a run says, without how long it took and when.

    Reading a file that is not whole fails. Trained weights are left out: they are temporary.
    """
    found: dict[str, object] = {}
    for path in sorted((folder / "results").rglob("[!.]*.*")):
        name = str(path.relative_to(folder / "results"))
        if path.suffix == ".parquet":
            found[name] = results.read(path).drop(columns="seconds", errors="ignore").to_json()
        elif path.suffix == ".json":
            found[name] = json.loads(path.read_text())
        elif path.suffix == ".safetensors" and not name.startswith(("restart", "trained-net")):
            found[name] = {key: tensor.tolist() for key, tensor in load_file(path).items()}
    return found


def assert_whole(folder: Path) -> None:
    """Every file that a run has put under its name so far can be read to its end."""
    results_of(folder)
    for path in folder.glob("results/**/[!.]*.safetensors"):
        with suppress(FileNotFoundError):  # a snapshot that an orphan has removed
            load_file(path)
    assert all(p.read_bytes().rstrip().endswith(b"%%EOF") for p in folder.glob("figures/*.pdf"))
    assert all(b"IEND" in p.read_bytes()[-12:] for p in folder.glob("figures/*.png"))


def tiny(path: Path, fuse=("method", "sparsity"), momentum=0.9, **changes) -> Path:
    """A configuration with one small network, written to `path`."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    (path.parent).mkdir(parents=True, exist_ok=True)
    grid = {
        "datasets": ["digits"],
        "architectures": ["FC-32"],
        "methods": ["ossum", "gradient"],
        "sparsities": [0, 0.5],
        "seeds": [0, 1],
    }
    # Values of the paper's grids that the tiny grid leaves out would be merged back in.
    overlay = {
        "grids": {
            "two-layer-narrow": grid | changes,
            "two-layer-wide": grid | {"architectures": ["FC-48"], "methods": ["random"]},
        },
        "pruning": {"gradient": {"schedule": {"digits": [[0.1, 1]]}, "momentum": momentum}},
        "figures": NO_FIGURES | {"fig1": [{"grid": "two-layer-narrow"}]},
        "fuse": {"prune": list(fuse), "evaluate": list(fuse)},
        "threads": 1,
    }
    assert set(overlay) <= set(config)
    path.write_text(yaml.safe_dump(overlay))
    return path


def tiny_deep(path: Path, fuse=("method", "seed"), rate=0.001, full_rate=0.001) -> Path:
    """A configuration that trains small deep networks, pruned as drawn and after training."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grid = {
        "datasets": ["digits"],
        "architectures": ["FC-24-16"],
        "methods": ["random", "ossum-pab"],
        "sparsities": [0.5],
        "seeds": [0, 1],
    }
    short = {"schedule": {"digits": [[rate, 2]]}}
    overlay = {
        "grids": {"deep": grid, "deep-trained": grid},
        "figures": NO_FIGURES
        | {
            "fig3": [{"grid": "deep", "stages": ["pruned", "trained"]}],
            "fig4": [{"grid": "deep-trained", "stages": ["pruned", "finetuned"]}],
        },
        "training": {"full_deep": {"schedule": {"digits": [[full_rate, 2]]}}}
        | dict.fromkeys(["trained", "finetuned_deep"], short),
        "fuse": {stage: list(fuse) for stage in ("prune", "train", "evaluate")},
        "threads": 1,
    }
    path.write_text(yaml.safe_dump(overlay))
    return path


def content(folder: Path) -> dict[str, object]:
    """What the cells of a run say, without how long it took."""
    found: dict[str, object] = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted((folder / "results/subnetworks").rglob("*.safetensors"))
    }
    for stage in ("evaluations", "trained", "finetuned", "trained-networks"):
        for path in sorted((folder / "results" / stage).rglob("*.parquet")):
            rows = results.read(path).drop(columns="seconds")
            found[str(path.relative_to(folder))] = rows.to_json()
    return found


def planned(run) -> dict[str, int]:
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", run.stdout, re.M)}
