"""Intervals, p values and effect sizes of quantities that are means over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
import pandas as pd
from scipy.stats import t as students_t

LEVEL = 0.95


@dataclass(frozen=True)
class Samples:
    """A quantity, measured once for each seed.

    Networks of one seed may have much in common, seeds have nothing: so a seed is one value,
    however many networks it is a mean of.

    values: by seed.
    evidence: which networks the values come from, in words.
    """

    values: pd.Series
    evidence: str


@dataclass(frozen=True)
class Estimate:
    """The mean of a quantity over `n_seeds` seeds, and its standard error (None for one seed)."""

    value: float
    error: float | None
    n_seeds: int

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """Of 95 %: the standard error times Student's t to either side; None for one seed."""
        if self.error is None:
            return None
        half = self.error * float(students_t.ppf((1 + LEVEL) / 2, self.n_seeds - 1))
        return self.value - half, self.value + half

    @property
    def effect(self) -> float | None:
        """The value in standard deviations over seeds (Cohen's d; of a difference between networks
        of one seed, in standard deviations of that); None if the values do not vary."""
        if not self.error:
            return None
        return self.value / (self.error * sqrt(self.n_seeds))

    def p_value(self, low: float, high: float) -> float | None:
        """Of the decision whether the quantity lies between `low` and `high`, two-sided.

        It is below 0.05 exactly if the whole interval lies there, or none of it. None for one seed.
        """
        if self.error is None:
            return None
        below, above = self._tail(low - self.value), self._tail(self.value - high)
        inside, outside = max(below, above), min(1 - below, 1 - above)
        return min(1.0, 2 * min(inside, outside))

    def _tail(self, distance: float) -> float:
        """How probable it is that Student's t exceeds minus this many standard errors by chance."""
        if self.error == 0:
            return float(distance >= 0)
        return float(students_t.cdf(distance / self.error, self.n_seeds - 1))


def estimate(samples: Samples) -> Estimate:
    """The mean over seeds."""
    values = samples.values.to_numpy(float)
    n = len(values)
    if n < 2:
        return Estimate(float(values.mean()), None, n)
    error = float(values.std(ddof=1) / sqrt(n))
    return Estimate(float(values.mean()), error if error > 1e-12 else 0.0, n)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """P values that allow for their number (Holm 1979): below 0.05, all hold at once with 95 %."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    grown = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(grown, 1)
    return adjusted
