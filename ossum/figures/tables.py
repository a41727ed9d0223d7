"""What the figures take from their tables."""

import pandas as pd

from ossum import results
from ossum.registry import DATASETS

KEYS = [field.name for field in results.KEYS]


def final(table: pd.DataFrame) -> pd.DataFrame:
    """The result of each cell at each stage: its last epoch, whichever was the best."""
    return table.sort_values("epoch").drop_duplicates(KEYS, keep="last").sort_index()


def without_diverged(table: pd.DataFrame) -> pd.DataFrame:
    """All epochs of the cells that did not diverge: else a mean would change its seeds midway."""
    return table[~table.groupby(KEYS)["diverged"].transform("any")]


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


def describe(table: pd.DataFrame) -> str:
    """What the rows of a figure are, for its foot: so that a partial one says so itself."""
    seeds = sorted(table["seed"].unique())
    listed = ", ".join(map(str, seeds))
    trials = f"mean ± 1 sd over seeds {listed}" if len(seeds) > 1 else f"one trial, seed {listed}"
    key = ["dataset", "architecture", "activation", "init", "seed"]
    n_networks = len(table[key].drop_duplicates())
    # Its stages show the same subnetworks: pruned, then trained.
    n_subnetworks = table["stage"].value_counts().max()
    text = f"{trials}; {_count(n_networks, 'network')}, {_count(n_subnetworks, 'subnetwork')}"
    n_diverged = table["accuracy"].isna().sum() if "accuracy" in table else 0
    return f"{text}; {n_diverged} diverged, left out" if n_diverged else text


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
