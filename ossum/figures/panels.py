"""What all figures are made of: a grid of panels, the lines in them, one legend, a foot."""

from collections.abc import Iterable
from math import ceil
from string import ascii_lowercase

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from ossum.figures import style

# Of markers that look smaller than others.
_SIZES = {"*": 8, "P": 6, "X": 6, "+": 6, "x": 5.5}


def grid(
    rows: int, columns: int, width: float, height: float = 2.9, **share: str
) -> tuple[Figure, np.ndarray]:
    """Panels of `width` x `height` inches, and space for a legend above them."""
    if not rows * columns:
        raise ValueError("the table has no rows of the stages that this figure shows")
    return plt.subplots(
        rows,
        columns,
        figsize=(width * columns, height * rows + 0.6),
        squeeze=False,
        **share,
    )


def width(table: pd.DataFrame) -> float:
    """Inches that a panel needs for its sparsities side by side."""
    return max(3.7, 0.8 + 0.36 * table["sparsity"].nunique())


def lines(
    axes: Axes,
    table: pd.DataFrame,
    looks: style.Looks,
    *,
    hue: str = "method",
    x: str = "sparsity",
    y: str = "accuracy",
    markevery: int = 1,
) -> None:
    """A line (mean over seeds) and a band (± 1 standard deviation) for each of `looks`.

    hue: the column whose values, with the options of grids, make up the lines.
    ValueError if a seed has two values at one point: their mean would mix different things.
    """
    mixed = table[table.duplicated([hue, "options", x, "seed"])]
    if len(mixed):
        point = ", ".join(f"{key} {mixed.iloc[0][key]}" for key in (hue, x, "seed"))
        raise ValueError(
            f"the table holds several results for {point}: choose grids that differ in {hue} only"
        )
    if x == "sparsity":
        table = table.assign(compression=style.compression(table["sparsity"]))
        x = "compression"
    for (value, options), look in looks.items():
        chosen = table[(table[hue] == value) & (table["options"] == options)]
        if chosen.empty:
            continue
        sns.lineplot(
            data=chosen,
            x=x,
            y=y,
            errorbar="sd",
            ax=axes,
            label=look.label,
            color=look.colour,
            marker=look.marker,
            markersize=_SIZES.get(look.marker, 5),
            markevery=markevery,
            markerfacecolor="w" if look.hollow else look.colour,
            # Filled markers have a white edge; the others are nothing but edge.
            markeredgecolor=look.colour if look.hollow or look.marker in ("+", "x") else "w",
            linewidth=look.linewidth,
            linestyle=look.linestyle,
            zorder=1 if look.linestyle == "--" else 2,
            err_kws={"alpha": 0.2, "linewidth": 0},
            legend=False,
        )


def accuracy_panel(
    axes: Axes,
    table: pd.DataFrame,
    looks: style.Looks,
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
    """Axes are named only left of the first column and below the last row."""
    for axes in panels[:-1].flat:
        axes.set_xlabel("")
    for axes in panels[:, 1:].flat:
        axes.set_ylabel("")


def legend(
    figure: Figure, handles: Iterable[Artist] | None = None, title: str | None = None
) -> None:
    """One legend above all panels, in as few rows as the figure's width allows.

    Its entries are the lines of the panels, methods first, unless `handles` are given.
    """
    handles = _shown(figure) if handles is None else handles
    _fitted_legend(
        figure, list(handles), figure.bbox.width, loc="outside upper center", title=title
    )


def legends_inside(figure: Figure) -> None:
    """A legend at the top of each panel; their common range is raised until it covers no data."""
    figure.draw_without_rendering()  # sizes are known only now
    top = 0.1
    for axes in figure.axes:
        handles, _ = axes.get_legend_handles_labels()
        if handles:
            panel = axes.get_window_extent()
            drawn = _fitted_legend(axes, handles, panel.width, loc="upper center", fontsize=8)
            share = drawn.get_window_extent().height / panel.height
            top = max(top, axes.dataLim.y1 / (0.97 - share))
    axes.set_ylim(0, top)
    # The space for a legend may go beyond 100 %.
    axes.set_yticks([tick for tick in axes.get_yticks() if tick <= min(1, top)])


def foot(figure: Figure, text: str) -> None:
    """A line below the figure."""
    figure.supxlabel(text, fontsize=8, color="0.35")


def _shown(figure: Figure) -> list[Artist]:
    """A handle for each label in any panel: methods in the registry's order, each followed by those
    with options of their own, then all others."""
    shown: dict[str, Artist] = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        shown |= dict(zip(labels, handles, strict=True))
    methods = [
        label
        for look in style.methods().values()
        for label in sorted(shown)
        if label == look.label or label.startswith(f"{look.label} (")
    ]
    return [shown[label] for label in dict.fromkeys([*methods, *shown])]


def _fitted_legend(
    owner: Figure | Axes, handles: list[Artist], width: float, **look: str | float | None
) -> Legend:
    """A legend in as few rows as fit into `width` pixels."""
    for rows in range(1, len(handles) + 1):
        columns = ceil(len(handles) / rows)
        drawn = owner.legend(
            # A legend fills its columns one after the other; ours is to be read along its rows.
            handles=[handle for i in range(columns) for handle in handles[i::columns]],
            ncols=columns,
            frameon=False,
            columnspacing=1.5,
            **look,
        )
        if columns == 1 or drawn.get_window_extent().width <= width:
            break
        drawn.remove()
    return drawn
