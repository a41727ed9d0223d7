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
        """The rows of the region. NotRunError if there are none, or one sparsity of a network."""
        factors = compression(frame.index.get_level_values("sparsity"))
        rows = frame[(self.lowest <= factors) & (factors <= self.highest)]
        counts = rows.reset_index().groupby(NETWORK)["sparsity"].nunique()
        if rows.empty or counts.min() < 2:
            raise NotRunError(f"needs two sparsities or more of {self}")
        return rows

    def require(self, values: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
        """The same values, if they hold all sparsities of the region. NotRunError if not, because
        then the best of them may not be the best of the region."""
        factors = set(compression(values.index.get_level_values("sparsity")))
        doublings = [2.0**k for k in range(1, 10) if self.lowest <= 2.0**k <= self.highest]
        missing = [times(factor) for factor in doublings if factor not in factors]
        if missing:
            raise NotRunError(f"needs {', '.join(missing)}")
        return values

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
    `columns`, which are values of the key `by`. Comparisons are paired, so rows where one of the
    columns is missing or diverged are left out. NotRunError if nothing is left.

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
    frame = frame.reindex(columns=list(columns)).dropna()
    if frame.empty:
        names = ", ".join(METHODS[name].label if name in METHODS else name for name in columns)
        raise NotRunError(f"needs {names} at stage {stage!r}{_where(keys)}")
    return frame * 100 if value == "accuracy" else frame


def best(frame: pd.DataFrame) -> pd.Series:
    """Of each network and seed, the column that is best in the other seeds: the one with the best
    mean over sparsities and over them. What a seed chose itself would look better there than it is
    (benchmarks/coverage.py). A single seed has to choose for itself."""
    means = _in_other_seeds(frame.groupby(level=[*NETWORK, "seed"]).mean())
    rows = means.index.get_indexer(frame.index.droplevel("sparsity"))
    chosen = means.to_numpy().argmax(axis=1)[rows]
    return pd.Series(frame.to_numpy()[np.arange(len(frame)), chosen], frame.index)


def at_best(values: pd.DataFrame | pd.Series) -> Samples:
    """The value of each seed where it is best in the other seeds, of all columns, networks and
    sparsities of one data set. The numbers that the paper gives are the best of several, too."""
    if isinstance(values, pd.DataFrame):
        values = values.stack()
    found = values.loc[_in_other_seeds(values).groupby(level="seed").idxmax()]
    evidence = []
    for network, group in found.groupby(level=NETWORK):
        factors = sorted(set(compression(group.index.get_level_values("sparsity"))))
        evidence.append((network, " or ".join(map(times, factors))))
    by_seed = found.droplevel([name for name in found.index.names if name != "seed"])
    return Samples(by_seed, f"{_described(evidence)}; {_seeds(by_seed)}")


def _in_other_seeds(values: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
    """The mean over all other seeds; where there is one seed only, its own."""
    groups = values.groupby(level=[name for name in values.index.names if name != "seed"])
    total, n = groups.transform("sum"), groups.transform("count")
    return ((total - values) / (n - 1)).where(n > 1, values)


def per_seed(values: pd.Series) -> Samples:
    """Means over sparsities, then over networks: a value for each seed.

    Sparsities that some seed of a network lacks are left out, and so are seeds that some network
    lacks, so that seeds do not differ by what they are means of.
    """
    networks, evidence = {}, []
    for network, group in values.groupby(level=NETWORK, sort=False):
        by_sparsity = group.droplevel(NETWORK).unstack("seed").dropna()
        if by_sparsity.empty:
            raise NotRunError(f"{title(*network)}: no sparsity was run with every seed")
        networks[network] = by_sparsity.mean()
        factors = compression(by_sparsity.index)
        spread = times(factors[0]) if len(factors) == 1 else _listed(factors)
        evidence.append((network, spread))
    by_seed = pd.DataFrame(networks).dropna().mean(axis=1)
    if by_seed.empty:
        raise NotRunError("no seed was run with every network")
    return Samples(by_seed, f"{_described(evidence)}; {_seeds(by_seed)}")


def contrast(first: Samples, second: Samples) -> Samples:
    """The quantity of the first minus that of the second, seed by seed."""
    difference = (first.values - second.values).dropna()
    if difference.empty:
        raise NotRunError("no seed was run with both")
    return Samples(difference, f"{first.evidence}; {second.evidence}")


def _where(keys: dict[str, str | Iterable[str]]) -> str:
    """', MNIST' and the like: where results are missing."""
    values = [[value] if isinstance(value, str) else value for value in keys.values()]
    words = [DATASETS[v].label if v in DATASETS else str(v) for each in values for v in each]
    return "".join(f", {word}" for word in words)


def _listed(factors: Iterable[float]) -> str:
    return f"{times(min(factors))} to {times(max(factors))} ({len(list(factors))} sparsities)"


def _seeds(by_seed: pd.Series) -> str:
    return "1 seed" if len(by_seed) == 1 else f"{len(by_seed)} seeds"


def _described(evidence: list[tuple[tuple[str, str], str]]) -> str:
    """'MNIST FC-1000, FC-10000; 2× to 8× (3 sparsities)', without repeating what networks share."""
    by_spread: dict[str, dict[str, list[str]]] = {}
    for (dataset, architecture), spread in evidence:
        by_spread.setdefault(spread, {}).setdefault(dataset, []).append(architecture)
    parts = []
    for spread, by_dataset in by_spread.items():
        parts += [f"{DATASETS[d].label} {', '.join(names)}" for d, names in by_dataset.items()]
        parts.append(spread)
    return "; ".join(parts)
