"""The first layer in integers: pixels are integers, and weights can be, in a small enough unit.

A weight w[j, i] becomes q = round(w / u[j]), where u[j] = r[j] / (127 * 2^16) and r[j] is the
largest |w| of neuron j. So w is off by at most u / 2 = 6.0e-8 r; float32 rounds a number near r by
as much or half of it. q has three digits of a byte each, q = d_0 + 2^8 d_1 + 2^16 d_2 with d_k from
-128 to 127, and a pixel p becomes the byte p - 128. Then

    sum_i w[j, i] p[i] = u[j] sum_k 2^(8k) sum_i d_k[j, i] (p[i] - 128) + 128 sum_i w[j, i].

The sums over pixels are exact in int32, because none of their 3,072 products is above 2^14. Weights
are rounded once, and the end is in float32. All in all that is as precise as products in float32,
where each addition rounds.

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
# Neurons at once, so that what is made on the way stays in the cache.
_ROWS = 256


def bytes_are_fast() -> bool:
    """Whether products of bytes pay here; not where float32 may be rounded, which is as fast."""
    return torch.cpu._is_amx_tile_supported() and torch.get_float32_matmul_precision() == "highest"


@dataclass(frozen=True)
class PixelWeights:
    """Weights [h, c] of a first layer, to be multiplied with pixels.

    digits: int8 [h, c] each, by their factor 2^(8k); those that are 0 everywhere may be left out.
    units: float32 [h], what a digit of 1 and a pixel of 1 make of a weighted sum.
    """

    digits: dict[float, Tensor]
    units: Tensor

    def __len__(self) -> int:
        return len(self.units)

    def __getitem__(self, neurons: slice) -> "PixelWeights":
        return PixelWeights({k: d[neurons] for k, d in self.digits.items()}, self.units[neurons])

    def of_first(self, count: int) -> "PixelWeights":
        """The weights of the first `count` pixels."""
        return replace(self, digits={k: d[:, :count] for k, d in self.digits.items()})

    @property
    def shape(self) -> torch.Size:
        return next(iter(self.digits.values())).shape

    def offsets(self, start: int, stop: int) -> Tensor:
        """What the shift of these pixels takes from the weighted sums, float64 [h]."""
        found = torch.zeros(len(self), dtype=torch.float64)
        for factor, digits in self.digits.items():
            for i in range(0, len(self), _ROWS):  # torch makes int32 of all that it sums
                sums = digits[i : i + _ROWS, start:stop].sum(dim=1, dtype=torch.int32)
                found[i : i + _ROWS] += factor * sums
        return found.mul_(_SHIFT).mul_(self.units)

    def weighted_sums(self, pixels: Tensor, bias: Tensor) -> Tensor:
        """float32 [n, h] for shifted pixels int8 [n, c] and a bias float32 [h]."""
        found = torch.zeros(())
        for factor, digits in self.digits.items():
            products = torch._int_mm(pixels, digits.T)
            # The first sum makes room for all, and the others go there.
            found = torch.add(found, products, alpha=factor, out=found if found.ndim else None)
        return torch.addcmul(bias, found, self.units, out=found)


def shifted(pixels: Tensor) -> Tensor:
    """The bytes of pixels: uint8 -> int8, each less by 128."""
    return (pixels ^ _SHIFT).view(torch.int8)


def pixel_weights(weights: Tensor, pixels: Tensor | None, step: float) -> PixelWeights | None:
    """The same weights as integers; None if one is not finite, or there is one pixel alone.

    weights: float32 [h, m]. pixels: which of the m to take, in order, int64 [c]; None for all.
    step: what a pixel that is higher by 1 adds to an input.
    """
    width = weights.shape[1] if pixels is None else len(pixels)
    lowest, highest = torch.aminmax(weights, dim=1)
    largest = torch.maximum(-lowest, highest).double()
    if width < 2 or not largest.isfinite().all():  # torch._int_mm is wrong about one pixel
        return None
    units = torch.where(largest == 0, 1, largest) / _LARGEST
    found = [torch.empty(len(weights), width, dtype=torch.int8) for _ in range(3)]
    in_use = [False, False, True]
    for i in range(0, len(weights), _ROWS):
        rows = slice(i, i + _ROWS)
        some = weights[rows] if pixels is None else weights[rows].index_select(1, pixels)
        rest = some.double().div_(units[rows, None]).round_().int()
        for k, digits in enumerate(found):
            digits[rows] = rest  # its lowest byte
            rest = rest.sub_(digits[rows]).bitwise_right_shift_(8)
            in_use[k] = in_use[k] or bool(digits[rows].any())
    kept = {2.0 ** (8 * k): found[k] for k in (2, 1, 0) if in_use[k]}
    return PixelWeights(kept, (units * step).float())
