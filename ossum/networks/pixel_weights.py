"""The first layer in integers: pixels are integers, and weights can be, in a small enough unit.

A weight w becomes q = round(w / u), where u = r / (127 * 2^16) and r is the largest |w|. So w is
off by at most u / 2 = 6.0e-8 r; float32 rounds a number near r by as much or half of it. q has
three digits of a byte each, q = d_0 + 2^8 d_1 + 2^16 d_2 with d_k from -128 to 127, and a pixel p
becomes the byte p - 128. Then

    sum_i w[j, i] p[i] = u sum_k 2^(8k) sum_i d_k[j, i] (p[i] - 128) + 128 sum_i w[j, i].

The sums over pixels are exact in int32, because none of their 3,072 products is above 2^14. Only
the last additions round. In float32 each addition rounds, which is about ten times less precise.

Three products of bytes are faster than one of float32 where a processor has AMX (`bytes_are_fast`).
With AVX-512 VNNI alone they are four times as fast each, but their sum takes what that saves.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

# The byte of a pixel is so much less than the pixel.
_SHIFT = 128
# r in units u. The highest digit alone makes r, so where all weights are +-r the others are 0.
_LARGEST = 127 * 2**16
# Weights whose largest is beyond so many root mean squares stay in float32: u would be coarse for
# the others. It is 1.7 for uniform weights, and 4 to 6 for normal ones.
_MOST_SPREAD = 16
# Weights that become digits at once, and stay in the cache meanwhile.
_ROWS = 256


def bytes_are_fast() -> bool:
    """Whether products of bytes pay here; not where float32 may be rounded, which is as fast."""
    return torch.cpu._is_amx_tile_supported() and torch.get_float32_matmul_precision() == "highest"


@dataclass(frozen=True)
class PixelWeights:
    """Weights [h, c] of a first layer, to be multiplied with pixels.

    digits: int8 [h, c] each, from the highest; those that are 0 everywhere may be left out.
    units: for each of `digits`, what a digit of 1 and a pixel of 1 make of a weighted sum.
    """

    digits: tuple[Tensor, ...]
    units: tuple[float, ...]

    @property
    def shape(self) -> torch.Size:
        return self.digits[0].shape

    def __len__(self) -> int:
        return len(self.digits[0])

    def __getitem__(self, neurons: slice) -> "PixelWeights":
        return replace(self, digits=tuple(d[neurons] for d in self.digits))

    def of_first(self, count: int) -> "PixelWeights":
        """The weights of the first `count` pixels."""
        return replace(self, digits=tuple(d[:, :count] for d in self.digits))

    def offsets(self, start: int, stop: int) -> Tensor:
        """What the shift of these pixels takes from the weighted sums, float64 [h]."""
        found = torch.zeros(len(self), dtype=torch.float64)
        for digits, unit in zip(self.digits, self.units, strict=True):
            found += digits[:, start:stop].sum(dim=1, dtype=torch.int32) * (_SHIFT * unit)
        return found

    def weighted_sums(self, pixels: Tensor, bias: Tensor) -> Tensor:
        """float32 [n, h] for shifted pixels int8 [n, c] and a bias float32 [h]."""
        sums = bias
        for digits, unit in zip(self.digits, self.units, strict=True):
            products = torch._int_mm(pixels, digits.T)
            # The first sum makes room for all, and the others go there.
            sums = torch.add(sums, products, alpha=unit, out=None if sums is bias else sums)
        return sums


def shifted(pixels: Tensor) -> Tensor:
    """The bytes of pixels: uint8 -> int8, each less by 128."""
    return (pixels ^ _SHIFT).view(torch.int8)


def pixel_weights(weights: Tensor, pixels: Tensor | None, step: float) -> PixelWeights | None:
    """The same weights as integers; None if they are too uneven for that, or not finite.

    weights: float32 [h, m]. pixels: which of the m to take, in order, int64 [c]; None for all.
    step: what a pixel that is higher by 1 adds to an input.
    """
    lowest, highest = torch.aminmax(weights)
    largest = max(-float(lowest), float(highest))
    mean_square = float(torch.linalg.vector_norm(weights)) ** 2 / weights.numel()
    if not 0 < largest <= _MOST_SPREAD * mean_square**0.5:  # or NaN
        return None
    width = weights.shape[1] if pixels is None else len(pixels)
    found = [torch.empty(len(weights), width, dtype=torch.int8) for _ in range(3)]
    for start in range(0, len(weights), _ROWS):
        rows = slice(start, start + _ROWS)
        some = weights[rows] if pixels is None else weights[rows].index_select(1, pixels)
        rest = some.double().mul_(_LARGEST / largest).round_().int()
        for digits in found:
            digits[rows] = rest  # its lowest byte
            rest = rest.sub_(digits[rows]).bitwise_right_shift_(8)
    unit = largest / _LARGEST * step
    kept = [(d, 2.0 ** (8 * k) * unit) for k, d in enumerate(found) if k == 2 or bool(d.any())]
    digits, units = zip(*reversed(kept), strict=True)
    return PixelWeights(digits, units)
