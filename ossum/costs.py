"""What pruning costs: seconds, and passes over the training set."""

from dataclasses import dataclass, field
from time import perf_counter

from torch import Tensor

from ossum.datasets import Split
from ossum.forward import Activations
from ossum.networks import Network
from ossum.options import PruningOptions
from ossum.pruning import Widths, prune_network
from ossum.pruning.view import TrainingView
from ossum.registry import METHODS


@dataclass(frozen=True)
class Cost:
    """passes: how many times each training example was looked at."""

    seconds: float
    passes: float


def pruning_cost(
    method: str, network: Network, widths: Widths, train: Split, options: PruningOptions, seed: int
) -> Cost:
    """The cost of pruning one network by one method, alone: nothing is shared with other methods.

    Network and images are in memory. A gradient mask trains as it does in the workflow, on
    activations that are computed once: an epoch over those counts as a pass, though it is cheaper.
    """
    looked: list[int] = []
    split = _CountedSplit(**vars(train), looked=looked)
    view = _CountedView(network, split, options, seed, METHODS[method].reads_activations)
    start = perf_counter()
    prune_network(method, network, [widths], view)
    return Cost(perf_counter() - start, sum(looked) / len(train))


@dataclass(frozen=True)
class _CountedSplit(Split):
    """Notes how many examples each batch had."""

    looked: list[int] = field(default_factory=list)

    def batch(self, rows: slice | Tensor) -> Tensor:
        inputs = super().batch(rows)
        self.looked.append(len(inputs))
        return inputs


@dataclass
class _CountedView(TrainingView):
    """Notes how many examples are read from the cache of activations; others go by the split."""

    def activation_reader(self, most_rows: int) -> Activations:
        read = super().activation_reader(most_rows)
        if not self.cache_activations or len(self.network.hidden_widths) > 1:
            return read

        def counted(rows: Tensor) -> Tensor:
            self.split.looked.append(len(rows))
            return read(rows)

        return counted
