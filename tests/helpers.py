"""Small networks, data and workflow runs that several tests use."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import psutil
import torch
from safetensors.torch import load_file
from torch import Tensor

from ossum.datasets import Split
from ossum.networks import Network
from ossum.options import GradientOptions, PruningOptions
from ossum.results import read

ROOT = Path(__file__).resolve().parent.parent


def random_network(*sizes: int, activation: str = "tanh", seed: int = 0) -> Network:
    """A network of the given layer sizes with weights of order one."""
    generator = torch.Generator().manual_seed(seed)
    weights = [
        torch.randn(fan_out, fan_in, generator=generator) / fan_in**0.5
        for fan_in, fan_out in pairwise(sizes)
    ]
    return Network(tuple(weights), activation)


def random_split(n: int = 50, m: int = 6, n_classes: int = 3, seed: int = 0) -> Split:
    """Random images of m pixels 0 to 255 with random labels."""
    generator = torch.Generator().manual_seed(seed)
    return Split(
        images=torch.randint(0, 256, (n, m), dtype=torch.uint8, generator=generator),
        labels=torch.randint(0, n_classes, (n,), generator=generator),
        max_value=255,
        mean=0.5,
        std=0.5,
        n_classes=n_classes,
    )


def options(schedule=((0.1, 2),), **changes) -> PruningOptions:
    """Pruning options with a short mask training."""
    return PruningOptions(gradient=GradientOptions(schedule=list(schedule), **changes))


def float64(network: Network, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Last hidden activations and logits, plainly and in double precision."""
    functions = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    hidden = inputs.double()
    for weights in network.weights[:-1]:
        hidden = functions[network.activation](hidden @ weights.double().T)
    return hidden, hidden @ network.weights[-1].double().T


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
            found[name] = read(path).drop(columns="seconds", errors="ignore").to_json()
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
