"""What products of rounded factors change

    ./run snakemake --cores 2 data/mnist.safetensors data/cifar10.safetensors
    ./run python benchmarks/rounded_products.py            (3 GiB of memory, half an hour)

Real networks pruned, evaluated and trained with every factor of every matrix product rounded first,
beside the same in float32. So it tells of `precision: tf32` without a GPU that has it. That such
rounding stands for the hardware's is seen where a processor rounds, too.
"""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path

import torch
import yaml
from common import document, row, rule
from precision import available, multiplying_in
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ossum.config.architectures import Architecture
from ossum.config.schema import parse_config
from ossum.datasets import Split, load
from ossum.networks.evaluation import evaluation_rows
from ossum.networks.network import Network, Subnetwork, draw
from ossum.networks.recipe import Recipe
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView
from ossum.training.ensemble import train_ensemble
from ossum.training.rescaling import rescaled

ROOT = Path(__file__).resolve().parent.parent
CONFIG = parse_config(yaml.safe_load((ROOT / "config/config.yaml").read_text()))
DATASETS = ("mnist", "cifar10")
SEEDS = range(3)
SPARSITIES = [1 - 2.0**-k for k in range(1, 8)]
TRAINED_SPARSITY = 1 - 2.0**-5
OSSUM, DEEP_OSSUM = ("ossum", "linear-ossum", "log-ossum"), ("ossum-norm", "ossum-pab")
# Binary digits of a factor behind the leading one; float32 has 23.
DIGITS = {"tf32": 10, "bfloat16": 7}
HEAD = (
    "results",
    "n",
    "factors",
    "neurons kept in both",
    "mean difference",
    "mean size",
    "largest",
)

Splits = tuple[Split, Split]


class RoundedProducts(TorchDispatchMode):
    """Within this, torch rounds the factors of matrix products of float32."""

    _FACTORS = {"mm": (0, 1), "bmm": (0, 1), "addmm": (1, 2), "baddbmm": (1, 2)}

    def __init__(self, digits: int):
        super().__init__()
        self._digits = digits

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        args, name = list(args), func.overloadpacket.__name__.rstrip("_")
        for i in self._FACTORS.get(name, ()):
            if args[i].dtype == torch.float32:
                args[i] = rounded(args[i], self._digits)
        return func(*args, **(kwargs or {}))


def rounded(numbers: Tensor, digits: int) -> Tensor:
    """float32 with so many binary digits behind the leading one: to nearest, ties to even."""
    dropped = 23 - digits
    bits = numbers.view(torch.int32)
    bits = bits + (((bits >> dropped) & 1) + (1 << (dropped - 1)) - 1)
    return bits.bitwise_and_(-(1 << dropped)).view(torch.float32)


def ways() -> dict[str, AbstractContextManager]:
    """How factors are rounded: here, and by the processor in the precisions that it has."""
    found = {f"{name}, rounded here": RoundedProducts(n) for name, n in DIGITS.items()}
    lower = [name for name in available() if name in DIGITS]
    return found | {f"{name} of the processor": multiplying_in(name) for name in lower}


@dataclass(frozen=True)
class Result:
    """A subnetwork's kept neurons of every layer, and its test accuracy."""

    kept: tuple[Tensor, ...]
    accuracy: float

    def in_both(self, other: "Result") -> float:
        """The share of kept neurons that are the same."""
        pairs = zip(self.kept, other.kept, strict=True)
        return sum(int(torch.isin(a, b).sum()) for a, b in pairs) / sum(map(len, self.kept))


@dataclass(frozen=True)
class Case:
    """Networks of an architecture, pruned by some methods on one data set."""

    dataset: str
    architecture: str
    methods: tuple[str, ...]

    def pruned(self, splits: Splits) -> list[Result]:
        found = []
        for seed in SEEDS:
            network, subnetworks = self._prune(seed, SPARSITIES, splits[0])
            rows = evaluation_rows(network, subnetworks, splits[1])
            both = zip(subnetworks, rows, strict=True)
            found += [Result(subnetwork.kept, row["accuracy"]) for subnetwork, row in both]
        return found

    def trained(self, splits: Splits) -> list[Result]:
        """Trained after pruning, as long as in the paper."""
        options = CONFIG.options.training.protocol("train", self.dataset, self.architecture)
        found = []
        for seed in SEEDS:
            network, subnetworks = self._prune(seed, [TRAINED_SPARSITY], splits[0])
            small = [rescaled(subnetwork.of(network)) for subnetwork in subnetworks]
            trained = train_ensemble(small, seed, *splits, options)
            both = zip(subnetworks, trained, strict=True)
            found += [Result(s.kept, t.curve[-1].evaluation.accuracy) for s, t in both]
        return found

    def _prune(
        self, seed: int, sparsities: list[float], train: Split
    ) -> tuple[Network, list[Subnetwork]]:
        network = draw(Recipe.of(self.dataset, self.architecture, "tanh", "uniform", seed))
        full = Architecture.parse(self.architecture)
        widths = [full.kept_widths(sparsity) for sparsity in sparsities]
        options = CONFIG.options.pruning(self.dataset)
        cache = "gradient" in self.methods
        view = TrainingView(network, train, options, seed, cache)
        pruned = (prune_network(method, network, widths, view) for method in self.methods)
        return network, list(chain.from_iterable(pruned))


# What is compared: name -> (how, of which architecture and methods).
KINDS = {
    "FC-1000 and FC-10000, OSSuM's three": ("pruned", ("FC-1000", "FC-10000"), OSSUM),
    "FC-1000, gradient mask": ("pruned", ("FC-1000",), ("gradient",)),
    "deep, OSSuM's two": ("pruned", ("FC-1000-1000-1000",), DEEP_OSSUM),
    "deep, 97 % pruned, then trained": ("trained", ("FC-1000-1000-1000",), DEEP_OSSUM),
}


def results(cases: list[Case], stage: str, splits: dict[str, Splits]) -> list[Result]:
    """Of all cases, in whatever precision products are just now."""
    return [result for case in cases for result in getattr(case, stage)(splits[case.dataset])]


def lines() -> Iterator[str]:
    splits = {}
    for name in DATASETS:
        path = ROOT / f"data/{name}.safetensors"
        splits[name] = load(path, "train"), load(path, "test")
    yield from (row(*HEAD), rule(len(HEAD)))
    for kind, (stage, architectures, methods) in KINDS.items():
        cases = [Case(*where, methods) for where in product(DATASETS, architectures)]
        exact = results(cases, stage, splits)
        for way, rounding in ways().items():
            with rounding:
                pairs = list(zip(results(cases, stage, splits), exact, strict=True))
            same = [a.in_both(b) for a, b in pairs]
            points = [100 * (a.accuracy - b.accuracy) for a, b in pairs]
            sizes = [abs(p) for p in points]
            yield row(
                *(kind, len(pairs), way),
                f"{100 * sum(same) / len(same):.2f} % (least {100 * min(same):.1f})",
                f"{sum(points) / len(points):+.3f}",
                *(f"{value:.2f}" for value in (sum(sizes) / len(sizes), max(sizes))),
            )
    yield "\nAccuracies in points. Seeds 0 to 2, sparsities of 50 to 99.2 %."


if __name__ == "__main__":
    document(sys.modules[__name__])
