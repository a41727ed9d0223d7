"""How fast is pruning and evaluating, against the floor and against the plain way?

    ./run python benchmarks/prune_and_evaluate.py            (about 10 minutes on two cores, 13 GiB)

Prints Markdown tables. All rows of a table are timed in one run, so that their ratios hold on a
machine whose speed drifts. Needs data/mnist.safetensors and data/cifar10.safetensors, which any
run on real data leaves (or: ./run snakemake --cores 2 data/mnist.safetensors).
"""

import os
import platform
import re
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from ossum.architectures import Architecture
from ossum.datasets import Split, load
from ossum.evaluation import evaluate_cells
from ossum.networks import Network, Subnetwork, build
from ossum.options import GradientOptions, PruningOptions
from ossum.pruning import prune_network
from ossum.pruning.gradient import initial_mask
from ossum.pruning.view import TrainingView
from ossum.recipes import Recipe
from ossum.registry import DATASETS
from ossum.rng import stream
from ossum.scoring import linear_ossum_scores, log_ossum_scores, ossum_scores, top_neurons
from ossum.training import train_mask

METHODS = ["ossum", "linear-ossum", "log-ossum", "random", "norm"]
SPARSITIES = [1 - 2.0**-k for k in range(10)]
SCHEDULES = {"mnist": [(0.1, 10), (0.01, 5)], "cifar10": [(0.1, 20), (0.01, 10)]}
# The slow ways are timed in part and scaled; the tables say so. These three sparsities keep 19 % of
# the neurons on average, all ten 20 %.
PLAIN_SPARSITIES_TIMED = SPARSITIES[1::3]
RECOMPUTED_STEPS_TIMED = 20


def seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def network_for(dataset: str, architecture: str) -> Network:
    sizes = DATASETS[dataset]
    recipe = Recipe(dataset, architecture, "tanh", "uniform", 0, sizes.input_size, sizes.n_classes)
    return build(recipe)


def matrix_products(network: Network, splits: Sequence[Split]) -> None:
    """The floor: the first layer's products for all examples, in the shape that BLAS likes best."""
    weights = network.weights[0]
    for split in splits:
        inputs = split.batch(slice(0, 1024))
        products = torch.empty(len(inputs), 4096)
        for rows in range(0, len(split), 1024):
            n = min(1024, len(split) - rows)
            for start in range(0, len(weights), 4096):
                block = weights[start : start + 4096]
                torch.mm(inputs[:n], block.T, out=products[:n, : len(block)])


def ours(network: Network, train: Split, test: Split) -> None:
    """Every gradient-free method at every sparsity, as the workflow's jobs do it."""
    options = PruningOptions(gradient=None)
    view = TrainingView(network, train, options, seed=0)
    hidden = Architecture(network.hidden_widths)
    widths = [hidden.kept_widths(sparsity) for sparsity in SPARSITIES]
    subnetworks = [s for m in METHODS for s in prune_network(m, network, widths, view)]
    evaluate_cells(network, subnetworks, test)


class Examples(Dataset):
    """One example at a time, as tutorials do it."""

    def __init__(self, split: Split):
        self.split = split

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.split.batch(slice(index, index + 1))[0], self.split.labels[index]


@torch.no_grad()
def plain_scores(module: nn.Sequential, train: Split, score: Callable) -> Tensor:
    """A forward pass over the training set for one method."""
    hidden, output = module[:-1], module[-1]
    sums = torch.zeros(10, output.in_features)
    for inputs, labels in DataLoader(Examples(train), batch_size=256):
        activations = hidden(inputs)
        for label in range(10):
            sums[label] += activations[labels == label].sum(dim=0)
    return score(sums, output.weight)


@torch.no_grad()
def plain_accuracy(module: nn.Sequential, test: Split) -> float:
    """A forward pass over the test set for one subnetwork."""
    correct = 0
    for inputs, labels in DataLoader(Examples(test), batch_size=256):
        correct += int((module(inputs).argmax(dim=1) == labels).sum())
    return correct / len(test)


def plain(network: Network, train: Split, test: Split) -> float:
    """Seconds of the plain way: a training pass a method, a test pass a cell.

    Test passes cost the same for every method, so those of one method are timed.
    """
    module = network.to_module()
    total = 0.0
    scores = torch.zeros(0)
    for score in (ossum_scores, linear_ossum_scores, log_ossum_scores):
        start = perf_counter()
        scores = plain_scores(module, train, score)
        total += perf_counter() - start
    timed = 0.0
    for sparsity in PLAIN_SPARSITIES_TIMED:
        (kept,) = Architecture(network.hidden_widths).kept_widths(sparsity)
        small = Subnetwork((top_neurons(scores, kept),)).of(network).to_module()
        timed += seconds(lambda small=small: plain_accuracy(small, test))
    a_cell = timed / len(PLAIN_SPARSITIES_TIMED)
    return total + a_cell * len(SPARSITIES) * len(METHODS)


def pruning_rows(dataset: str) -> list[str]:
    network = network_for(dataset, "FC-10000")
    splits = [load(f"data/{dataset}.safetensors", split) for split in ("train", "test")]
    matrix_products(network, splits[1:])  # warm up
    floor = min(seconds(lambda: matrix_products(network, splits)) for _ in range(2))
    own = min(seconds(lambda: ours(network, *splits)) for _ in range(2))
    by_hand = plain(network, *splits)
    flops = 2 * sum(map(len, splits)) * network.weights[0].numel()
    label = DATASETS[dataset].label
    return [
        f"| {label} | matrix products alone | {floor:.1f} | {flops / floor / 1e9:.0f} | 1.0 |",
        f"| {label} | this workflow | {own:.1f} | {flops / own / 1e9:.0f} | {own / floor:.2f} |",
        f"| {label} | the plain way | {by_hand:.0f} | | {by_hand / floor:.0f} |",
    ]


def mask_rows(dataset: str) -> list[str]:
    network = network_for(dataset, "FC-100000")
    train = load(f"data/{dataset}.safetensors", "train")
    options = GradientOptions(schedule=SCHEDULES[dataset])
    view = TrainingView(network, train, PruningOptions(gradient=options), 0, True)
    one_pass = seconds(lambda: view.class_sums)  # fills the cache on the way
    start = initial_mask(network.hidden_widths[0], options, 0)

    def train_with(view: TrainingView, labels: Tensor, options: GradientOptions) -> None:
        reader = view.activation_reader(options.batch_size)
        order = stream(0, "benchmark")
        train_mask(reader, labels, network.weights[1], start, options, order)

    cached = seconds(lambda: train_with(view, train.labels, options))
    recomputing = TrainingView(network, train, PruningOptions(gradient=options), 0)
    few = options.model_copy(update={"schedule": [(0.1, 1)]})
    labels = train.labels[: RECOMPUTED_STEPS_TIMED * options.batch_size]
    a_step = seconds(lambda: train_with(recomputing, labels, few)) / RECOMPUTED_STEPS_TIMED
    steps = -(-len(train) // options.batch_size) * sum(epochs for _, epochs in options.schedule)
    label, again = DATASETS[dataset].label, a_step * steps
    return [
        f"| {label} | one forward pass, filling the cache | {one_pass:.0f} | 1.0 |",
        f"| {label} | {steps:,} steps from the cache | {cached:.0f} | {cached / one_pass:.2f} |",
        f"| {label} | {steps:,} steps, recomputing | {again:.0f} | {again / one_pass:.0f} |",
    ]


def processor() -> str:
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    return names[0] if names else platform.machine()


def main() -> None:
    threads, cores = torch.get_num_threads(), os.cpu_count()
    print(f"{processor()}, {threads} of {cores} cores, torch {torch.__version__}, {date.today()}\n")
    print("## All gradient-free methods, ten sparsities: prune and evaluate FC-10000\n")
    print("| data | what | seconds | GFLOP/s | x floor |\n|---|---|---|---|---|")
    for dataset in SCHEDULES:
        print("\n".join(pruning_rows(dataset)), flush=True)
    print(f"\nPlain way: {len(PLAIN_SPARSITIES_TIMED)} of 50 test passes timed, then scaled.\n")
    print("## Gradient mask of FC-100000\n")
    print("| data | what | seconds | x pass |\n|---|---|---|---|")
    for dataset in SCHEDULES:
        print("\n".join(mask_rows(dataset)), flush=True)
    print(f"\nRecomputing: {RECOMPUTED_STEPS_TIMED} steps timed, then scaled.")


if __name__ == "__main__":
    main()
