"""Sizes of networks and subnetworks: pure arithmetic, no tensors.

Planning a workflow needs the sizes of thousands of networks and the weights of none of them, so
this module (unlike `ossum.networks.network`) does not import torch.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, product
from math import floor

# Up to twenty hidden layers of up to a billion neurons: a name stays short enough for a path.
NAME = r"FC(-[1-9][0-9]{0,8}){1,20}"


@dataclass(frozen=True)
class Architecture:
    """Hidden widths of a fully-connected network, written FC-h1-...-hL in the paper."""

    hidden: tuple[int, ...]

    @classmethod
    def parse(cls, name: str) -> "Architecture":
        """Read a name such as "FC-1000-1000-1000"; ValueError for anything else."""
        if not re.fullmatch(NAME, name):
            raise ValueError(
                f"architecture {name!r} is not of the form FC-h1-...-hL with positive widths, "
                "at most 20 of them and of nine digits, for example FC-1000 or FC-1000-1000-1000"
            )
        return cls(tuple(int(width) for width in name.split("-")[1:]))

    def __str__(self) -> str:
        return "-".join(("FC", *map(str, self.hidden)))

    def kept_widths(self, sparsity: str | float) -> tuple[int, ...]:
        """Neurons kept in each hidden layer when the fraction `sparsity` of each is pruned."""
        return tuple(kept_width(width, sparsity) for width in self.hidden)


def kept_width(width: int, sparsity: str | float) -> int:
    """max(1, width * (1 - sparsity)) rounded to the nearest integer, halves up.

    The sparsity is taken as the decimal number that it is written as, so that 62.5 neurons are
    exactly a half.
    """
    return _some_of(width, 1 - _as_written(sparsity))


def width_combinations(hidden: tuple[int, ...], fractions: Sequence[float]) -> list[tuple]:
    """Every combination over the hidden layers of the widths that `fractions` of a layer make.

    Rounded as in `kept_width`. In ascending order of fractions, last layer fastest, then the full
    widths; each combination once.
    """
    shares = [_as_written(fraction) for fraction in sorted(fractions)]
    each = [[_some_of(width, share) for share in shares] for width in hidden]
    return list(dict.fromkeys([*product(*each), hidden]))


def _as_written(number: str | float) -> Fraction:
    return Fraction(Decimal(str(number)))


def _some_of(width: int, share: Fraction) -> int:
    return max(1, floor(width * share + Fraction(1, 2)))


def count_weights(layer_sizes: tuple[int, ...]) -> int:
    """Weights of a dense network without biases = multiply-adds of one forward pass."""
    return sum(fan_in * fan_out for fan_in, fan_out in pairwise(layer_sizes))
