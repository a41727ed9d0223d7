"""What all figures are made of: a grid of panels, the lines in them, one legend, a foot."""

from collections.abc import Iterable
from math import ceil, log
from string import ascii_lowercase

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from ossum.config.registry import DATASETS, METHODS
from ossum.figures import style, tables

# Points, of markers that look smaller than others.
_SIZES = {"*": 5.5, "P": 4.4, "d": 4.6, "h": 4.4, "+": 4.5, (4, 1, 0): 5.5}
_UNFILLED = ("x", "+")
_CHANCE = style.Look("Chance", "0.2", "", (0, (1, 1.5)), 0.8)
READOUT = style.Look("Readout of all neurons", "black", "", (0, (4, 1)), 1.0)
UNPRUNED = style.Look("Unpruned", "0.2", "", (0, (6, 2, 1, 2)), 0.8)


def grid(
    rows: int, columns: int, height: float = 1.5, *, strips: bool = False, **share: str
) -> tuple[Figure, np.ndarray]:
    """Panels `height` inches high across the width of a page, up to three in a row, and space for a
    legend above them.

    strips: below each row of panels is one of lower panels, so that the array has 2 * rows rows.
    """
    if not rows * columns:
        raise ValueError("the table has no rows of the stages that this figure shows")
    heights = ([height, 0.6 * height] if strips else [height]) * rows
    return plt.subplots(
        len(heights),
        columns,
        figsize=(style.WIDTH * max(1, columns / 3), sum(heights) + 0.35 * rows + 0.4),
        height_ratios=heights,
        squeeze=False,
        **share,
    )


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
            markersize=_SIZES.get(look.marker, 3.6),
            markevery=markevery,
            markerfacecolor="w" if look.hollow else look.colour,
            # Filled markers have a white edge; the others are nothing but edge.
            markeredgecolor=look.colour if look.hollow or look.marker in _UNFILLED else "w",
            markeredgewidth=0.8 if look.hollow or look.marker in _UNFILLED else 0.4,
            linewidth=look.linewidth,
            linestyle=look.linestyle,
            zorder=1.5 if value in style.CONTROLS else 2,
            err_kws={"alpha": 0.15, "linewidth": 0},
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
    """Accuracy against sparsity, and what guessing gives.

    The ticks are the table's sparsities unless others are given.
    """
    style.sparsity_axis(axes, set(table["sparsity"] if sparsities is None else sparsities))
    lines(axes, table, looks, hue=hue)
    style.accuracy_axis(axes)
    for dataset in table["dataset"].unique():
        chance(axes, dataset)


def chance(axes: Axes, dataset: str, *, in_loss: bool = False) -> None:
    """The accuracy, or the cross-entropy, of equal probabilities for all classes."""
    n_classes = DATASETS[dataset].n_classes
    level(axes, log(n_classes) if in_loss else 1 / n_classes, _CHANCE)


def whole(axes: Axes, table: pd.DataFrame, look: style.Look) -> None:
    """The mean accuracy of networks or readouts of which nothing is pruned, if the table has it."""
    rows = table.query("sparsity == 0 and options == ''").drop_duplicates("seed")
    if len(rows):
        level(axes, rows["accuracy"].mean(), look)


def level(axes: Axes, y: float, look: style.Look) -> None:
    """A horizontal line across the panel."""
    axes.axhline(
        y,
        label=look.label,
        color=look.colour,
        linestyle=look.linestyle,
        linewidth=look.linewidth,
        zorder=1,
    )


def control(table: pd.DataFrame) -> str | None:
    """The control that other methods of a table are compared with: random, or else norm."""
    return next((name for name in ("random", "norm") if name in set(table["method"])), None)


def difference_panel(
    axes: Axes,
    table: pd.DataFrame,
    looks: style.Looks,
    *,
    x: str = "sparsity",
    sparsities: Iterable[float] | None = None,
    markevery: int = 1,
) -> None:
    """How far accuracies are above that of the table's control, seed by seed.

    It is the control without options of its own, if there is one. Outliers by Tukey's rule are not
    within the axis; `mark_cut` marks them.
    """
    if (against := control(table)) is None:
        return
    alike = ["dataset", "architecture", x, "seed"]
    base = table[table["method"] == against]
    base = base.loc[base["options"] == base["options"].min(), [*alike, "accuracy"]]
    table = table.merge(base, on=alike, suffixes=("", "_base"))
    table["difference"] = table["accuracy"] - table["accuracy_base"]
    spread = table.groupby(["method", "options", x])["difference"].agg(["mean", "std"]).fillna(0)
    reach = spread.abs().sum(axis=1).loc[lambda reach: reach > 0]
    low, high = reach.quantile([0.25, 0.75])
    limit = 1.1 * min(reach.max(), high + 1.5 * (high - low)) if len(reach) else 0.01
    means = 1.1 * spread["mean"].abs()
    limit = max(limit, means[means < 1.5 * limit].max())  # no mean is cut by a hair
    if not axes.get_autoscaley_on():  # another panel of its row has set what they share
        limit = max(limit, axes.get_ylim()[1])
    axes.set_ylim(-limit, limit)
    if x == "sparsity":
        style.sparsity_axis(axes, set(table["sparsity"] if sparsities is None else sparsities))
    lines(axes, table, looks, x=x, y="difference", markevery=markevery)
    style.accuracy_axis(axes)
    label = f"minus {METHODS[against].label}\n(points)"
    axes.set_ylabel(label, linespacing=style.LINESPACING)


def mark_cut(panels: Iterable[Axes]) -> None:
    """An arrow at the edge of a panel of differences for each mean that lies beyond it.

    To be called when all panels are drawn, because those of a row share their range.
    """
    for axes in panels:
        low, high = axes.get_ylim()
        if low != -high:
            continue
        for line in axes.get_lines():
            x, y = line.get_data()
            for marker, edge, beyond in (("^", 1, y > high), ("v", 0, y < low)):
                if beyond.any():
                    axes.scatter(
                        x[beyond],
                        np.full(beyond.sum(), edge),
                        s=9,
                        color=line.get_color(),
                        marker=marker,
                        linewidths=0,
                        transform=axes.get_xaxis_transform(),
                        clip_on=False,
                        gid="cut",
                    )


def broken(axes: Axes) -> None:
    """Mark a vertical axis that does not start at zero."""
    slash = [(-1, -0.7), (1, 0.7)]
    at = axes.transAxes
    axes.scatter(
        [0, 0],
        [0.05, 0.09],
        s=25,
        color="0.2",
        marker=slash,
        linewidths=0.8,
        transform=at,
        clip_on=False,
        gid="broken",
    )


def title(axes: Axes, network: tuple[str, str], what: str = "", **options: float) -> None:
    """The network of a panel and, on a line of its own, what is shown of it."""
    text = "\n".join(filter(None, [tables.title(*network), what]))
    axes.set_title(text, linespacing=style.LINESPACING, **options)


def letters(panels: Iterable[Axes]) -> None:
    """(a), (b), ... left of the titles."""
    for letter, axes in zip(ascii_lowercase, panels, strict=False):
        axes.set_title(f"({letter})", loc="left", fontweight="bold")


def outer_labels(panels: np.ndarray) -> None:
    """Axes are named only left of the first column and below the last row."""
    for axes in panels[:-1].flat:
        axes.set_xlabel("")
    for row in panels:
        for axes in row[1:]:
            if axes.get_ylabel() == row[0].get_ylabel():
                axes.set_ylabel("")


def legend(
    figure: Figure, handles: Iterable[Artist] | None = None, title: str | None = None
) -> None:
    """One legend above all panels, in as few rows as the figure's width allows.

    Its entries are the lines of the panels, methods first, unless `handles` are given.
    """
    handles = shown(figure) if handles is None else handles
    _fitted_legend(
        figure, list(handles), figure.bbox.width, loc="outside upper center", title=title
    )


def legends_above(panels: np.ndarray) -> None:
    """A legend between each panel and its title."""
    figure = panels[0, 0].figure
    figure.draw_without_rendering()  # sizes are known only now
    for row in panels:
        heights = [0.0]
        for axes in row:
            if handles := axes.get_legend_handles_labels()[0]:
                drawn = _fitted_legend(
                    axes,
                    handles,
                    axes.get_window_extent().width,
                    loc="lower center",
                    bbox_to_anchor=(0.5, 1),
                    borderaxespad=0,
                    fontsize=7,
                    handlelength=1.8,
                )
                heights.append(drawn.get_window_extent().height / figure.dpi * 72)
        pad = max(heights) + 3  # points: letters reach below the line that the title stands on
        for axes in row:
            axes.set_title(axes.get_title(), pad=pad, linespacing=style.LINESPACING)


def foot(figure: Figure, text: str) -> None:
    """A line below the figure."""
    figure.supxlabel(text, fontsize=7, color="0.3", linespacing=style.LINESPACING)


def shown(figure: Figure) -> list[Artist]:
    """A handle for each label in any panel: methods in the registry's order, each followed by those
    with options of their own, then all others, levels last."""
    found: dict[str, Artist] = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    methods = [
        label
        for look in style.methods().values()
        for label in sorted(found)
        if label == look.label or label.startswith(f"{look.label} (")
    ]
    levels = [look.label for look in (UNPRUNED, _CHANCE) if look.label in found]
    others = [label for label in found if label not in levels]
    return [found[label] for label in dict.fromkeys([*methods, *others, *levels])]


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
            **{"columnspacing": 1.3, "handletextpad": 0.5, "labelspacing": 0.3, "borderpad": 0.2}
            | look,
        )
        if columns == 1 or drawn.get_window_extent().width <= width:
            break
        drawn.remove()
    return drawn
