"""Own results beside those that come with the code: which repeat, and how closely.

A result is a cell at a stage; of a search each combination of widths, of statistics each layer.
Results are compared one by one and, more strictly, in the mean over sparsities and seeds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from ossum import results
from ossum.cells import RESULTS, TRAINING_STAGES, Cell

KEYS = [field.name for field in results.KEYS]
GROUP = [key for key in KEYS if key not in ("sparsity", "seed")]
N_NAMED = 10
# A trained network may differ from its like by this many times the spread between seeds.
SPREADS = 4


@dataclass(frozen=True)
class Quantity:
    """How closely a quantity repeats, see docs/tolerances.md.

    drawn, learnt: largest difference of one result. The mean of n may differ by 1/√n of it,
    n counting what varies by itself: see `means`.
    scale: the column of the reference that differences are divided by; None: absolute.
    """

    drawn: float
    learnt: float
    scale: str | None = None


# Drawn: weights that follow from the seed, selected by sums, which another machine adds up in
# another order; that may swap neurons whose scores are equal but for the last digits. Learnt
# (weights, or a mask): each step carries on, and may enlarge, what the last one rounded. Trained
# weights can end as far apart as those of two seeds: with SPREADS, if that is more.
QUANTITIES = {
    "weight_sparsity": Quantity(0, 0),  # follows from the key
    "accuracy": Quantity(0.01, 0.03),
    "mask_accuracy": Quantity(0.01, 0.03),
    "loss": Quantity(0.01, 0.3, "loss"),
    "count": Quantity(0, 0),
    "max": Quantity(0.01, 0.3, "max"),
    "min": Quantity(0.01, 0.3, "max"),
    "mean": Quantity(0.01, 0.03, "max"),
    "variance": Quantity(0.01, 0.3, "variance"),
    "positive": Quantity(0.01, 0.03, "count"),
    "negative": Quantity(0.01, 0.03, "count"),
}


def own_files() -> list[list[Path]]:
    """All results below the working directory, whatever was run: a list a stage."""
    folders = (Path(pattern.split("/dataset=")[0]) for pattern in RESULTS.values())
    found = (sorted(folder.rglob("[!.]*.parquet")) for folder in folders)
    return [paths for paths in found if paths]


def reference_files(folder: str | Path = "results/reference") -> list[list[Path]]:
    """The tables of `folder`, each by itself: figures share results. Costs are no results: every
    machine has its own."""
    paths = sorted(Path(folder).glob("*.parquet"))
    return [[path] for path in paths if path.stem != "costs"]


def conditions(files: Iterable[Iterable[Path]]) -> str:
    """The devices, machines, versions of torch and precisions that results come from."""
    facts = results.merged_metadata(chain.from_iterable(files))
    names = ("device", "machine", "torch", "precision")
    return "; ".join(f"{name} {facts[name]}" for name in names if name in facts) or "unknown"


def final(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """One row a result, its last epoch; the column `part` tells apart what shares a key."""
    columns = [*KEYS, "epoch", "widths", "layer", *QUANTITIES]
    found = pd.concat([pd.DataFrame(columns=columns), *tables], ignore_index=True)[columns]
    parts = {
        "search": lambda row: "-".join(map(str, row.widths)),
        "statistics": lambda row: f"layer {row.layer:.0f}",
    }
    found["part"] = [parts.get(row.stage, lambda _: "")(row) for row in found.itertuples()]
    found = found.astype(dict.fromkeys(QUANTITIES, float)).sort_values("epoch", kind="stable")
    return found.drop_duplicates([*KEYS, "part"], keep="last", ignore_index=True)


def compare(own: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """A row for each result and quantity that both have: own, reference, difference, allowed.

    A quantity that only one of them has, as when training diverged, differs by infinity.
    """
    both = own.merge(reference, on=[*KEYS, "part"], suffixes=("", " reference"))
    both["trained"] = both["stage"].isin(TRAINING_STAGES) | (both["origin"] == "trained")
    learnt = both["trained"] | (both["method"] == "gradient")
    both["weights"] = np.where(learnt, "learnt", "drawn")
    found = [_compare(both, name, _spread(reference, name)) for name in QUANTITIES]
    return pd.concat(found, ignore_index=True)


def _compare(both: pd.DataFrame, name: str, spread: pd.Series) -> pd.DataFrame:
    quantity = QUANTITIES[name]
    found = both[[*KEYS, "part", "weights"]].assign(
        quantity=name, own=both[name], reference=both[f"{name} reference"]
    )
    scale = both[f"{quantity.scale} reference"] if quantity.scale else 1.0
    found["difference"] = ((found["own"] - found["reference"]) / scale).fillna(np.inf)
    lowest = np.where(found["weights"] == "learnt", quantity.learnt, quantity.drawn)
    between_seeds = both[GROUP].join(spread.rename("spread"), on=GROUP)["spread"]
    found["allowed"] = np.maximum(lowest, SPREADS * between_seeds.where(both["trained"], 0))
    return found[found[["own", "reference"]].notna().any(axis="columns")]


def _spread(reference: pd.DataFrame, name: str) -> pd.Series:
    """The standard deviation over seeds by group, at the sparsity where it is largest.

    Of a group with one seed: the largest of its stage. 0 if there is none.
    """
    cells = reference.groupby([*GROUP, "sparsity"])
    scale = QUANTITIES[name].scale
    deviations = cells[name].std() / (cells[scale].mean() if scale else 1.0)
    spread = deviations.groupby(GROUP).max()
    return spread.fillna(spread.groupby(["stage", "origin"]).transform("max")).fillna(0.0)


def means(compared: pd.DataFrame) -> pd.DataFrame:
    """Mean differences over the sparsities and seeds of a method on a kind of network."""
    found = compared[np.isfinite(compared["difference"])].groupby([*GROUP, "weights", "quantity"])
    found = found.agg(
        n=("difference", "size"),
        seeds=("seed", "nunique"),
        difference=("difference", "mean"),
        allowed=("allowed", "first"),
    ).reset_index()
    # What is pruned from one trained network differs together.
    n_independent = found["n"].where(found["origin"] == "init", found["seeds"])
    return found.assign(allowed=found["allowed"] / n_independent**0.5)


def worst_first(compared: pd.DataFrame) -> pd.DataFrame:
    """The same rows, by how much of what is allowed they take."""
    share = (compared["difference"].abs() / compared["allowed"]).fillna(0)
    return compared.loc[share.sort_values(ascending=False, kind="stable").index]


def beyond(compared: pd.DataFrame) -> pd.DataFrame:
    """The rows whose difference is larger than allowed, worst first."""
    return worst_first(compared[compared["difference"].abs() > compared["allowed"]])


def report(own: pd.DataFrame, reference: pd.DataFrame) -> tuple[str, bool]:
    """What to tell the user, and whether all that could be compared is within its tolerance."""
    compared = compare(own, reference)
    if compared.empty:
        text = (
            f"Nothing to compare: none of the {len(own):,} results below results/ is among the "
            f"{len(reference):,} of results/reference/.\n"
            "Make some of the paper's first, as by: figures/fig1.pdf --configfile config/quick.yaml"
        )
        return text, False
    averaged = means(compared)
    n_compared = len(compared.drop_duplicates([*KEYS, "part"]))
    results_beyond, means_beyond = beyond(compared), beyond(averaged)
    passed = results_beyond.empty and means_beyond.empty
    lines = [
        summary(compared, averaged),
        "Losses and statistics: relative differences. Means: over sparsities and seeds.",
        "",
        *_named("results", map(_describe_result, results_beyond.to_dict("records"))),
        *_named("means", map(_describe_mean, means_beyond.to_dict("records"))),
        f"{n_compared:,} results compared; {len(own) - n_compared:,} of yours have no reference, "
        f"{len(reference) - n_compared:,} of the reference were not run.",
        "All within tolerance."
        if passed
        else f"BEYOND TOLERANCE: {len(results_beyond):,} result(s), {len(means_beyond):,} mean(s).",
    ]
    return "\n".join(lines), passed


def summary(compared: pd.DataFrame, averaged: pd.DataFrame) -> str:
    """A line for each stage, kind of network and quantity."""
    row = ["stage", "weights", "quantity"]
    lines = (
        worst_first(compared)
        .groupby(row, sort=False)
        .agg(
            results=("difference", "size"),
            worst=("difference", "first"),
            allowed=("allowed", "first"),
        )
    )
    lines["beyond"] = beyond(compared).groupby(row).size()
    lines["means"] = averaged.groupby(row).size()
    lines["means beyond"] = beyond(averaged).groupby(row).size()
    counts = ["beyond", "means", "means beyond"]
    lines[counts] = lines[counts].fillna(0).astype(int)
    order = [*RESULTS, "drawn", "learnt", *QUANTITIES]
    lines = lines.sort_index(key=lambda names: names.map(order.index))
    return lines.reset_index().to_string(index=False, float_format="{:.2g}".format)


def _named(kind: str, described: Iterable[str]) -> list[str]:
    described = list(described)
    if not described:
        return []
    shown = [f"  {text}" for text in described[:N_NAMED]]
    rest = len(described) - len(shown)
    return [f"Beyond tolerance, {kind}:", *shown, *([f"  ... and {rest:,} more"] * bool(rest)), ""]


def _describe_result(row: dict) -> str:
    key = {name: row[name] for name in Cell.__dataclass_fields__}
    key["sparsity"] = None if pd.isna(key["sparsity"]) else key["sparsity"]
    path = Cell(**key).path(RESULTS[row["stage"]])
    part = f" ({row['part']})" if row["part"] else ""
    return f"{path}{part}: {row['quantity']} {row['own']:.6g}, reference {row['reference']:.6g}"


def _describe_mean(row: dict) -> str:
    group = " ".join(row[name] for name in GROUP)
    return (
        f"{group}: {row['quantity']} differs by {row['difference']:+.2g} over {row['n']}, "
        f"allowed {row['allowed']:.2g}"
    )
