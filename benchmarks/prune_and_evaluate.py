"""Pruning and evaluating FC-10000

    ./run python benchmarks/prune_and_evaluate.py            (3 GiB of memory)

Every gradient-free method at ten sparsities, 50 subnetworks: beside the first layer's products of
all pixels, in the shape that BLAS likes best, and beside the plain way, a DataLoader loop for each
training and each test pass. The data are real, because passes leave out pixels that are blank.
"""

import sys
from collections.abc import Iterator, Sequence
from unittest.mock import patch

import torch
from common import as_torch_comes, best, document, network_for, real_split, row, rule, seconds
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from ossum.config.architectures import Architecture
from ossum.config.options import PruningOptions
from ossum.config.registry import DATASETS
from ossum.datasets import Split
from ossum.networks.evaluation import evaluation_rows
from ossum.networks.network import Network, Subnetwork
from ossum.networks.pixel_weights import bytes_are_fast
from ossum.pruning import prune_network
from ossum.pruning.scoring import ossum_scores, top_neurons
from ossum.pruning.view import TrainingView

METHODS = ["ossum", "linear-ossum", "log-ossum", "random", "norm"]
SPARSITIES = [1 - 2.0**-k for k in range(10)]
# One in so many examples of both sets: short passes can be repeated until nothing disturbs one of
# them. All of MNIST, because images are sorted by their blank pixels, and more of them sort better.
PARTS, TIMES = {"mnist": 1, "cifar10": 4}, 5
HEAD = ("data", "what", "seconds", "x products")
# The plain way is timed in part and scaled; the table says so. One of three training passes, all
# alike; and of the test passes, which are alike for every method, those of one method at three
# sparsities: these keep 19 % of the neurons on average, all ten 20 %.
PLAIN_TRAINING_PASSES = 3
PLAIN_SPARSITIES_TIMED = SPARSITIES[1::3]


def matrix_products(network: Network, splits: Sequence[Split]) -> None:
    """The first layer's products of all pixels and examples, in the shape that BLAS likes best."""
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
    evaluation_rows(network, subnetworks, test)


class Examples(Dataset):
    """One example at a time, as tutorials do it."""

    def __init__(self, split: Split):
        self.split = split

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.split.batch(slice(index, index + 1))[0], self.split.labels[index]


@torch.no_grad()
def plain_scores(module: nn.Sequential, train: Split) -> Tensor:
    """A forward pass over the training set for one method."""
    hidden, output = module[:-1], module[-1]
    sums = torch.zeros(10, output.in_features)
    for inputs, labels in DataLoader(Examples(train), batch_size=256):
        activations = hidden(inputs)
        for label in range(10):
            sums[label] += activations[labels == label].sum(dim=0)
    return ossum_scores(sums, output.weight)


@torch.no_grad()
def plain_accuracy(module: nn.Sequential, test: Split) -> float:
    """A forward pass over the test set for one subnetwork."""
    correct = 0
    for inputs, labels in DataLoader(Examples(test), batch_size=256):
        correct += int((module(inputs).argmax(dim=1) == labels).sum())
    return correct / len(test)


@as_torch_comes()
def plain(network: Network, train: Split, test: Split) -> float:
    """Seconds of the plain way: a training pass a method, a test pass a cell."""
    module = network.to_module()
    training = seconds(lambda: plain_scores(module, train))
    scores = plain_scores(module, test)  # which neurons are kept does not matter
    tests = 0.0
    for sparsity in PLAIN_SPARSITIES_TIMED:
        (kept,) = Architecture(network.hidden_widths).kept_widths(sparsity)
        small = Subnetwork((top_neurons(scores, kept),)).of(network).to_module()
        tests += seconds(lambda small=small: plain_accuracy(small, test))
    a_cell = tests / len(PLAIN_SPARSITIES_TIMED)
    return PLAIN_TRAINING_PASSES * training + a_cell * len(SPARSITIES) * len(METHODS)


def pruning_rows(dataset: str) -> Iterator[str]:
    network = network_for(dataset, "FC-10000")
    splits = [real_split(dataset, which, PARTS[dataset]) for which in ("train", "test")]
    matrix_products(network, splits[1:])  # warm up
    products = best(lambda: matrix_products(network, splits), TIMES)
    own = best(lambda: ours(network, *splits), TIMES)
    times = {"matrix products alone": products, "this workflow": own}
    if bytes_are_fast():
        with patch("ossum.networks.forward.bytes_are_fast", lambda: False):
            in_float32 = best(lambda: ours(network, *splits), TIMES)
        times["this workflow, first layer in float32"] = in_float32
    times["the plain way"] = plain(network, *splits)
    for what, took in times.items():
        yield row(DATASETS[dataset].label, what, f"{took:.1f}", f"{took / products:.2f}")


def lines() -> Iterator[str]:
    yield from (row(*HEAD), rule(len(HEAD)))
    for dataset in PARTS:
        yield from pruning_rows(dataset)
    yield (
        f"\nA quarter of CIFAR-10; the best of {TIMES}. Plain way: 1 of "
        f"{PLAIN_TRAINING_PASSES} training passes and {len(PLAIN_SPARSITIES_TIMED)} of "
        "50 test passes timed, then scaled."
    )


if __name__ == "__main__":
    document(sys.modules[__name__])
