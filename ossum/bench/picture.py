"""The picture of all methods: what they reach, against how often they look at the data."""

from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath
from matplotlib.ticker import FixedLocator
from scipy.optimize import isotonic_regression

from ossum.bench.measure import ARCHITECTURE
from ossum.bench.table import overall
from ossum.config.registry import DATASETS
from ossum.figures import style

_HEIGHT = 3.3  # inches of a panel
_TEXT = 7  # points
_LINE = {"arrowstyle": "-", "lw": 0.4, "color": "0.5", "shrinkA": 1, "shrinkB": 3}
_GAP = 8  # points between a name and what it names
_NEAR = 0.45  # doublings of passes: methods that are nearer share a column of names


def draw_picture(known: dict[str, pd.DataFrame]) -> Figure:
    """A panel for each data set, with a point for each method.

    known: as `ossum.bench.table.read_all` has it.
    """
    there = {d for file, rows in known.items() if file != "readout" for d in rows["dataset"]}
    shown = [dataset for dataset in DATASETS if dataset in there]
    figure = Figure(figsize=(style.WIDTH, _HEIGHT * len(shown)))
    panels = figure.subplots(len(shown), sharex=True, squeeze=False)[:, 0]
    figure.legend(handles=_legend(), loc="outside upper center", ncols=5, frameon=False)
    placed = []
    for dataset, axes in zip(shown, panels, strict=True):
        axes.set_title(f"{DATASETS[dataset].label}, {ARCHITECTURE}, pruned and not trained")
        placed.append(_points(axes, known, dataset))
        style.accuracy_axis(axes, "test accuracy (%), mean over sparsities")
        axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    panels[-1].set_xlabel("passes over the training data")
    panels[-1].set_xlim(-0.07, max(3, *(2.3 * points["x"].max() for points in placed)))
    figure.draw_without_rendering()  # then the size of the panels is known
    for axes, points in zip(panels, placed, strict=True):
        _names(axes, points)
    return figure


def _points(axes: Axes, known: dict[str, pd.DataFrame], dataset: str) -> pd.DataFrame:
    """Draw a data set's methods; their names, and where they are."""
    points = []
    for file, own in known.items():
        rows, found = own[own["dataset"] == dataset], overall(own, dataset)
        if found is None:
            continue
        if file == "readout":
            axes.axhline(found.value, color="0.4", lw=1, ls=":")
            continue
        x, low = rows["passes"].mean(), found.interval[0] if found.interval else found.value
        look = _look(bool(rows["gradients"].any()), bool(rows["reweights"].any()))
        axes.errorbar(x, found.value, found.value - low, elinewidth=0.7, zorder=3, **look)
        points.append({"name": rows["method"].iloc[0], "x": x, "y": found.value})
    axes.axhline(1 / DATASETS[dataset].n_classes, color="0.75", lw=1, zorder=1)
    axes.set_xscale("function", functions=(_doublings, lambda d: np.exp2(d) - 1))
    ticks = [2**power - 1 for power in range(12)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.grid(visible=False, axis="x")
    return pd.DataFrame(points)


def _doublings(passes: np.ndarray) -> np.ndarray:
    return np.log2(1 + np.maximum(passes, -0.5))


def _names(axes: Axes, points: pd.DataFrame) -> None:
    """Write names beside the points, in columns to the side where they overlap least, and as high
    as their points if there is room."""
    dots = axes.figure.dpi / 72
    line = 1.2 * _TEXT * dots
    column = (_doublings(points["x"].sort_values()).diff() > _NEAR).cumsum().sort_index()
    x, y = axes.transData.transform(points[["x", "y"]]).T
    extents = [TextPath((0, 0), name, _TEXT).get_extents() for name in points["name"]]
    wide = np.array([dots * extent.width for extent in extents])
    of_column = pd.Series(x).groupby(column)
    right = of_column.transform("max") + _GAP * dots
    left = of_column.transform("min") - _GAP * dots - wide
    panel = axes.get_window_extent()

    def begins(sides: list[int]) -> np.ndarray:
        return np.where(np.take(sides, column) > 0, right, left)

    def boxes_of(begin: np.ndarray, high: np.ndarray) -> list[tuple[float, ...]]:
        return [*zip(begin, begin + wide, high - line / 2, high + line / 2, strict=True)]

    def overlap(sides: list[int]) -> float:
        begin = begins(sides)
        boxes = boxes_of(begin, _spread(y, column, line))
        marks = [*zip(x - 4, x + 4, y - 4, y + 4, strict=True)]
        outside = np.maximum(0, panel.x0 - begin) + np.maximum(0, begin + wide - panel.x1)
        return line * outside.sum() + sum(_common(a, b) for a, b in combinations(boxes + marks, 2))

    sides = [1] * column.nunique()
    for place in [*range(len(sides))] * 2:
        other = [-side if i == place else side for i, side in enumerate(sides)]
        sides = min(sides, other, key=overlap)
    begin, block = begins(sides), column
    clash: tuple[int, int] | None = (0, 0)
    while clash:  # names of columns that are in each other's way are moved together
        block = block.replace(block[clash[0]], block[clash[1]])
        high = _spread(y, block, line)
        pairs = combinations(enumerate(boxes_of(begin, high)), 2)
        clashes = ((i, k) for (i, a), (k, b) in pairs if block[i] != block[k] and _common(a, b) > 0)
        clash = next(clashes, None)
    for i, point in enumerate(points.itertuples()):
        ahead = begin[i] > x[i]
        edge = begin[i] if ahead else begin[i] + wide[i]
        axes.annotate(
            point.name,
            (point.x, point.y),
            ((edge - x[i]) / dots, (high[i] - y[i]) / dots),
            textcoords="offset points",
            va="center",
            ha="left" if ahead else "right",
            fontsize=_TEXT,
            arrowprops=_LINE | {"relpos": (0 if ahead else 1, 0.5)},
            zorder=2,
        )


def _spread(heights: np.ndarray, block: pd.Series, least: float) -> np.ndarray:
    """Heights, moved as little as possible (least squares) to be `least` apart in each block."""

    def of_one(heights: pd.Series) -> pd.Series:
        ascending = heights.sort_values()
        steps = least * np.arange(len(heights))
        return pd.Series(isotonic_regression(ascending - steps).x + steps, ascending.index)

    return pd.Series(heights).groupby(block).transform(of_one).to_numpy()


def _common(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """The area that two boxes (left, right, low, high) share."""
    wide, high = (min(a[i + 1], b[i + 1]) - max(a[i], b[i]) for i in (0, 2))
    return max(wide, 0) * max(high, 0)


def _look(gradients: bool, reweights: bool) -> dict:
    colour = style.colour("gradient" if gradients else "ossum")
    return {
        "marker": "D" if gradients else "o",
        "markersize": 3.5 if gradients else 4,
        "color": colour,
        "markerfacecolor": "white" if reweights else colour,
        "markeredgewidth": 0.8,
        "linestyle": "",
    }


def _legend() -> list[Line2D]:
    """Marks that are told apart without colours."""
    kinds = {
        "no gradients": _look(False, False),
        "gradients": _look(True, False),
        "other output weights": _look(False, True),
        "readout of all": {"color": "0.4", "lw": 1, "ls": ":"},
        "chance": {"color": "0.75", "lw": 1},
    }
    return [Line2D([], [], label=label, **look) for label, look in kinds.items()]
