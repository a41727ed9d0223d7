"""Figures of test accuracy against sparsity."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ossum.figures import style
from ossum.registry import DATASETS, METHODS


def fig1(table: pd.DataFrame) -> Figure:
    """Two-layer networks pruned at initialisation: data sets down, architectures across.

    Lines are means over seeds, bands one standard deviation to each side.
    """
    datasets = [name for name in DATASETS if name in set(table["dataset"])]
    architectures = sorted(table["architecture"].unique(), key=lambda name: (len(name), name))
    figure, panels = plt.subplots(
        len(datasets),
        len(architectures),
        figsize=(4.4 * len(architectures), 2.9 * len(datasets) + 0.6),
        sharey="row",
        squeeze=False,
    )
    for dataset, row in zip(datasets, panels, strict=True):
        for architecture, axes in zip(architectures, row, strict=True):
            chosen = table.query("dataset == @dataset and architecture == @architecture")
            _accuracy_panel(axes, chosen)
            axes.set_title(f"{DATASETS[dataset].label}, {architecture}")
    for axes in panels.flat:
        axes.label_outer(remove_inner_ticks=False)
        axes.set_ylim(bottom=0)  # only now: panels of a row share their range
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    figure.supxlabel(describe(table), fontsize=8, color="0.35")
    return figure


def describe(table: pd.DataFrame) -> str:
    """What the table holds, for the foot of a figure: so that a partial one says so itself."""
    seeds = sorted(table["seed"].unique())
    listed = ", ".join(map(str, seeds))
    trials = f"mean ± 1 sd over seeds {listed}" if len(seeds) > 1 else f"one trial, seed {listed}"
    key = ["dataset", "architecture", "activation", "init", "seed"]
    return f"{trials}; {len(table[key].drop_duplicates())} networks, {len(table):,} subnetworks"


def _accuracy_panel(axes: Axes, table: pd.DataFrame) -> None:
    """One line and band a method."""
    present = set(table["method"])
    for method in [m for m in METHODS if m in present]:
        control = method in style.CONTROLS
        sns.lineplot(
            data=table[table["method"] == method].assign(
                compression=lambda t: style.compression(t["sparsity"])
            ),
            x="compression",
            y="accuracy",
            errorbar="sd",
            ax=axes,
            label=METHODS[method].label,
            color=style.colour(method),
            marker=style.marker(method),
            markersize=5,
            linewidth=1.2 if control else 1.6,
            linestyle="--" if control else "-",
            zorder=1 if control else 2,
            err_kws={"alpha": 0.2, "linewidth": 0},
            legend=False,
        )
    style.sparsity_axis(axes, list(table["sparsity"].unique()))
    style.accuracy_axis(axes)
