"""The figure of what the paper left out: controls, parameters kept, and the cross-entropy."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from ossum.figures import panels, style, tables

_DENSE = style.Look("Small dense network", "black", "*", "-", 0.8)


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
    figure, axes_grid = panels.grid(2, n_columns, sharex="col")
    columns = iter(axes_grid.T)
    for (dataset, architecture), column in zip(tables.networks(untrained), columns, strict=False):
        chosen = untrained.query("dataset == @dataset and architecture == @architecture")
        panels.title(column[0], (dataset, architecture), "pruned, not trained")
        _untrained(*column, chosen, looks)
        panels.chance(column[0], dataset)
        panels.chance(column[1], dataset, in_loss=True)
    for (dataset, architecture), column in zip(pruned_networks, columns, strict=True):
        others = [name for place, name in pruned_networks if place == dataset]
        others.remove(architecture)
        chosen = trained.query("dataset == @dataset and architecture not in @others")
        panels.title(column[0], (dataset, architecture), "pruned, then trained")
        _trained(*column, chosen, looks)
        panels.chance(column[1], dataset, in_loss=True)
        panels.broken(column[0])  # from zero, all lines would be one
    for axes in axes_grid[0]:
        style.accuracy_axis(axes)
    for axes in axes_grid[1]:
        axes.set_ylabel("test cross-entropy")
        panels.broken(axes)
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
        style.sparsity_axis(axes, set(table["sparsity"]))
        axes.margins(y=0.15)  # for what is written in the panels
        panels.lines(axes, pruned, looks, y=y)
    # Where nothing is pruned, the readout is the same for all methods.
    of_all = readouts[readouts["sparsity"] == 0].drop_duplicates(["options", "seed"])
    of_all = of_all.assign(method="readout")
    levels = style.looks_of(of_all, {"readout": panels.READOUT})
    for place, ((_, options), look) in enumerate(levels.items()):
        mean = of_all.loc[of_all["options"] == options, ["accuracy", "loss"]].mean()
        panels.level(accuracy, mean["accuracy"], look)
        accuracy.annotate(
            f"{mean['accuracy']:.1%}",
            (1, mean["accuracy"]),
            (-4, -3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=7,
        )
        # The level is so far below that an axis down to it would hide what the methods do.
        loss.annotate(
            f"↓ {look.label[0].lower()}{look.label[1:]}: {mean['loss']:.2f}",
            (1, 0),
            (-4, 3 + 8 * place),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            fontsize=7,
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
