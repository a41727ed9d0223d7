"""The figure of the weights that pruning keeps."""

import pandas as pd
from matplotlib.figure import Figure

from ossum.figures import panels, style, tables

_BLUE = style.colour("ossum")
_LOOKS = {
    "max": style.Look("largest", _BLUE, "^"),
    "min": style.Look("smallest", _BLUE, "v"),
    "ratio": style.Look("positive / negative", _BLUE, "o"),
    "mean": style.Look("mean", _BLUE, "o"),
    "variance": style.Look("variance", _BLUE, "o"),
}


def fig8(table: pd.DataFrame) -> Figure:
    """Weights of the hidden layer kept by OSSuM: extremes and signs (a), mean and variance (b).

    Each panel reaches from zero to the scale of the weights, so that noise looks like no trend.
    """
    table = table.query("method == 'ossum' and layer == 1")
    table = table.assign(ratio=table["positive"] / table["negative"])
    figure, axes_grid = panels.grid(2, 2, panels.width(table), height=1.8, sharex="col")
    (extremes, mean), (ratio, variance) = axes_grid
    long = table.melt(["sparsity", "seed", "options"], list(_LOOKS), var_name="statistic")
    looks = style.looks_of(long, _LOOKS, "statistic")
    for axes, statistics in (
        (extremes, ["max", "min"]),
        (ratio, ["ratio"]),
        (mean, ["mean"]),
        (variance, ["variance"]),
    ):
        shown = long[long["statistic"].isin(statistics)]
        panels.lines(axes, shown, looks, hue="statistic", y="value")
        style.sparsity_axis(axes, set(table["sparsity"]))
        axes.ticklabel_format(axis="y", style="plain", useOffset=False)
    largest = 1.2 * table[["max", "min"]].abs().max(axis=None)
    extremes.set(ylabel="largest and\nsmallest weight", ylim=(-largest, largest))
    mean.set(ylabel="mean weight", ylim=(-largest, largest))
    ratio.set(ylabel="positive / negative", ylim=(0, max(2, 1.2 * table["ratio"].max())))
    variance.set(ylabel="variance", ylim=(0, 1.5 * table["variance"].max()))
    (network,) = tables.networks(table)
    extremes.set_title(f"{tables.title(*network)}\nextremes and signs")
    mean.set_title(f"{tables.title(*network)}\nmean and variance")
    for axes in axes_grid[0]:
        axes.set_xlabel("")
    figure.align_ylabels()
    panels.letters(axes_grid[0])
    panels.foot(figure, f"weights kept in the hidden layer; {tables.contents(table)}")
    return figure
