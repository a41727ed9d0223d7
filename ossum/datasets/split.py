"""A training or test set in memory."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

# If a batch uses more than this share of the pixels, leaving out the rest saves too little.
_MOST_IN_USE = 0.9


@dataclass(frozen=True)
class BlanksLast:
    """Orders of examples and pixels such that the first examples use only the first pixels.

    examples: int64 [N]. pixels: int64 [m], from the one that most images use to the one that fewest
    use. used: N counts, ascending; the first i + 1 of the examples are 0 ("blank") beyond the first
    used[i] of the pixels.
    """

    examples: Tensor
    pixels: Tensor
    used: list[int]


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
        return self.pixels(rows).float().div_(self.max_value).sub_(self.mean).div_(self.std)

    def pixels(self, rows: slice | Tensor) -> Tensor:
        """Pixels uint8 [n, m] of the same."""
        # Indexing with a tensor copies pixel by pixel; `index_select` copies whole images.
        return self.images[rows] if isinstance(rows, slice) else self.images.index_select(0, rows)

    @cached_property
    def blanks_last(self) -> BlanksLast | None:
        """None where most pixels are in use, and on a GPU, which would wait for the counts."""
        if self.device.type != "cpu" or _in_use(self.images[:1024]) > _MOST_IN_USE:
            return None
        counts = sum((images != 0).sum(dim=0) for images in self.images.split(1024))
        pixels = counts.argsort(descending=True, stable=True)
        # Products in int32 take half the time of those in int64.
        places = torch.empty_like(pixels, dtype=torch.int32)
        places[pixels] = torch.arange(1, len(pixels) + 1, dtype=torch.int32)
        last = torch.cat([((i != 0) * places).amax(dim=1) for i in self.images.split(1024)])
        used, examples = last.sort(stable=True)
        return BlanksLast(examples, pixels, used.tolist())

    @property
    def fills_bytes(self) -> bool:
        """Whether pixels need all bits of a byte."""
        return self.max_value > 127

    @property
    def step(self) -> float:
        """What a pixel that is higher by 1 adds to an input."""
        return 1 / (self.max_value * self.std)

    @property
    def blank(self) -> float:
        """The input that a pixel of 0 gives."""
        return -self.mean / self.std

    def inputs(self) -> Tensor:
        """Inputs float32 [N, m] of all examples."""
        return self.batch(slice(None))


def _in_use(images: Tensor) -> float:
    """The share of pixels that at least one of these images uses."""
    return float((images != 0).any(dim=0).float().mean())
