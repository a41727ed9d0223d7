"""One's own results beside those that come with the code: which of them repeat, and how closely.

A result is what is known of a subnetwork at a stage; in a search each combination of widths is a
result of its own, and in statistics each layer. Results are compared one by one and, more strictly,
in the mean over sparsities and seeds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from ossum.config.grids import TRAINING_STAGES, spell_sparsity
from ossum.config.registry import STAGES
from ossum.storage import results
from ossum.storage.results import IDENTITY

GROUP = [key for key in IDENTITY if key not in ("sparsity", "seed")]
FOLDERS = ("results/evaluations", "results/statistics", "results/readout", "results/search")
N_NAMED = 10
# A trained network may differ from its like by this many times the spread between seeds.
SPREADS = 4


@dataclass(frozen=True)
class Quantity:
    """How closely a quantity repeats, see docs/tolerances.md.

    drawn, learnt: the largest difference that one result may have. The mean of n results may differ
        by 1/√n of that, where n counts what varies by itself: see `means`.
    scale: the column of the reference, in the mean over seeds, that differences and the spread
        between seeds are divided by; None: absolute.
    """

    drawn: float
    learnt: float
    scale: str | None = None


# Drawn: the weights follow from the seed, and neurons are selected by sums, which another machine
# adds up in another order; that may swap neurons whose scores are equal but for the last digits.
# Learnt (weights, or a mask): each step carries on, and may enlarge, what the last one rounded.
# Trained weights can end as far apart as those of two seeds, which SPREADS allows if it is more.
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


def own_files(folders: Iterable[str | Path] = FOLDERS) -> list[list[Path]]:
    """All results that there are, whatever was run: a list for each folder that has some."""
    found = (sorted(Path(folder).rglob("[!.]*.parquet")) for folder in folders)
    return [paths for paths in found if paths]


def reference_files(folder: str | Path) -> list[list[Path]]:
    """The tables of a folder, each by itself, as figures share results. The table of costs is left
    out, because every machine has its own."""
    paths = sorted(Path(folder).glob("[!.]*.parquet"))
    return [[path] for path in paths if path.stem != "costs"]


def conditions(files: Iterable[Iterable[Path]]) -> str:
    """The devices, machines, versions of torch and precisions that results come from."""
    facts = results.merged_metadata(chain.from_iterable(files))
    names = ("device", "machine", "torch", "precision")
    return "; ".join(f"{name} {facts[name]}" for name in names if name in facts) or "unknown"


def collect(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """One row for each result of these tables; of a learning curve its last epoch.

    The column `part` tells apart the results that share a key.
    """
    columns = [*IDENTITY, "epoch", "widths", "layer", *QUANTITIES]
    found = pd.concat([pd.DataFrame(columns=columns), *tables], ignore_index=True)[columns]
    parts = {
        "search": lambda row: "-".join(map(str, row.widths)),
        "statistics": lambda row: f"layer {row.layer:.0f}",
    }
    found["part"] = [parts.get(row.stage, lambda _: "")(row) for row in found.itertuples()]
    found = found.astype(dict.fromkeys(QUANTITIES, float)).sort_values("epoch", kind="stable")
    return found.drop_duplicates([*IDENTITY, "part"], keep="last", ignore_index=True)


def compare(own: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """A row for each result and quantity that both have: own, reference, difference, allowed.

    A quantity that only one of them has, as when training diverged, differs by infinity.
    """
    scales = list(dict.fromkeys(q.scale for q in QUANTITIES.values() if q.scale))
    by_seed = reference.groupby([*GROUP, "sparsity", "part"], dropna=False)
    scaled = reference.join(by_seed[scales].transform("mean").add_suffix(" scale"))
    both = own.merge(scaled, on=[*IDENTITY, "part"], suffixes=("", " reference"))
    both["trained"] = both["stage"].isin(TRAINING_STAGES) | (both["origin"] == "trained")
    learnt = both["trained"] | (both["method"] == "gradient")
    both["weights"] = np.where(learnt, "learnt", "drawn")
    found = [_compare_quantity(both, name, _spread(reference, name)) for name in QUANTITIES]
    return pd.concat(found, ignore_index=True)


def _compare_quantity(both: pd.DataFrame, name: str, spread: pd.Series) -> pd.DataFrame:
    quantity = QUANTITIES[name]
    found = both[[*IDENTITY, "part", "weights"]].assign(
        quantity=name, own=both[name], reference=both[f"{name} reference"]
    )
    scale = both[f"{quantity.scale} scale"] if quantity.scale else 1.0
    found["difference"] = ((found["own"] - found["reference"]) / scale).fillna(np.inf)
    lowest = np.where(found["weights"] == "learnt", quantity.learnt, quantity.drawn)
    between_seeds = both[GROUP].join(spread.rename("spread"), on=GROUP)["spread"]
    found["allowed"] = np.maximum(lowest, SPREADS * between_seeds.where(both["trained"], 0))
    known = found[["own", "reference"]].notna()
    # A learning curve does not say what share of the weights is pruned.
    both_know = name == "weight_sparsity"
    return found[known.all(axis="columns") if both_know else known.any(axis="columns")]


def _spread(reference: pd.DataFrame, name: str) -> pd.Series:
    """The standard deviation over seeds of each group, at the sparsity and part that vary most.

    A group with one seed has the largest of its stage, or 0 if there is none.
    """
    at_sparsity = reference.groupby([*GROUP, "part", "sparsity"], dropna=False)
    scale = QUANTITIES[name].scale
    deviations = at_sparsity[name].std() / (at_sparsity[scale].mean() if scale else 1.0)
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
    n_independent = found["n"].where(found["origin"] == "initial", found["seeds"])
    return found.assign(allowed=found["allowed"] / n_independent**0.5)


def worst_first(compared: pd.DataFrame) -> pd.DataFrame:
    """The same rows, ordered by how much they use of what is allowed."""
    share = (compared["difference"].abs() / compared["allowed"]).fillna(0)
    return compared.loc[share.sort_values(ascending=False, kind="stable").index]


def too_different(compared: pd.DataFrame) -> pd.DataFrame:
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
    n_compared = len(compared.drop_duplicates([*IDENTITY, "part"]))
    different, different_means = too_different(compared), too_different(averaged)
    passed = different.empty and different_means.empty
    lines = [
        _overview(compared, averaged),
        "Losses and statistics: relative differences. Means: over sparsities and seeds.",
        "",
        *_named("results", map(_describe_result, different.to_dict("records"))),
        *_named("means", map(_describe_mean, different_means.to_dict("records"))),
        f"{n_compared:,} results compared; {len(own) - n_compared:,} of yours have no reference, "
        f"{len(reference) - n_compared:,} of the reference were not run.",
        "All within tolerance."
        if passed
        else f"BEYOND TOLERANCE: {len(different):,} result(s), {len(different_means):,} mean(s).",
    ]
    return "\n".join(lines), passed


def _overview(compared: pd.DataFrame, averaged: pd.DataFrame) -> str:
    """A line for each stage, kind of weights and quantity."""
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
    lines["beyond"] = too_different(compared).groupby(row).size()
    lines["means"] = averaged.groupby(row).size()
    lines["means beyond"] = too_different(averaged).groupby(row).size()
    counts = ["beyond", "means", "means beyond"]
    lines[counts] = lines[counts].fillna(0).astype(int)
    order = [*STAGES, "drawn", "learnt", *QUANTITIES]
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
    return f"{_key(row)}: {row['quantity']} {row['own']:.6g}, reference {row['reference']:.6g}"


def _describe_mean(row: dict) -> str:
    return (
        f"{_key(row)}: {row['quantity']} differs by {row['difference']:+.2g} over {row['n']}, "
        f"allowed {row['allowed']:.2g}"
    )


def _key(row: dict) -> str:
    """'mnist FC-1000 tanh uniform seed 0, ossum at 0.75, pruned'; of a mean without what varies."""
    network = [row[key] for key in ("dataset", "architecture", "activation", "distribution")]
    network += [f"seed {row['seed']}"] if "seed" in row else []
    sparsity = row.get("sparsity")
    at = "" if pd.isna(sparsity) else f" at {spell_sparsity(sparsity)}"
    words = [" ".join(network), *["trained"] * (row["origin"] == "trained")]
    words += [f"{row['method']}{at}", *[row["options"]] * bool(row["options"]), row["stage"]]
    return ", ".join(words) + (f" ({row['part']})" if row.get("part") else "")
