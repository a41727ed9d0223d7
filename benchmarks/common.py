"""What the benchmarks share."""

import os
import platform
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from time import perf_counter

import torch

from ossum.networks import Network, build
from ossum.recipes import Recipe
from ossum.registry import DATASETS


def seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def network_for(dataset: str, architecture: str) -> Network:
    sizes = DATASETS[dataset]
    recipe = Recipe(dataset, architecture, "tanh", "uniform", 0, sizes.input_size, sizes.n_classes)
    return build(recipe)


def headline() -> str:
    """The machine and the versions that a table was made with."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    cpu = names[0] if names else platform.machine()
    threads, cores = torch.get_num_threads(), os.cpu_count()
    return f"{cpu}, {threads} of {cores} cores, torch {torch.__version__}, {date.today()}"
