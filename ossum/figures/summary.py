"""Tables for people: means and deviations over seeds of the numbers in a figure."""

from html import escape

import pandas as pd

from ossum.config.registry import ACTIVATIONS, DATASETS, DISTRIBUTIONS, METHODS, STAGES
from ossum.figures.pages import sortable
from ossum.figures.style import spell_options
from ossum.figures.tables import architectures, last_epochs, once
from ossum.storage.results import IDENTITY

# What people call the columns of a summary, in the order in which they are shown.
_COLUMNS = {
    "dataset": "data set",
    "architecture": "network",
    "activation": "activation",
    "distribution": "weights",
    "options": "options",
    "origin": "pruned networks",
    "stage": "stage",
    "method": "method",
    "layer": "layer",
    "sparsity": "neurons pruned (%)",
    "weight_sparsity": "weights pruned (%)",
    "widths": "neurons kept",
    "quantity": "quantity",
    "mean": "mean",
    "sd": "sd",
    "seeds": "seeds",
}
_LABELS = {
    "dataset": {name: spec.label for name, spec in DATASETS.items()},
    "method": {name: spec.label for name, spec in METHODS.items()},
    "activation": {name: name.replace("relu", "ReLU") for name in ACTIVATIONS},
    "distribution": DISTRIBUTIONS,
    "stage": {name: name.replace("-", ", ") for name in STAGES},
}


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Mean, sample standard deviation and number of seeds of what a figure's table measures.

    It has a row for each network, stage, method, sparsity (in a search: widths) and quantity; of
    learning curves at the last epoch. Networks that diverged measure nothing and are not counted.
    """
    table = once(table)
    if "epoch" in table:
        table = last_epochs(table)
    if "variance" in table:
        quantities = ["max", "min", "mean", "variance", "ratio"]
        table = table.assign(ratio=table["positive"] / table["negative"])
    else:
        quantities = ["accuracy"]
        table = table.assign(widths=["-".join(map(str, widths)) for widths in table["widths"]])
    names = [name for name in IDENTITY if name != "seed"]
    names += [name for name in ("layer", "widths", "weight_sparsity") if name in table]
    long = table.melt([*names, "seed"], quantities, var_name="quantity")
    groups = long.groupby([*names, "quantity"], sort=False, dropna=False)["value"]
    return groups.agg(mean="mean", sd="std", seeds="count").reset_index()


def spelled(summary: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """A summary in words, under the names that figures use, with fractions in percent; and what all
    of its rows share, which is left out of them."""
    known = _LABELS | {"architecture": architectures(summary)}
    order = {name: {value: place for place, value in enumerate(known[name])} for name in known}
    rows = summary.sort_values(
        [name for name in _COLUMNS if name in summary.columns.drop(["mean", "sd", "seeds"])],
        key=lambda column: column.map(order[column.name]) if column.name in order else column,
    )
    if set(rows["quantity"]) == {"accuracy"}:
        rows = rows.assign(
            quantity="test accuracy (%)", mean=100 * rows["mean"], sd=100 * rows["sd"]
        )
    spelled_options = [
        spell_options(options, method) if options else ""
        for options, method in zip(rows["options"], rows["method"], strict=True)
    ]
    rows = rows.assign(options=spelled_options)
    for name in ("sparsity", "weight_sparsity"):
        if name in rows:
            rows = rows.assign(**{name: 100 * rows[name]})
    for name in rows:
        if name in _LABELS:
            rows[name] = rows[name].map(_LABELS[name])
        elif pd.api.types.is_float_dtype(rows[name]):
            rows[name] = rows[name].map("{:.4g}".format, na_action="ignore")
    rows = rows.astype("string").fillna("")
    rows = rows[[name for name in _COLUMNS if name in rows]].rename(columns=_COLUMNS)
    same = [name for name in rows if rows[name].nunique() == 1 and len(rows) > 1]
    shared = {name: value for name in same if (value := rows[name].iloc[0])}
    return rows.drop(columns=same), shared


def numbers(table: pd.DataFrame) -> str:
    """The numbers of a figure as HTML: what all rows share, and a table of the rest."""
    rows, shared = spelled(summarise(table))
    same = "; ".join(f"{escape(name)} {escape(value)}" for name, value in shared.items())
    of_all = f" In all rows: {same}." if shared else ""
    return f"<p>Means and standard deviations (sd) over seeds.{of_all}</p>\n{sortable(rows)}"
