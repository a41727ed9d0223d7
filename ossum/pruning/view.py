"""What a pruning method may look at; every costly part is computed once for all methods."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from ossum.config.options import PruningOptions
from ossum.datasets import Split
from ossum.networks.forward import (
    Activations,
    CachedActivations,
    activations_above,
    class_sums,
    class_sums_above,
)
from ossum.networks.network import Kept, Network, contents
from ossum.networks.rng import stream


@dataclass
class TrainingView:
    """The training set as seen through one network. Test data are out of a method's reach.

    seed: the experiment's seed, from which methods derive their own random streams.
    cache_activations: whether the one forward pass keeps the last hidden layer's activations, in
        half precision (2 N h_L bytes), for methods that read them many times. If it does not, they
        are recomputed, which is slower.
    """

    network: Network
    split: Split
    options: PruningOptions
    seed: int
    cache_activations: bool = False
    _sums: dict[tuple[bytes, ...], Tensor] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def class_sums(self) -> Tensor:
        """S [K, h_L] of the full network, float64 (see `ossum.pruning.scoring`)."""
        return self._pass[0]

    def class_sums_above(self, kept: Sequence[Kept]) -> list[Tensor]:
        """S [K, h_{l+1}], float64, of all neurons of hidden layer l+1 over a pruned network.

        kept: for each S that is wanted, the kept neurons of hidden layers 1 to l (an empty tuple if
        l = 0), with the same l for all. One pass computes all that no method has asked for before.
        """
        if len(self.network.hidden_widths) == 1:
            return [self.class_sums for _ in kept]
        keys = [contents(lower) for lower in kept]
        new = {k: lower for k, lower in zip(keys, kept, strict=True) if k not in self._sums}
        if new:
            sums = class_sums_above(self.network, list(new.values()), self.split)
            self._sums.update(zip(new, sums, strict=True))
        return [self._sums[k] for k in keys]

    def sample(self, most: int) -> Tensor:
        """Indices [n], int64, of at most `most` training examples: all, or random ones."""
        order = torch.randperm(len(self.split), generator=stream(self.seed, "training examples"))
        return order[:most].sort().values.to(self.split.device)

    def activations_above(self, kept: Kept, rows: Tensor, neurons: slice) -> Tensor:
        """Activations [n, neurons], float32, of some neurons of hidden layer l+1 over a network
        that keeps `kept` of hidden layers 1 to l, for the training examples `rows`, int64 [n]."""
        return activations_above(self.network, kept, self.split, rows, neurons)

    def activation_reader(self, most_rows: int) -> Activations:
        """A function that reads activations of at most `most_rows` examples at a time."""
        cache = self._pass[1] if self.cache_activations else None
        if cache is None:
            # They are rounded like the cache, so that a lack of memory costs time but hardly
            # changes a result.
            network = self.network.to(self.split.device)
            return lambda rows: network.hidden(self.split.batch(rows)).half().float()
        order = self.split.blanks_last
        places = None if order is None else order.examples.argsort()
        return CachedActivations(cache, places, most_rows)

    @cached_property
    def _pass(self) -> tuple[Tensor, Tensor | None]:
        shape = len(self.split), self.network.hidden_widths[-1]
        half = {"dtype": torch.float16, "device": self.split.device}
        cache = torch.empty(shape, **half) if self.cache_activations else None
        return class_sums(self.network, self.split, cache), cache
