"""Intervals and effect sizes of quantities that are means over seeds."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as students_t

LEVEL = 0.95


@dataclass(frozen=True)
class Samples:
    """Independent values (one a seed, as a rule) in strata (one a data set and architecture).

    The quantity is the weighted sum of the means of the strata.

    evidence: which networks the values come from, in words.
    weights: one for each stratum; if not given, the quantity is the mean of the strata's means.
    """

    strata: tuple[np.ndarray, ...]
    evidence: str
    weights: tuple[float, ...] | None = None

    def stratum_weights(self) -> tuple[float, ...]:
        return self.weights or (1 / len(self.strata),) * len(self.strata)


@dataclass(frozen=True)
class Estimate:
    """The value of a quantity, and how sure it is.

    interval: of 95 %; None if a stratum has only one value.
    effect: the value in standard deviations over seeds (Cohen's d; if the quantity is a paired
        difference, in standard deviations of that); None if the values do not vary.
    n_values, fewest: the number of values of all strata, and of the smallest.
    """

    value: float
    interval: tuple[float, float] | None
    effect: float | None
    n_values: int
    fewest: int


def estimate(samples: Samples) -> Estimate:
    """The quantity with its interval: standard error times Student's t to either side.

    Strata are independent and may vary differently, so the degrees of freedom are those of Welch
    and Satterthwaite. For one stratum this is Student's interval, for a difference of two Welch's.
    """
    weights = np.array(samples.stratum_weights())
    sizes = np.array([len(stratum) for stratum in samples.strata])
    counts = int(sizes.sum()), int(sizes.min())
    value = float(weights @ [np.mean(stratum) for stratum in samples.strata])
    if sizes.min() < 2:
        return Estimate(value, None, None, *counts)
    variances = np.array([np.var(stratum, ddof=1) for stratum in samples.strata])
    spread = float(np.sqrt(variances.mean()))
    if spread < 1e-12:
        return Estimate(value, (value, value), None, *counts)
    shares = weights**2 * variances / sizes  # of the variance of the quantity
    freedom = shares.sum() ** 2 / np.sum(shares**2 / (sizes - 1))
    half = float(np.sqrt(shares.sum()) * students_t.ppf((1 + LEVEL) / 2, freedom))
    return Estimate(value, (value - half, value + half), value / spread, *counts)
