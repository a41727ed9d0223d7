"""The figure of what the paper left out: controls, parameters kept, and the cross-entropy."""

from dataclasses import replace
from math import log

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from ossum.config.registry import DATASETS
from ossum.figures import panels, style, tables

_READOUT = style.Look("Readout of all neurons", "black", "", ":", 1.4)
_DENSE = style.Look("Small dense network", "black", "*", "-", 1.2)
_GUESSING = style.Look("Guessing", "0.3", "", "-.", 1.0)


def beyond(table: pd.DataFrame) -> Figure:
    """Accuracy (above) and cross-entropy (below), a column for each network.

    First come networks that are not trained, against sparsity, with the readout of all of their
    neurons; then trained ones, against the parameters that are kept, with dense networks that were
    drawn small.
    """
    table = table[table["origin"] == "initial"]
    trained = table[table["stage"] == "trained"]
    pruned_networks = tables.networks(trained[trained["sparsity"] > 0])
    is_pruned = pd.MultiIndex.from_frame(trained[["dataset", "architecture"]]).isin(pruned_networks)
    trained = trained.assign(method=trained["method"].where(is_pruned, "dense"))
    untrained = table[table["stage"].isin(["pruned", "readout"])]
    looks = style.looks_of(pd.concat([untrained, trained]), style.methods() | {"dense": _DENSE})
    n_columns = len(tables.networks(untrained)) + len(pruned_networks)
    figure, axes_grid = panels.grid(2, n_columns, panels.width(table), 2.6, sharex="col")
    columns = iter(axes_grid.T)
    for (dataset, architecture), column in zip(tables.networks(untrained), columns, strict=False):
        chosen = untrained.query("dataset == @dataset and architecture == @architecture")
        column[0].set_title(f"{tables.title(dataset, architecture)}\npruned, not trained")
        _untrained(*column, chosen, looks)
        _guessing(column[1], dataset)
    for (dataset, architecture), column in zip(pruned_networks, columns, strict=True):
        others = [name for place, name in pruned_networks if place == dataset]
        others.remove(architecture)
        chosen = trained.query("dataset == @dataset and architecture not in @others")
        column[0].set_title(f"{tables.title(dataset, architecture)}\npruned, then trained")
        _trained(*column, chosen, looks)
        _guessing(column[1], dataset)
    for axes in axes_grid[0]:
        style.accuracy_axis(axes)
    for axes in axes_grid[1]:
        axes.set_ylabel("test cross-entropy")
    panels.outer_labels(axes_grid)
    panels.letters(axes_grid.flat)
    panels.legend(figure, title="Beyond the paper: controls and measures it lacks")
    shown = {"not trained:": untrained[untrained["stage"] == "pruned"], "trained:": trained}
    foot = [f"{which} {tables.contents(rows)}" for which, rows in shown.items() if len(rows)]
    panels.foot(figure, "\n".join(foot))
    return figure


def _untrained(accuracy: Axes, loss: Axes, table: pd.DataFrame, looks: style.Looks) -> None:
    pruned, readouts = (table[table["stage"] == stage] for stage in ("pruned", "readout"))
    for axes, y in ((accuracy, "accuracy"), (loss, "loss")):
        panels.lines(axes, pruned, looks, y=y)
        style.sparsity_axis(axes, set(table["sparsity"]))
    # Where nothing is pruned, the readout is the same for all methods.
    of_all = readouts[readouts["sparsity"] == 0].drop_duplicates(["options", "seed"])
    of_all = of_all.assign(method="readout")
    levels = style.looks_of(of_all, {"readout": _READOUT})
    for place, ((_, options), look) in enumerate(levels.items()):
        mean = of_all.loc[of_all["options"] == options, ["accuracy", "loss"]].mean()
        _level(accuracy, mean["accuracy"], look)
        accuracy.annotate(
            f"{mean['accuracy']:.1%}",
            (1, mean["accuracy"]),
            (-4, -3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8,
        )
        # The level is so far below that an axis down to it would hide what the methods do.
        loss.annotate(
            f"↓ {look.label[0].lower()}{look.label[1:]}: {mean['loss']:.2f}",
            (1, 0),
            (-4, 5 + 11 * place),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            fontsize=8,
        )
    accuracy.set_ylim(bottom=0)  # only now, as the readout is above all else


def _trained(accuracy: Axes, loss: Axes, table: pd.DataFrame, looks: style.Looks) -> None:
    for axes, y in ((accuracy, "accuracy"), (loss, "loss")):
        panels.lines(axes, table, looks, x="macs", y=y)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("parameters kept")


def _guessing(axes: Axes, dataset: str) -> None:
    """The cross-entropy of equal probabilities for all classes."""
    n_classes = DATASETS[dataset].n_classes
    _level(axes, log(n_classes), replace(_GUESSING, label=f"Guessing (ln {n_classes})"))


def _level(axes: Axes, y: float, look: style.Look) -> None:
    axes.axhline(
        y,
        label=look.label,
        color=look.colour,
        linestyle=look.linestyle,
        linewidth=look.linewidth,
        zorder=1,
    )
