"""A training or test set in memory."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Images uint8 [N, m] of pixels from 0 to `max_value`, and labels int64 [N] below `n_classes`.

    Both are on one device, where inputs are made. An input is (pixel / max_value - mean) / std.
    Inputs take four times the memory of images, so they are made batch by batch.
    """

    images: Tensor
    labels: Tensor
    max_value: int
    mean: float
    std: float
    n_classes: int

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def device(self) -> torch.device:
        return self.images.device

    def to(self, device: torch.device | str) -> "Split":
        """The same examples on another device."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))

    def batch(self, rows: slice | Tensor) -> Tensor:
        """Inputs float32 [n, m] of the examples `rows`, a slice or int64 [n] indices."""
        # Indexing with a tensor copies pixel by pixel; `index_select` copies whole images.
        chosen = self.images[rows] if isinstance(rows, slice) else self.images.index_select(0, rows)
        return chosen.float().div_(self.max_value).sub_(self.mean).div_(self.std)

    def inputs(self) -> Tensor:
        """Inputs float32 [N, m] of all examples."""
        return self.batch(slice(None))
