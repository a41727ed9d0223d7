"""What the benchmarks share: the machine and its two roofs, data of the right shapes, timing."""

import os
import platform
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Literal

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from ossum.config.architectures import count_weights
from ossum.config.options import TrainingOptions
from ossum.config.registry import DATASETS
from ossum.datasets import Split, load
from ossum.networks.network import Network, draw
from ossum.networks.recipe import Recipe
from ossum.training.ensemble import train_ensemble
from ossum.workflow.device import set_precision

# Everything but plain code is timed as in jobs, which choose between torch's libraries.
set_precision("float32", torch.device("cpu"))

# In each of two arrays, float32: together they exceed the caches of most processors.
_NUMBERS = 2**27

# Bytes a weight and step: the gradient is written; the optimizer reads the weight, the gradient
# and its moments (SGD with momentum has one, Adam two), and writes all but the gradient.
STEP_BYTES = {"sgd": 4 + 20, "adam": 4 + 28}


def document(*sections: ModuleType) -> None:
    """Print one Markdown document: machine, roofs, and every section as it gets ready.

    A section's title is the first line of its docstring; its `lines()` are the Markdown.
    """
    roofs = Roofs.measured()
    with as_torch_comes():
        plain = Roofs.measured()
    print(f"# Benchmarks\n\n{headline()}\n")
    print(row("roof", "how it is measured", "rate"), rule(3), sep="\n")
    for how, rate in {"as in jobs": roofs.flops, "as torch comes": plain.flops}.items():
        print(row("matrix products", f"2048 x 2048, float32, {how}", f"{rate / 1e9:.0f} GFLOP/s"))
    print(row("memory", "a = a + s b, 512 MiB each", f"{roofs.bytes / 1e9:.0f} GB/s"))
    for section in sections:
        start = perf_counter()
        print(f"\n## {(section.__doc__ or '').splitlines()[0].rstrip('.')}\n", flush=True)
        for line in section.lines():
            print(line, flush=True)
        print(f"\n({perf_counter() - start:.0f} s)", flush=True)


def headline() -> str:
    """The machine and the versions that a table was made with."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else ""
    names = re.findall(r"model name\s*: (.*)", text)
    cpu = names[0] if names else platform.machine()
    threads, cores = torch.get_num_threads(), os.cpu_count()
    python = platform.python_version()
    return (
        f"{cpu}, {threads} of {cores} cores, Python {python}, torch {torch.__version__}, "
        f"{date.today()}"
    )


def row(*columns: object) -> str:
    return f"| {' | '.join(map(str, columns))} |"


def rule(n_columns: int) -> str:
    """The line below a table's head."""
    return "|---" * n_columns + "|"


def seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


@contextmanager
def as_torch_comes() -> Iterator[None]:
    """Within this, torch multiplies as in code that has not told it otherwise."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def best(work: Callable[[], object], times: int) -> float:
    """The least time, in seconds: what other programs take away is not the work's."""
    return min(seconds(work) for _ in range(times))


@dataclass(frozen=True)
class Roofs:
    """The most that the machine does in a second. flops: in matrix products. bytes: of memory."""

    flops: float
    bytes: float

    @classmethod
    def measured(cls) -> "Roofs":
        """As the machine is now: rows of a table measure them anew, since its speed may drift."""
        a, b, out = (torch.ones(2048, 2048) for _ in range(3))
        product = best(lambda: torch.mm(a, b, out=out), times=10)
        # In place, as optimizers work: what is written was read, so nothing is fetched in vain.
        x, y = (torch.ones(_NUMBERS) for _ in range(2))
        sweep = best(lambda: x.add_(y, alpha=0.5), times=10)
        return cls(2 * 2048**3 / product, 3 * 4 * _NUMBERS / sweep)


@dataclass(frozen=True)
class Floor:
    """The least time, in seconds, of a training step: of its products, and of its optimizer."""

    products: float
    bytes: float

    @classmethod
    def of_step(
        cls, roofs: Roofs, network: Network, n_members: int, options: TrainingOptions
    ) -> "Floor":
        n_bytes = n_members * count_weights(network.layer_sizes) * STEP_BYTES[options.optimizer]
        flops = step_flops(network, n_members, options.batch_size)
        return cls(flops / roofs.flops, n_bytes / roofs.bytes)

    @property
    def both(self) -> float:
        """One after the other: an optimizer has to wait for the gradients."""
        return self.products + self.bytes


def step_flops(network: Network, n_members: int, batch_size: int) -> int:
    """Forward, and the gradients of weights and of activations; inputs need none."""
    products = 3 * count_weights(network.layer_sizes) - network.weights[0].numel()
    return 2 * batch_size * n_members * products


def network_for(dataset: str, architecture: str) -> Network:
    return draw(Recipe.of(dataset, architecture, "tanh", "uniform", 0))


def copies(network: Network, count: int) -> list[Network]:
    """Networks of the same sizes that differ, because equal ones are trained once."""
    return [
        Network(tuple(weights * (1 + i / 1000) for weights in network.weights), network.activation)
        for i in range(count)
    ]


def random_split(dataset: str, n: int) -> Split:
    """`n` random examples of a data set's shape: no value matters to the time that a pass takes."""
    generator = torch.Generator().manual_seed(0)
    spec = DATASETS[dataset]
    images = torch.randint(0, 256, (n, spec.input_size), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, spec.n_classes, (n,), generator=generator)
    return Split(images, labels, 255, 0.5, 0.5, spec.n_classes)


def real_split(dataset: str, which: Literal["train", "test"], part: int) -> Split:
    """One in `part` real examples, for what depends on the pixels that are blank."""
    path = Path("data", f"{dataset}.safetensors")
    if not path.exists():
        raise SystemExit(f"{path} is missing: make it by ./run snakemake --cores 1 {path}")
    split = load(path, which)
    return replace(split, images=split.images[::part], labels=split.labels[::part])


@dataclass(frozen=True)
class ClockedSplit(Split):
    """Notes when its batches are asked for."""

    starts: list[float] = field(default_factory=list)

    def batch(self, rows: slice | Tensor) -> Tensor:
        self.starts.append(perf_counter())
        return super().batch(rows)


def best_step(starts: Sequence[float], of: Callable[[Sequence[float]], float] = min) -> float:
    """The least time, in seconds, from the start of a step to that of the next; or another of them.

    The first step does not count: it makes what the others use again.
    """
    return of([after - before for before, after in pairwise(starts[1:])])


def ensemble_step(
    networks: Sequence[Network],
    dataset: str,
    options: TrainingOptions,
    steps: int,
    of: Callable[[Sequence[float]], float] = min,
) -> float:
    """Seconds of a step of all networks, the best of `steps`, or what else `of` makes of them."""
    split = ClockedSplit(**vars(random_split(dataset, (steps + 2) * options.batch_size)))
    train_ensemble(networks, 0, split, random_split(dataset, options.batch_size), options)
    return best_step(split.starts, of)


@as_torch_comes()
def plain_step(
    network: Network,
    dataset: str,
    options: TrainingOptions,
    steps: int,
    n_members: int = 1,
    fused: bool = False,
) -> float:
    """Seconds of `n_members` steps of one network in a row, the best of `steps` such rows.

    As many steps as an ensemble does at once take about as long, so that both have the same chance
    to be left alone. The loop is as one writes it; fused: whether the optimizer is told to use its
    fastest code, which is not torch's default.
    """
    module = network.to_module()
    (rate, _), *_ = options.schedule
    if options.optimizer == "adam":
        optimizer = torch.optim.Adam(module.parameters(), rate, fused=fused)
    else:
        momentum = options.momentum
        optimizer = torch.optim.SGD(module.parameters(), rate, momentum=momentum, fused=fused)
    split = random_split(dataset, (steps + 2) * n_members * options.batch_size)
    data = TensorDataset(split.inputs(), split.labels)
    loader = DataLoader(data, batch_size=options.batch_size, shuffle=True)
    loss_function = nn.CrossEntropyLoss()
    ends = []
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss_function(module(inputs), labels).backward()
        optimizer.step()
        ends.append(perf_counter())
    return best_step(ends[::n_members])
