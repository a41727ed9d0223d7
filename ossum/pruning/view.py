"""What a pruning method may look at, each costly part computed once for all methods of a job."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from ossum.datasets import Split
from ossum.forward import Activations, sum_by_class, sums_by_class
from ossum.networks import Kept, Network, contents
from ossum.options import PruningOptions


@dataclass
class TrainingView:
    """The training set as seen through one network. Test data are out of a method's reach.

    seed: the experiment's seed, from which methods derive their own random streams.
    cache_activations: keep the last hidden layer's activations in half precision (2 N h_L bytes)
        during the one forward pass, for methods that read them many times. Without it they are
        recomputed, which is slower.
    """

    network: Network
    split: Split
    options: PruningOptions
    seed: int
    cache_activations: bool = False
    _sums: dict[tuple[bytes, ...], Tensor] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def class_sums(self) -> Tensor:
        """S [K, h_L] of the full network, float64 (see `ossum.scoring`)."""
        return self._pass[0]

    def class_sums_above(self, kept: Sequence[Kept]) -> list[Tensor]:
        """S [K, h_{l+1}], float64, of all neurons of hidden layer l+1 over a pruned network.

        kept: for each S wanted, the kept neurons of hidden layers 1 to l (none of them: l = 0), one
        l for all. Whatever no method has asked for before is computed in one pass.
        """
        if len(self.network.hidden_widths) == 1:
            return [self.class_sums for _ in kept]
        keys = [contents(lower) for lower in kept]
        new = {k: lower for k, lower in zip(keys, kept, strict=True) if k not in self._sums}
        if new:
            sums = sums_by_class(self.network, list(new.values()), self.split)
            self._sums.update(zip(new, sums, strict=True))
        return [self._sums[k] for k in keys]

    def activation_reader(self, most_rows: int) -> Activations:
        """A function that reads activations of at most `most_rows` examples at a time."""
        cache = self._pass[1] if self.cache_activations else None
        if cache is None:
            # Rounded like the cache, so that memory decides how long it takes and nothing else.
            network = self.network.to(self.split.device)
            return lambda rows: network.hidden(self.split.batch(rows)).half().float()
        # Fresh arrays of this size would cost more than filling them: their pages come from the
        # system one by one.
        half = cache.new_empty(most_rows, cache.shape[1])
        full = half.float()

        def read(rows: Tensor) -> Tensor:
            n = len(rows)
            torch.index_select(cache, 0, rows, out=half[:n])
            return full[:n].copy_(half[:n])

        return read

    @cached_property
    def _pass(self) -> tuple[Tensor, Tensor | None]:
        shape = len(self.split), self.network.hidden_widths[-1]
        half = {"dtype": torch.float16, "device": self.split.device}
        cache = torch.empty(shape, **half) if self.cache_activations else None
        return sum_by_class(self.network, self.split, cache), cache
