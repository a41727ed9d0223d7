"""Figures of test accuracy against epochs of training."""

from math import ceil

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ossum.figures import panels, style, tables


def fig6(table: pd.DataFrame) -> Figure:
    """Learning curves of networks pruned at initialisation: a panel a network and sparsity.

    They begin before training, at epoch 0. Below each panel is what the methods differ by.
    """
    table = table.query("origin == 'initial' and stage == 'trained'")
    looks = style.looks_of(table)
    shown = [
        (*network, sparsity)
        for network in tables.networks(table)
        for sparsity in sorted(_of(table, *network)["sparsity"].unique())
    ]
    columns, differ = min(2, len(shown)), panels.control(table) is not None
    rows = ceil(len(shown) / columns) if shown else 0
    figure, axes_grid = panels.grid(rows, columns, strips=differ, sharex="col")
    upper, lower = (axes_grid[::2], axes_grid[1::2]) if differ else (axes_grid, axes_grid[:0])
    for axes in [*upper.flat[len(shown) :], *lower.flat[len(shown) :]]:
        axes.remove()
    for i, (dataset, architecture, sparsity) in enumerate(shown):
        curves = _of(table, dataset, architecture).query("sparsity == @sparsity")
        curves = tables.without_diverged(curves)
        every = ceil(curves["epoch"].max() / 10)  # a line of markers only would be no line
        axes = upper.flat[i]
        panels.lines(axes, curves, looks, x="epoch", markevery=every)
        panels.chance(axes, dataset)
        style.accuracy_axis(axes)
        axes.set_ylim(bottom=0)
        compressed = f"{style.times(style.compression(sparsity))} compressed"
        panels.title(axes, (dataset, architecture), compressed)
        axes.set_xlabel("epochs of training")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        if differ:
            panels.difference_panel(lower.flat[i], curves, looks, x="epoch", markevery=every)
            lower.flat[i].set_xlabel("epochs of training")
    panels.mark_cut(axes_grid.flat)
    panels.outer_labels(axes_grid)
    panels.letters(upper.flat[: len(shown)])
    panels.legend(figure)
    panels.foot(figure, tables.contents(tables.last_epochs(table)))
    return figure


def _of(table: pd.DataFrame, dataset: str, architecture: str) -> pd.DataFrame:
    return table[(table["dataset"] == dataset) & (table["architecture"] == architecture)]
