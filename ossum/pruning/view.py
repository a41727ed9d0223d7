"""What a pruning method may look at, each costly part computed once for all methods of a job."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ossum.datasets import Split
from ossum.forward import sum_by_class
from ossum.networks import Network
from ossum.options import PruningOptions


@dataclass
class TrainingView:
    """The training set as seen through one network. Test data are out of a method's reach.

    seed: the experiment's seed, from which methods derive their own random streams.
    cache_activations: keep the last hidden layer's activations in half precision (2 N h_L bytes)
        during the one forward pass, for methods that read them many times. Without it they are
        recomputed, which is slower and gives the same result up to that rounding.
    """

    network: Network
    split: Split
    options: PruningOptions
    seed: int
    cache_activations: bool = False

    @cached_property
    def class_sums(self) -> Tensor:
        """S [K, h_L] of the full network, float64 (see `ossum.scoring`)."""
        return self._pass[0]

    def activations(self, rows: Tensor) -> Tensor:
        """Last-hidden-layer activations, float32 [n, h_L], of the training examples `rows`."""
        if self.cache_activations:
            return self._pass[1].index_select(0, rows).float()
        return self.network.hidden(self.split.batch(rows))

    @cached_property
    def _pass(self) -> tuple[Tensor, Tensor | None]:
        shape = len(self.split), self.network.hidden_widths[-1]
        cache = torch.empty(shape, dtype=torch.float16) if self.cache_activations else None
        return sum_by_class(self.network, self.split, cache), cache
