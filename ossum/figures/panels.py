"""What all figures are made of: a grid of panels, the lines in them, one legend, a foot."""

from collections.abc import Iterable, Mapping
from math import ceil
from string import ascii_lowercase

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ossum.figures import style


def grid(
    rows: int, columns: int, width: float, height: float = 2.9, **share: str
) -> tuple[Figure, np.ndarray]:
    """Panels of `width` x `height` inches, and space for a legend above them."""
    return plt.subplots(
        rows,
        columns,
        figsize=(width * columns, height * rows + 0.6),
        squeeze=False,
        **share,
    )


def width(table: pd.DataFrame) -> float:
    """Inches that a panel needs for its sparsities side by side."""
    return max(3.2, 0.8 + 0.36 * table["sparsity"].nunique())


def lines(
    axes: Axes,
    table: pd.DataFrame,
    looks: Mapping[str, style.Look],
    *,
    hue: str = "method",
    x: str = "sparsity",
    y: str = "accuracy",
    markevery: int = 1,
) -> None:
    """A line (mean over seeds) and a band (± 1 standard deviation) for each value of `hue`.

    ValueError if a seed has two values at one point: a mean would mix different things.
    """
    mixed = table[table.duplicated([hue, x, "seed"])]
    if len(mixed):
        point = ", ".join(f"{key} {mixed.iloc[0][key]}" for key in (hue, x, "seed"))
        raise ValueError(
            f"the table holds several results for {point}: choose grids that differ in {hue} only"
        )
    if x == "sparsity":
        table = table.assign(compression=style.compression(table["sparsity"]))
        x = "compression"
    present = set(table[hue])
    for value, look in looks.items():
        if value not in present:
            continue
        sns.lineplot(
            data=table[table[hue] == value],
            x=x,
            y=y,
            errorbar="sd",
            ax=axes,
            label=look.label,
            color=look.colour,
            marker=look.marker,
            markersize=5,
            markevery=markevery,
            # White around filled markers; these are all edge.
            markeredgecolor=look.colour if look.marker in ("+", "x") else "w",
            linewidth=look.linewidth,
            linestyle=look.linestyle,
            zorder=1 if look.linestyle == "--" else 2,
            err_kws={"alpha": 0.2, "linewidth": 0},
            legend=False,
        )


def accuracy_panel(
    axes: Axes,
    table: pd.DataFrame,
    looks: Mapping[str, style.Look],
    *,
    hue: str = "method",
    sparsities: Iterable[float] | None = None,
) -> None:
    """Accuracy against sparsity; the ticks are the table's sparsities unless others are given."""
    lines(axes, table, looks, hue=hue)
    style.sparsity_axis(axes, set(table["sparsity"] if sparsities is None else sparsities))
    style.accuracy_axis(axes)


def letters(panels: Iterable[Axes]) -> None:
    """(a), (b), ... left of the titles."""
    for letter, axes in zip(ascii_lowercase, panels, strict=False):
        axes.set_title(f"({letter})", loc="left", fontweight="bold")


def outer_labels(panels: np.ndarray) -> None:
    """The names of axes once: left of the first column, below the last row."""
    for axes in panels[:-1].flat:
        axes.set_xlabel("")
    for axes in panels[:, 1:].flat:
        axes.set_ylabel("")


def legend(figure: Figure, handles: Iterable[Artist] | None = None) -> None:
    """One legend above all panels, in as few rows as the figure's width allows."""
    if handles is None:
        handles = entries(figure)
    handles = list(handles)
    for rows in range(1, len(handles) + 1):
        columns = ceil(len(handles) / rows)
        drawn = figure.legend(
            # A legend fills its columns one after the other; ours is to be read along its rows.
            handles=[handle for i in range(columns) for handle in handles[i::columns]],
            loc="outside upper center",
            ncols=columns,
            frameon=False,
        )
        if columns == 1 or drawn.get_window_extent().width < 0.98 * figure.bbox.width:
            return
        drawn.remove()


def legends_inside(figure: Figure) -> None:
    """Raise the common range of all panels until no legend at their top covers data."""
    figure.draw_without_rendering()  # sizes are known only now
    tops = [figure.axes[0].get_ylim()[1]]
    for axes in figure.axes:
        if drawn := axes.get_legend():
            share = drawn.get_window_extent().height / axes.get_window_extent().height
            tops.append(axes.dataLim.y1 / (0.96 - share))
    ticks = [tick for tick in figure.axes[0].get_yticks() if 0 <= tick <= 1]
    figure.axes[0].set_yticks(ticks)
    figure.axes[0].set_ylim(0, max(tops))


def entries(figure: Figure) -> list[Artist]:
    """What all panels show, each label once, in the order of the panel that shows most."""
    by_panel = [dict(zip(*axes.get_legend_handles_labels()[::-1])) for axes in figure.axes]
    merged = {}
    for shown in sorted(by_panel, key=len, reverse=True):
        merged = merged | {label: handle for label, handle in shown.items() if label not in merged}
    return list(merged.values())


def foot(figure: Figure, text: str) -> None:
    """A line below the figure."""
    figure.supxlabel(text, fontsize=8, color="0.35")
