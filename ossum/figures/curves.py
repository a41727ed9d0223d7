"""Figures of test accuracy against epochs of training."""

from math import ceil

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ossum.figures import panels, style, tables


def fig6(table: pd.DataFrame) -> Figure:
    """Learning curves of networks pruned at initialisation: a panel a network and sparsity.

    They begin after the first epoch: the jump before it would hide how methods differ later on.
    """
    table = table.query("origin == 'initial' and stage == 'trained' and epoch > 0")
    shown = [
        (*network, sparsity)
        for network in tables.networks(table)
        for sparsity in sorted(_of(table, *network)["sparsity"].unique())
    ]
    looks = style.looks_of(table)
    columns = 2 if len(shown) > 1 else 1
    figure, axes_grid = panels.grid(ceil(len(shown) / columns), columns, width=3.7)
    for axes in axes_grid.flat[len(shown) :]:
        axes.remove()
    for (dataset, architecture, sparsity), axes in zip(shown, axes_grid.flat, strict=False):
        curves = _of(table, dataset, architecture).query("sparsity == @sparsity")
        panels.lines(
            axes,
            tables.without_diverged(curves),
            looks,
            x="epoch",
            markevery=ceil(curves["epoch"].max() / 10),  # a line of markers only would be no line
        )
        times = f"{style.times(style.compression(sparsity))} compressed"
        axes.set_title(f"{tables.title(dataset, architecture)}\n{times}")
        axes.set_xlabel("epochs of training")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        style.accuracy_axis(axes)
    panels.outer_labels(axes_grid)
    panels.letters(axes_grid.flat[: len(shown)])
    panels.legend(figure)
    panels.foot(figure, tables.contents(tables.last_epochs(table)))
    return figure


def _of(table: pd.DataFrame, dataset: str, architecture: str) -> pd.DataFrame:
    return table[(table["dataset"] == dataset) & (table["architecture"] == architecture)]
