"""What pruning costs: time, passes over the training set, and what is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter, process_time

import torch
from torch import Tensor

from ossum.config.options import PruningOptions
from ossum.config.registry import METHODS
from ossum.datasets import Split
from ossum.datasets.split import BlanksLast
from ossum.networks.forward import Activations, CachedActivations
from ossum.networks.network import Network, Subnetwork, Widths
from ossum.pruning import PruningMethod, prune_network
from ossum.pruning.view import TrainingView


@dataclass(frozen=True)
class Cost:
    """What one call of a method took.

    seconds: on the clock. processor_seconds: of all threads together. passes: how many times each
    training example was looked at, on average. labels: whether labels were read.
    """

    seconds: float
    processor_seconds: float
    passes: float
    labels: bool


def pruning_cost(
    method: str, network: Network, widths: Widths, train: Split, options: PruningOptions, seed: int
) -> Cost:
    """The cost of pruning one network by one method, which shares nothing with other methods.

    The network and the images are in memory. A gradient mask trains as it does in the workflow, on
    activations that are computed once. An epoch over them counts as a pass, though it is cheaper.
    """
    prune = partial(prune_network, method)
    cache = METHODS[method].reads_activations
    return measured(prune, network, [widths], train, options, seed, cache)[1]


def measured(
    prune: PruningMethod,
    network: Network,
    widths: Sequence[Widths],
    train: Split,
    options: PruningOptions,
    seed: int,
    cache_activations: bool = False,
) -> tuple[list[Subnetwork], Cost]:
    """What a method returns, and what that cost."""
    examples = _CountedExamples(train)
    view = _CountedView(network, examples, options, seed, cache_activations)
    start, processor_start = perf_counter(), process_time()
    subnetworks = prune(network, widths, view)
    cost = Cost(
        seconds=perf_counter() - start,
        processor_seconds=process_time() - processor_start,
        passes=examples.looked / len(train),
        labels=examples.labels_read,
    )
    return subnetworks, cost


class _CountedExamples:
    """Training examples that note who looks at them. Methods use them like a `Split`, but there are
    no images beside the inputs and pixels that are counted."""

    def __init__(self, split: Split):
        self._split = split
        self.n_classes, self.fills_bytes = split.n_classes, split.fills_bytes
        self.step, self.blank = split.step, split.blank
        self.looked = 0
        self.labels_read = False

    def __len__(self) -> int:
        return len(self._split)

    @property
    def device(self) -> torch.device:
        return self._split.device

    @property
    def blanks_last(self) -> BlanksLast | None:
        return self._split.blanks_last

    @property
    def labels(self) -> Tensor:
        self.labels_read = True
        return self._split.labels

    def batch(self, rows: slice | Tensor) -> Tensor:
        return self._looked_at(self._split.batch(rows))

    def pixels(self, rows: slice | Tensor) -> Tensor:
        return self._looked_at(self._split.pixels(rows))

    def _looked_at(self, examples: Tensor) -> Tensor:
        self.looked += len(examples)
        return examples

    def inputs(self) -> Tensor:
        return self.batch(slice(None))


@dataclass
class _CountedView(TrainingView):
    """A view that notes how many examples are read from its cache of activations.

    Activations that are not cached are recomputed, which the examples note.
    """

    def activation_reader(self, most_rows: int) -> Activations:
        read = super().activation_reader(most_rows)
        if isinstance(read, CachedActivations):
            read.on_read = self._count
        return read

    def _count(self, n: int) -> None:
        self.split.looked += n
