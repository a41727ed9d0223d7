"""Figures of test accuracy against sparsity.

Lines are means over seeds, and bands are one standard deviation to each side.
"""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ossum.figures import panels, style, tables

_TITLES = {
    ("initial", "pruned"): "pruned at initialisation",
    ("initial", "trained"): "then trained",
    ("initial", "trained-unscaled"): "then trained without rescaling",
    ("trained", "pruned"): "trained, then pruned",
    ("trained", "finetuned"): "then fine-tuned",
}
# In Figure 2 colours are methods, so stages differ in line and marker.
_STAGES = {"pruned": ("after pruning", "--", "+"), "finetuned": ("after fine-tuning", "-", "x")}


def fig1(table: pd.DataFrame) -> Figure:
    """Two-layer networks pruned at initialisation: data sets down, architectures across."""
    table = table.query("origin == 'initial' and stage == 'pruned'")
    looks = style.looks_of(table)

    def panel(axes: Axes, chosen: pd.DataFrame, sparsities: set[float]) -> None:
        panels.accuracy_panel(axes, chosen, looks, sparsities=sparsities)

    figure = _networks(table, panel)
    panels.legend(figure)
    return figure


def fig2(table: pd.DataFrame) -> Figure:
    """Trained two-layer networks, pruned (dashed) and then fine-tuned (solid); laid out as fig1.

    A grid with options of its own keeps its dashes at both stages, which their markers tell apart.
    """
    table = table[table["stage"].isin(_STAGES) & (table["origin"] == "trained")]
    looks = {
        (method, options): replace(look, linestyle=look.linestyle if options else "-")
        for (method, options), look in style.looks_of(table).items()
    }

    def panel(axes: Axes, chosen: pd.DataFrame, sparsities: set[float]) -> None:
        for stage, (_, dashes, marker) in _STAGES.items():
            changes = {"marker": marker, "linewidth": 1.3}
            of_stage = {
                line: replace(look, **changes, linestyle=look.linestyle if line[1] else dashes)
                for line, look in looks.items()
            }
            in_stage = chosen[chosen["stage"] == stage]
            panels.accuracy_panel(axes, in_stage, of_stage, sparsities=sparsities)

    figure = _networks(table, panel)
    methods = [
        Line2D(
            [],
            [],
            color=look.colour,
            linewidth=2.5 if look.linestyle == "-" else 1.3,  # dashes grow with the width
            label=look.label,
            linestyle=look.linestyle,
        )
        for look in looks.values()
    ]
    stages = [
        Line2D([], [], color="0.2", linewidth=1.3, label=label, linestyle=linestyle, marker=marker)
        for label, linestyle, marker in _STAGES.values()
    ]
    panels.legend(figure, [*methods, *stages])
    return figure


def fig3(table: pd.DataFrame) -> Figure:
    """A deep network pruned at initialisation (a), then trained (b)."""
    return _stages(table, "initial", ["pruned", "trained"])


def fig4(table: pd.DataFrame) -> Figure:
    """A deep network trained and pruned (a), then fine-tuned (b)."""
    return _stages(table, "trained", ["pruned", "finetuned"])


def fig7(table: pd.DataFrame) -> Figure:
    """As fig3, but the weights that are left are not rescaled before training."""
    return _stages(table, "initial", ["pruned", "trained-unscaled"])


def fig9(table: pd.DataFrame) -> Figure:
    """As fig3, of all variants of OSSuM: the methods are those of the table."""
    return fig3(table)


def _networks(
    table: pd.DataFrame, panel: Callable[[Axes, pd.DataFrame, set[float]], None]
) -> Figure:
    """A panel for each network: data sets down, architectures across."""
    datasets, architectures = tables.datasets(table), tables.architectures(table)
    figure, axes_grid = panels.grid(
        len(datasets), len(architectures), panels.width(table), sharex="col", sharey="row"
    )
    for dataset, row in zip(datasets, axes_grid, strict=True):
        for architecture, axes in zip(architectures, row, strict=True):
            of_architecture = table[table["architecture"] == architecture]
            chosen = of_architecture[of_architecture["dataset"] == dataset]
            panel(axes, chosen, set(of_architecture["sparsity"]))
            if chosen.empty:
                axes.text(0.5, 0.5, "not run", transform=axes.transAxes, ha="center", color="0.5")
            axes.set_title(tables.title(dataset, architecture))
    for axes in axes_grid.flat:
        axes.set_ylim(bottom=0)  # only now: panels of a row share their range
    panels.outer_labels(axes_grid)
    panels.letters(axes_grid.flat)
    panels.foot(figure, tables.contents(table))
    return figure


def _stages(table: pd.DataFrame, origin: str, stages: list[str]) -> Figure:
    """A row for each network, a column for each stage."""
    table = table[(table["origin"] == origin) & table["stage"].isin(stages)]
    networks, looks = tables.networks(table), style.looks_of(table)
    figure, axes_grid = panels.grid(len(networks), len(stages), panels.width(table))
    for (dataset, architecture), row in zip(networks, axes_grid, strict=True):
        chosen = table.query("dataset == @dataset and architecture == @architecture")
        for stage, axes in zip(stages, row, strict=True):
            panels.accuracy_panel(
                axes,
                chosen[chosen["stage"] == stage],
                looks,
                sparsities=set(chosen["sparsity"]),
            )
            axes.set_title(f"{tables.title(dataset, architecture)}\n{_TITLES[origin, stage]}")
            # Trained networks differ by little: a range from zero would hide it.
            if stage == "pruned":
                axes.set_ylim(bottom=0)
    panels.outer_labels(axes_grid)
    panels.letters(axes_grid.flat)
    panels.legend(figure)
    panels.foot(figure, tables.contents(table))
    return figure
