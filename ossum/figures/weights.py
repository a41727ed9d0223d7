"""The figure of the weights that pruning keeps."""

import pandas as pd
from matplotlib.figure import Figure

from ossum.figures import panels, style, tables

_LOOKS = {
    "max": style.Look("largest", "#D55E00", "^"),
    "min": style.Look("smallest", "#0072B2", "v"),
    "ratio": style.Look("positive / negative", "#009E73", "o"),
    "mean": style.Look("mean", "#CC79A7", "s"),
    "variance": style.Look("variance", "#000000", "D"),
}


def fig8(table: pd.DataFrame) -> Figure:
    """Weights of the hidden layer kept by OSSuM: extremes and signs (a), mean and variance (b).

    Each axis holds zero and has the scale of the weights, so that noise does not look like a trend.
    """
    table = table.query("method == 'ossum' and layer == 1")
    table = table.assign(ratio=table["positive"] / table["negative"])
    long = table.melt(
        id_vars=[*tables.KEYS, "stage"], value_vars=list(_LOOKS), var_name="statistic"
    )
    figure, axes_grid = panels.grid(2, 2, panels.width(table), height=1.8, sharex="col")
    content = [[["max", "min"], ["mean"]], [["ratio"], ["variance"]]]
    for axes, statistics in zip(axes_grid.flat, sum(content, []), strict=True):
        panels.lines(
            axes,
            long[long["statistic"].isin(statistics)],
            {name: _LOOKS[name] for name in statistics},
            hue="statistic",
            y="value",
        )
        style.sparsity_axis(axes, set(table["sparsity"]))
        axes.ticklabel_format(axis="y", style="plain", useOffset=False)
    (extremes, mean), (ratio, variance) = axes_grid
    largest = 1.15 * table[["max", "min"]].abs().max(axis=None)
    extremes.set(ylabel="weight", ylim=(-largest, largest))
    mean.set(ylabel="weight", ylim=(-largest, largest))
    ratio.set(ylabel="ratio", ylim=(0, max(2, 1.15 * table["ratio"].max())))
    variance.set(ylabel="weight²", ylim=(0, 1.5 * table["variance"].max()))
    (network,) = tables.networks(table)
    extremes.set_title(f"{tables.title(*network)}\nextremes and signs")
    mean.set_title(f"{tables.title(*network)}\nmean and variance")
    for axes in axes_grid[0]:
        axes.set_xlabel("")
    panels.letters(axes_grid[0])
    panels.legend(figure)
    panels.foot(figure, f"weights kept in the hidden layer; {tables.describe(table)}")
    return figure
