"""What pruning costs: seconds, and passes over the training set."""

from dataclasses import dataclass, field
from time import perf_counter

from torch import Tensor

from ossum.config.options import PruningOptions
from ossum.config.registry import METHODS
from ossum.datasets import Split
from ossum.networks.forward import Activations
from ossum.networks.network import Network, Widths
from ossum.pruning import prune_network
from ossum.pruning.view import TrainingView


@dataclass(frozen=True)
class Cost:
    """seconds, and passes: how many times each training example was looked at."""

    seconds: float
    passes: float


def pruning_cost(
    method: str, network: Network, widths: Widths, train: Split, options: PruningOptions, seed: int
) -> Cost:
    """The cost of pruning one network by one method, which shares nothing with other methods.

    The network and the images are in memory. A gradient mask trains as it does in the workflow, on
    activations that are computed once. An epoch over them counts as a pass, though it is cheaper.
    """
    looked: list[int] = []
    split = _CountedSplit(**vars(train), looked=looked)
    view = _CountedView(network, split, options, seed, METHODS[method].reads_activations)
    start = perf_counter()
    prune_network(method, network, [widths], view)
    return Cost(perf_counter() - start, sum(looked) / len(train))


@dataclass(frozen=True)
class _CountedSplit(Split):
    """A split that notes how many examples each batch had."""

    looked: list[int] = field(default_factory=list)

    def batch(self, rows: slice | Tensor) -> Tensor:
        inputs = super().batch(rows)
        self.looked.append(len(inputs))
        return inputs


@dataclass
class _CountedView(TrainingView):
    """A view that notes how many examples are read from its cache of activations.

    Activations that are not cached are recomputed, which the split notes.
    """

    def activation_reader(self, most_rows: int) -> Activations:
        read = super().activation_reader(most_rows)
        if not self.cache_activations or len(self.network.hidden_widths) > 1:
            return read

        def counted(rows: Tensor) -> Tensor:
            self.split.looked.append(len(rows))
            return read(rows)

        return counted
