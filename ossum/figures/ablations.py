"""The figure of what the accuracy at initialisation depends on."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ossum.config import registry
from ossum.figures import panels, style, tables

# The default (tanh, U(-r, r)) is the line of OSSuM in other figures, and looks as it does there.
_DEFAULT = style.colour("ossum"), style.marker("ossum")
_WINE, _OLIVE = ("#7A1F4F", "s"), ("#BDB53F", "^")
ACTIVATIONS = {
    "tanh": style.Look("tanh", *_DEFAULT),
    "relu": style.Look("ReLU", *_WINE),
    "sigmoid": style.Look("sigmoid", *_OLIVE),
}
_SHAPES = {"const": _WINE, "normal": _OLIVE, "uniform": _DEFAULT}
# The wider a distribution, the darker its line; those with a mean other than zero are orange.
_SPREADS = {
    "uniform-spread-0.25": ("#A9D3EC", "v"),
    "uniform-spread-0.5": ("#5FAEDB", "<"),
    "uniform": _DEFAULT,
    "uniform-spread-2": ("#004B78", ">"),
    "uniform-spread-4": ("#001C30", "^"),
    "uniform-mean-0.5": ("#E9A27B", "P"),
    "uniform-mean-1": ("#B34A12", "X"),
}
DISTRIBUTIONS, UNIFORMS = (
    {name: style.Look(registry.DISTRIBUTIONS[name], *look) for name, look in looks.items()}
    for looks in (_SHAPES, _SPREADS)
)


_R = "r = 1/√fan-in"


def fig5(table: pd.DataFrame) -> Figure:
    """Activations (a), distributions (b) and widths (c) of weights, architectures (d).

    All panels share one range of accuracy, which shows what matters most.
    """
    pruned = table.query("origin == 'initial' and stage == 'pruned' and method == 'ossum'")
    search = table[table["stage"] == "search"]
    uniform = pruned[pruned["distribution"] == "uniform"]
    tanh = pruned[pruned["activation"] == "tanh"]
    figure, axes_grid = panels.grid(2, 2, height=1.7, sharey="all")
    (activations, distributions), (uniforms, architectures) = axes_grid
    _ablation(activations, uniform, "activation", ACTIVATIONS, "activation")
    _ablation(distributions, tanh, "distribution", DISTRIBUTIONS, f"distribution of weights, {_R}")
    _ablation(uniforms, tanh, "distribution", UNIFORMS, f"spread and mean of weights, {_R}")
    _search(architectures, search)
    activations.set_ylim(bottom=0)
    panels.outer_labels(axes_grid)
    panels.letters(axes_grid.flat)
    shown = {"(a–c)": pruned, "(d)": search}
    foot = [f"{which} {tables.contents(rows)}" for which, rows in shown.items() if len(rows)]
    panels.foot(figure, "\n".join(foot))
    panels.legends_above(axes_grid)
    return figure


def _ablation(
    axes: Axes, table: pd.DataFrame, hue: str, looks: dict[str, style.Look], what: str
) -> None:
    """OSSuM with one thing varied."""
    table = table[table[hue].isin(looks)]
    if _missing(axes, table, what):
        return
    panels.accuracy_panel(axes, table, style.looks_of(table, looks, hue), hue=hue)


def _search(axes: Axes, table: pd.DataFrame) -> None:
    """A point for each combination of widths, the mean over seeds; the best one is marked."""
    if _missing(axes, table, "architecture search"):
        return
    looks = style.looks_of(table)
    table = table.assign(widths=table["widths"].map(tuple))
    by = ["method", "options", "widths", "weight_sparsity"]
    means = table.groupby(by, as_index=False)["accuracy"].mean()
    lines = zip(means["method"], means["options"], strict=True)
    labelled = means.assign(label=[looks[line].label for line in lines])
    sns.scatterplot(
        data=labelled.sample(frac=1, random_state=0),  # so that no method lies on top of another
        x="weight_sparsity",
        y="accuracy",
        hue="label",
        style="label",
        hue_order=[look.label for look in looks.values()],
        style_order=[look.label for look in looks.values()],
        palette={look.label: look.colour for look in looks.values()},
        markers={look.label: look.marker for look in looks.values()},
        s=9,
        edgecolor="white",  # so that points are told apart where they lie on top of each other
        linewidth=0.2,
        ax=axes,
    )
    for handle in axes.get_legend_handles_labels()[0]:
        handle.set(markersize=4)
    best = means.loc[means["accuracy"].idxmax()]
    widths = "-".join(map(str, best["widths"]))
    axes.plot(
        best["weight_sparsity"],
        best["accuracy"],
        marker="*",
        markersize=9,
        markerfacecolor="#F0E442",
        markeredgecolor="black",
        linestyle="none",
        label=f"best: {best['accuracy']:.1%}, FC-{widths}, "
        f"{style.percent(best['weight_sparsity'])} pruned",
    )
    style.accuracy_axis(axes)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("weights pruned")


def _missing(axes: Axes, table: pd.DataFrame, what: str) -> bool:
    """Whether the table has nothing for a panel. The panel gets its title, and says so itself."""
    names = [tables.title(*network) for network in tables.networks(table)]
    axes.set_title("\n".join([*names, what]), linespacing=style.LINESPACING)
    if names:
        return False
    axes.text(0.5, 0.5, "not in this table", transform=axes.transAxes, ha="center", color="0.5")
    axes.tick_params(labelbottom=False)
    axes.grid(False)
    return True
