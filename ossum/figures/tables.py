"""What the figures take from their tables."""

import pandas as pd

from ossum.config.registry import DATASETS, METHODS
from ossum.storage.results import IDENTITY


def once(table: pd.DataFrame) -> pd.DataFrame:
    """Each result once. Grids may overlap, and their results are then alike but for rounding."""
    parts = [name for name in ("epoch", "layer", "widths") if name in table]
    rows = table[IDENTITY].assign(**{name: table[name].astype(str) for name in parts})
    return table[~rows.duplicated()]


def last_epochs(curves: pd.DataFrame) -> pd.DataFrame:
    """The last row of each learning curve."""
    return curves.sort_values("epoch").drop_duplicates(IDENTITY, keep="last").sort_index()


def without_diverged(curves: pd.DataFrame) -> pd.DataFrame:
    """The learning curves that did not diverge: a mean over seeds must not lose some midway."""
    return curves[~curves.groupby(IDENTITY)["diverged"].transform("any")]


def datasets(table: pd.DataFrame) -> list[str]:
    """The data sets of a table, in the registry's order."""
    present = set(table["dataset"])
    return [name for name in DATASETS if name in present]


def architectures(table: pd.DataFrame) -> list[str]:
    """The architectures of a table, small ones first."""
    return sorted(table["architecture"].unique(), key=lambda name: (len(name), name))


def networks(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The pairs of data set and architecture in a table."""
    present = set(zip(table["dataset"], table["architecture"], strict=True))
    pairs = [(d, a) for d in datasets(table) for a in architectures(table)]
    return [pair for pair in pairs if pair in present]


def title(dataset: str, architecture: str) -> str:
    """What figures call a network."""
    return f"{DATASETS[dataset].label}, {architecture}"


def contents(table: pd.DataFrame) -> str:
    """How many seeds, networks and subnetworks are shown, for the foot of a figure: there a partial
    figure says that it is one. Methods with fewer seeds than others are named."""
    seeds = sorted(table["seed"].unique())
    run = len(seeds) > 5 and seeds == list(range(seeds[0], seeds[-1] + 1))
    listed = f"{seeds[0]} to {seeds[-1]}" if run else ", ".join(map(str, seeds))
    # Of a search the points are means alone.
    mean = "mean" if (table["stage"] == "search").all() else "mean ± 1 sd"
    trials = f"{mean} over seeds {listed}" if len(seeds) > 1 else f"one trial, seed {listed}"
    by_method = table.groupby("method")["seed"].nunique()
    fewer = [f"{METHODS[name].label}: {n}" for name, n in by_method.items() if n < len(seeds)]
    trials += f" ({', '.join(fewer)})" if fewer else ""
    key = ["dataset", "architecture", "activation", "distribution", "seed"]
    n_networks = len(table[key].drop_duplicates())
    # The stages of a figure show the same subnetworks: pruned, then trained.
    n_subnetworks = table["stage"].value_counts().max()
    text = f"{trials}; {_count(n_networks, 'network')}, {_count(n_subnetworks, 'subnetwork')}"
    n_diverged = table["accuracy"].isna().sum() if "accuracy" in table else 0
    return f"{text}; {n_diverged} diverged, left out" if n_diverged else text


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
