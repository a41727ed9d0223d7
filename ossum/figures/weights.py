"""The figure of the weights that pruning keeps."""

import pandas as pd
from matplotlib.figure import Figure

from ossum.figures import panels, style, tables

_LOOKS = {
    "max": style.Look("largest", "#0072B2", "^"),
    "min": style.Look("smallest", "#5CC8A0", "v", hollow=True),
    "ratio": style.Look("positive / negative", "#4F0A2E", "D"),
    "mean": style.Look("mean / sd", "#E6770B", "s"),
    "variance": style.Look("variance", "#0072B2", "o"),
}
# Percent that the axis reaches to at least, so that noise looks like no trend.
_LEAST = 5


def fig8(table: pd.DataFrame) -> Figure:
    """Weights of the hidden layer kept by OSSuM: extremes and signs (a), mean and variance (b).

    All are relative to the network that is pruned least, as a rule not at all. The mean, which is
    about zero, is shown in standard deviations of that network's weights.
    """
    table = table.query("method == 'ossum' and layer == 1")
    table = table.assign(ratio=table["positive"] / table["negative"])
    key = ["dataset", "architecture", "options", "seed"]
    whole = table.sort_values("sparsity").groupby(key).transform("first")
    shares = 100 * (table[list(_LOOKS)] / whole[list(_LOOKS)] - 1)
    shares["mean"] = 100 * (table["mean"] - whole["mean"]) / whole["variance"] ** 0.5
    relative = table.assign(**shares).melt(
        ["sparsity", "seed", "options"], list(_LOOKS), var_name="statistic"
    )
    looks = style.looks_of(relative, _LOOKS, "statistic")
    figure, axes_grid = panels.grid(1, 2, sharey="all")
    (network,) = tables.networks(table)
    for axes, title, statistics in (
        (axes_grid[0, 0], "extremes and signs", ["max", "min", "ratio"]),
        (axes_grid[0, 1], "mean and variance", ["mean", "variance"]),
    ):
        shown = relative[relative["statistic"].isin(statistics)]
        style.sparsity_axis(axes, set(table["sparsity"]))
        panels.lines(axes, shown, looks, hue="statistic", y="value")
        panels.title(axes, network, title)
        low = table["sparsity"].min()
        axes.set_ylabel(f"change from {style.percent(low) + ' ' if low else 'un'}pruned (%)")
        axes.yaxis.set_major_formatter(lambda y, _: style.number(y))
    limit = max(_LEAST, *(abs(y) for y in axes.get_ylim()))
    axes.set_ylim(-limit, limit)
    panels.outer_labels(axes_grid)
    panels.letters(axes_grid.flat)
    panels.legends_above(axes_grid)
    panels.foot(figure, f"weights kept in the hidden layer; {tables.contents(table)}")
    return figure
