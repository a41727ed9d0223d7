"""From the tables of figures to the samples of a check."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ossum.claims.check import NotRunError
from ossum.claims.statistics import Samples
from ossum.config.registry import DATASETS, METHODS
from ossum.figures.style import compression, times
from ossum.figures.tables import title

NETWORK = ["dataset", "architecture"]
SUBNETWORK = [*NETWORK, "sparsity"]
TWO_LAYER = ("FC-1000", "FC-10000", "FC-100000")
DEEP = "FC-1000-1000-1000"
BOTH = ("mnist", "cifar10")


@dataclass(frozen=True)
class Region:
    """Sparsities that a claim speaks of, as compressions of the hidden layers."""

    name: str
    lowest: float
    highest: float

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of the region, without gaps (`_complete`). NotRunError if there are none, or one
        sparsity of a network."""
        factors = compression(frame.index.get_level_values("sparsity"))
        rows = _complete(frame[(self.lowest <= factors) & (factors <= self.highest)])
        if rows.empty or _sparsities(rows).map(len).min() < 2:
            raise NotRunError(f"needs two sparsities or more of {self}, of most seeds")
        return rows

    def missing(self, sparsities: Iterable[float]) -> list[str]:
        """The doublings of the region that are not among `sparsities`, as '4×'."""
        doublings = [2.0**k for k in range(1, 10) if self.lowest <= 2.0**k <= self.highest]
        factors = set(map(compression, sparsities))
        return [times(factor) for factor in doublings if factor not in factors]

    def __str__(self) -> str:
        return f"{times(self.lowest)} to {times(self.highest)}"


# The paper names its regions in words; these are our readings, the same for every claim.
PRUNED = Region("any sparsity", 2, 512)
MODERATE = Region("moderate sparsity", 2, 8)
HIGH = Region("high sparsity", 16, 512)
VERY_HIGH = Region("very high sparsity", 64, 512)


def accuracies(
    table: pd.DataFrame,
    stage: str,
    columns: Sequence[str],
    by: str = "method",
    value: str = "accuracy",
    **keys: str | Iterable[str],
) -> pd.DataFrame:
    """Test accuracy in percent, or another value.

    It has a row for each data set, architecture, sparsity and seed, and a column for each of
    `columns`, which are values of the key `by`. Comparisons are paired, so rows are left out where
    one of the columns is missing, or not finite because its network diverged. NotRunError if
    nothing is left.

    keys: wanted values of other keys; of origin, activation and distribution those of initial
    networks with tanh and uniform weights, if not given.
    """
    usual = {"origin": "initial", "activation": "tanh", "distribution": "uniform"}
    wanted = usual | keys | {"stage": stage, by: columns}
    rows = table
    for key, values in wanted.items():
        rows = rows[rows[key].isin([values] if isinstance(values, str) else list(values))]
    index = [*SUBNETWORK, "seed"]
    frame = rows.pivot(index=index, columns=by, values=value)
    frame = frame.reindex(columns=list(columns))
    frame = frame[np.isfinite(frame).all(axis=1)]
    if frame.empty:
        names = ", ".join(map(_label, columns))
        raise NotRunError(f"needs {names} at stage {stage!r}{_where(keys)}")
    return frame * 100 if value == "accuracy" else frame


def per_seed(values: pd.Series) -> Samples:
    """Means over sparsities, then over networks: a value for each seed, without gaps (`_complete`).
    NotRunError if nothing is left."""
    return _means(values)


def best(frame: pd.DataFrame) -> Samples:
    """As `per_seed`, of each column: the columns are candidates, of which the best counts."""
    return _means(frame)


def at_best(frame: pd.DataFrame) -> Samples:
    """Every column of every network, at every sparsity at which it is pruned, is a candidate.

    The frame is of one data set. Without gaps (`_complete`), each network must have all doublings
    of moderate sparsity, where the best may be. NotRunError if not.
    """
    frame = frame[frame.index.get_level_values("sparsity") > 0]
    complete = _complete(frame)
    left = _sparsities(complete)
    for network in _sparsities(frame).index:
        if missing := MODERATE.missing(left.get(network, [])):
            raise NotRunError(f"{title(*network)}: needs {', '.join(missing)} of most seeds")
    if complete.empty:
        raise NotRunError("nothing is pruned")
    candidates = complete.unstack(SUBNETWORK)
    column, _, architecture, sparsity = candidates.mean().idxmax()
    highest = f"{_label(column)}, {architecture}, {times(compression(sparsity))}"
    return Samples(candidates, f"highest: {highest}; {_evidence(complete)}")


def contrast(first: Samples, second: Samples) -> Samples:
    """The quantity of the first minus that of the second, seed by seed, for each candidate of the
    first. ValueError if the second has candidates, too."""
    if second.values.ndim > 1:
        raise ValueError("the best of several can be compared with one quantity only")
    difference = first.values.sub(second.values, axis=0).dropna()
    if difference.empty:
        raise NotRunError("no seed was run with both")
    return Samples(difference, f"{first.evidence}; {second.evidence}")


def _complete(values: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
    """Every seed with the same subnetworks, so that seeds do not differ by what they are means of.

    First the subnetworks go that at least half of the seeds lack, then the seeds that lack one of
    the rest. So a few unfinished seeds cost themselves, not what the others have.
    """
    n_seeds = values.index.get_level_values("seed").nunique()
    values = values[values.groupby(level=SUBNETWORK).transform("size") > n_seeds / 2]
    n_subnetworks = len(values.index.droplevel("seed").unique())
    return values[values.groupby(level="seed").transform("size") == n_subnetworks]


def _means(values: pd.DataFrame | pd.Series) -> Samples:
    values = _complete(values)
    if values.empty:
        raise NotRunError("no seed has all that most seeds have")
    by_network = values.groupby(level=[*NETWORK, "seed"]).mean()
    return Samples(by_network.groupby(level="seed").mean(), _evidence(values))


def _sparsities(values: pd.DataFrame | pd.Series) -> pd.Series:
    """Of each network, those that there are, in ascending order."""
    return values.reset_index().groupby(NETWORK)["sparsity"].unique().map(sorted)


def _label(column: str) -> str:
    return METHODS[column].label if column in METHODS else column


def _where(keys: dict[str, str | Iterable[str]]) -> str:
    """', MNIST' and the like: where results are missing."""
    values = [[value] if isinstance(value, str) else value for value in keys.values()]
    words = [DATASETS[v].label if v in DATASETS else str(v) for each in values for v in each]
    return "".join(f", {word}" for word in words)


def _evidence(values: pd.DataFrame | pd.Series) -> str:
    """'MNIST FC-1000, FC-10000; 2× to 8× (3 sparsities); 5 seeds', without repeating what networks
    share."""
    by_spread: dict[str, dict[str, list[str]]] = {}
    for (dataset, architecture), sparsities in _sparsities(values).items():
        by_spread.setdefault(_spread(sparsities), {}).setdefault(dataset, []).append(architecture)
    parts = []
    for spread, by_dataset in by_spread.items():
        parts += [f"{DATASETS[d].label} {', '.join(names)}" for d, names in by_dataset.items()]
        parts.append(spread)
    n_seeds = values.index.get_level_values("seed").nunique()
    return "; ".join([*parts, "1 seed" if n_seeds == 1 else f"{n_seeds} seeds"])


def _spread(sparsities: list[float]) -> str:
    lowest, highest = times(compression(sparsities[0])), times(compression(sparsities[-1]))
    n = len(sparsities)
    return lowest if n == 1 else f"{lowest} to {highest} ({n} sparsities)"
