"""Intervals and effect sizes: a bootstrap over seeds, stratified by network."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

RESAMPLES = 9_999
LEVEL = 0.95


@dataclass(frozen=True)
class Samples:
    """Independent values (one a seed, as a rule) in strata (one a data set and architecture).

    The quantity is the weighted sum of the strata's means, by default their mean. evidence: in
    words, which cells the values come from.
    """

    strata: tuple[np.ndarray, ...]
    evidence: str
    weights: tuple[float, ...] | None = None

    def weighted(self) -> tuple[float, ...]:
        return self.weights or (1 / len(self.strata),) * len(self.strata)


@dataclass(frozen=True)
class Estimate:
    """A quantity. interval: 95 %; None if a stratum has one value only. effect: the quantity in
    standard deviations over seeds (Cohen's d; of paired differences, if it is one); None if they
    do not vary. n_values: of all strata; fewest: of the smallest."""

    value: float
    interval: tuple[float, float] | None
    effect: float | None
    n_values: int
    fewest: int


def estimate(samples: Samples) -> Estimate:
    """The quantity with its interval, the same whenever it is computed.

    The interval is the bootstrap's standard error times Student's t. Percentiles of the bootstrap
    would be too narrow for a few seeds: they never leave the range of the values, which for three
    misses the mean one time in four (Hesterberg 2015, The American Statistician 69, section 4).
    """
    weights = samples.weighted()

    def quantity(*strata: np.ndarray, axis: int = -1) -> np.ndarray:
        return sum(w * np.mean(s, axis=axis) for w, s in zip(weights, strata, strict=True))

    value = float(quantity(*samples.strata))
    sizes = np.array([len(stratum) for stratum in samples.strata])
    if sizes.min() < 2:
        return Estimate(value, None, None, int(sizes.sum()), int(sizes.min()))
    variances = np.array([np.var(stratum, ddof=1) for stratum in samples.strata])
    spread = float(np.sqrt(variances.mean()))
    if spread < 1e-12:
        return Estimate(value, (value, value), None, int(sizes.sum()), int(sizes.min()))
    resampled = stats.bootstrap(
        samples.strata,
        quantity,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    # Resampling divides variances by n, not n - 1.
    error = resampled.standard_error * np.sqrt(sizes.min() / (sizes.min() - 1))
    shares = np.square(weights) * variances / sizes
    freedom = shares.sum() ** 2 / np.sum(shares**2 / (sizes - 1))  # Welch and Satterthwaite
    half = float(error * stats.t.ppf((1 + LEVEL) / 2, freedom))
    interval = (value - half, value + half)
    return Estimate(value, interval, value / spread, int(sizes.sum()), int(sizes.min()))
