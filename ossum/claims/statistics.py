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
    """A quantity, measured once for each seed; or several candidates, of which the best counts.

    Networks of one seed may have much in common, seeds have nothing: so a seed is one value,
    however many networks it is a mean of.

    values: by seed; of several candidates a column each.
    evidence: which networks the values come from, in words.
    """

    values: pd.Series | pd.DataFrame
    evidence: str


@dataclass(frozen=True)
class Estimate:
    """The mean of a quantity over `n_seeds` seeds; of several candidates, the largest mean.

    means: of each candidate.
    errors: their standard errors; None for one seed.
    """

    means: tuple[float, ...]
    errors: tuple[float, ...] | None
    n_seeds: int

    @property
    def value(self) -> float:
        return max(self.means)

    @property
    def n_candidates(self) -> int:
        return len(self.means)

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """Of 95 %, by Student's t; None for one seed.

        The best of several is no worse than any of them, so the lower end is the highest of theirs,
        with Bonferroni's allowance for their number: we saw which came out highest. The upper end
        is the highest of theirs, too. It needs no allowance, as it holds the best if that one's own
        interval does.
        """
        if self.errors is None:
            return None
        means, errors, tail = np.array(self.means), np.array(self.errors), (1 - LEVEL) / 2
        low = means - errors * students_t.isf(tail / self.n_candidates, self.n_seeds - 1)
        high = means + errors * students_t.isf(tail, self.n_seeds - 1)
        return float(low.max()), float(high.max())

    @property
    def effect(self) -> float | None:
        """The value in standard deviations over seeds (Cohen's d; of a difference between networks
        of one seed, in standard deviations of that); None if the values do not vary."""
        if self.errors is None or not (error := self.errors[self.means.index(self.value)]):
            return None
        return self.value / (error * sqrt(self.n_seeds))

    def p_value(self, low: float, high: float) -> float | None:
        """Of the decision whether the quantity lies between `low` and `high`, two-sided.

        It is below 0.05 exactly if the whole interval lies there, or none of it. None for one seed.
        """
        if self.errors is None:
            return None
        pairs = list(zip(self.means, self.errors, strict=True))
        # One candidate above `low` is enough, but it was chosen; all have to be below `high`.
        below = min(self._tail(low - mean, error) for mean, error in pairs)
        above = max(self._tail(mean - high, error) for mean, error in pairs)
        inside = max(self.n_candidates * below, above)
        outside = min(1 - below, self.n_candidates * (1 - above))
        return min(1.0, 2 * min(inside, outside))

    def _tail(self, distance: float, error: float) -> float:
        """How probable it is that Student's t exceeds minus this many standard errors by chance."""
        if error == 0:
            return float(distance >= 0)
        return float(students_t.cdf(distance / error, self.n_seeds - 1))


def estimate(samples: Samples) -> Estimate:
    """The mean over seeds, of each candidate. ValueError if a value is not finite."""
    values = pd.DataFrame(samples.values).to_numpy(float)
    if not np.isfinite(values).all():
        raise ValueError(f"some values are not finite: {samples.evidence}")
    n, means = len(values), tuple(values.mean(axis=0).tolist())
    if n < 2:
        return Estimate(means, None, n)
    errors = values.std(axis=0, ddof=1) / sqrt(n)
    return Estimate(means, tuple(np.where(errors > 1e-12, errors, 0).tolist()), n)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """P values that allow for their number (Holm 1979): below 0.05, all hold at once with 95 %."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    grown = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(grown, 1)
    return adjusted
