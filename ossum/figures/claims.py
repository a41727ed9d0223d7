"""The picture of the claims: what was expected of each check, and what was observed."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ossum.figures import style

# By outcome. Colour-blind readers can tell blue from orange, and the markers differ too.
_LOOKS = {
    "holds": ("#0072B2", "o"),
    "inconclusive": ("#8C8C8C", "D"),
    "contradicted": ("#D55E00", "X"),
}
_WANTED = "#CFE8D5"
_LIMIT = 60  # percentage points to either side: whatever is further out is far off
_ROW = 0.21  # inches


def draw_claims(table: pd.DataFrame, paths: Iterable[str | Path]) -> None:
    """Draw the table of checks (`ossum.claims.table.as_table`) and save it to each path."""
    with style.applied():
        style.save(picture(table), paths)


def picture(table: pd.DataFrame) -> Figure:
    """A row for each check, under the claim that it belongs to.

    Differences are shown as they are, and numbers that the paper gives by how far we are from them.
    The wanted range is green.
    """
    n_rows = len(table) + table["claim"].nunique()
    figure, axes = plt.subplots(figsize=(7.6, _ROW * n_rows + 1.2))
    position, ticks, labels = 0, [], []
    for _, checks in table.groupby("claim", sort=False):
        first = checks.iloc[0]
        axes.text(
            -0.01,
            position,
            f"{first['claim']} ({first['tables']}): {first['verdict']}",
            transform=axes.get_yaxis_transform(),
            fontsize=8,
            fontweight="bold",
            horizontalalignment="right",
            verticalalignment="center",
        )
        position += 1
        for _, check in checks.iterrows():
            _row(axes, position, check)
            ticks.append(position)
            labels.append(check["check"])
            position += 1
    axes.set_yticks(ticks, labels, fontsize=7)
    axes.set_ylim(position - 0.4, -0.8)
    axes.set_xscale("symlog", linthresh=5, linscale=0.9)
    axes.set_xlim(-_LIMIT, _LIMIT)
    marks = (-50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50)
    axes.set_xticks(marks, [f"{mark:+d}" if mark else "0" for mark in marks], fontsize=7)
    axes.minorticks_off()
    axes.grid(axis="y", visible=False)
    axes.axvline(0, color="0.3", linewidth=0.8)
    axes.set_xlabel("difference, or observed − the paper's number (percentage points)", fontsize=8)
    figure.legend(handles=_legend(), loc="outside upper center", ncols=4, frameon=False)
    return figure


def _row(axes: Axes, position: int, check: pd.Series) -> None:
    middle = 0 if pd.isna(check["expected"]) else check["expected"]
    low, high = (check[["low", "high"]].astype(float) - middle).clip(-_LIMIT, _LIMIT)
    axes.barh(position, high - low, left=low, height=0.9, color=_WANTED, linewidth=0)
    if check["outcome"] not in _LOOKS:
        text = "not run" if pd.isna(check["observed"]) else "not run with enough seeds"
        axes.text(0, position, f" {text}", fontsize=7, color="0.4", va="center")
        return
    colour, marker = _LOOKS[check["outcome"]]
    axes.errorbar(
        check["observed"] - middle,
        position,
        xerr=[
            [check["observed"] - check["interval_low"]],
            [check["interval_high"] - check["observed"]],
        ],
        color=colour,
        marker=marker,
        markersize=4.5,
        linewidth=1.4,
    )


def _legend() -> list[Line2D | Patch]:
    points = [
        Line2D([], [], color=colour, marker=marker, label=word)
        for word, (colour, marker) in _LOOKS.items()
    ]
    return [Patch(color=_WANTED, label="wanted"), *points]
