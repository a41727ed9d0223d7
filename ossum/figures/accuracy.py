"""Figures of test accuracy against sparsity.

Lines are means over seeds, and bands are one standard deviation to each side.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from string import ascii_lowercase

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ossum.figures import panels, style, tables

_TITLES = {
    ("initial", "pruned"): "pruned at initialisation",
    ("initial", "trained"): "then trained",
    ("initial", "trained-unscaled"): "trained, not rescaled",
    ("trained", "pruned"): "trained, then pruned",
    ("trained", "finetuned"): "then fine-tuned",
}
# In Figure 2 stages differ in line and in hollow markers.
_STAGES = {"pruned": ("after pruning", "--", True), "finetuned": ("after fine-tuning", "-", False)}


# Draws rows of a table, with a tick for each of the sparsities.
Panel = Callable[[Axes, pd.DataFrame, set[float]], None]


def fig1(table: pd.DataFrame) -> Figure:
    """Two-layer networks pruned at initialisation: data sets down, architectures across. Where the
    table has a readout of all neurons (figure "second-order"), it is a level line."""
    table = table.query("origin == 'initial' and stage in ('pruned', 'readout')")
    pruned = table[table["stage"] == "pruned"]
    looks = style.looks_of(pruned)

    def panel(axes: Axes, chosen: pd.DataFrame, sparsities: set[float]) -> None:
        panels.accuracy_panel(
            axes, chosen[chosen["stage"] == "pruned"], looks, sparsities=sparsities
        )
        panels.whole(axes, chosen[chosen["stage"] == "readout"], panels.READOUT)

    return _networks(table, panel)


def fig2(table: pd.DataFrame) -> Figure:
    """Trained two-layer networks, pruned (dashed) and then fine-tuned (solid); laid out as fig1.

    Below each panel is what fine-tuned networks differ by. A grid with options of its own keeps its
    dashes at both stages, which hollow markers tell apart.
    """
    table = table[table["stage"].isin(_STAGES) & (table["origin"] == "trained")]
    looks = style.looks_of(table)
    of_stages = {
        stage: {
            line: replace(look, linestyle=look.linestyle if line[1] else dashes, hollow=hollow)
            for line, look in looks.items()
        }
        for stage, (_, dashes, hollow) in _STAGES.items()
    }

    def panel(axes: Axes, chosen: pd.DataFrame, sparsities: set[float]) -> None:
        panels.whole(axes, chosen[chosen["stage"] == "pruned"], panels.UNPRUNED)
        for stage, of_stage in of_stages.items():
            in_stage = chosen[chosen["stage"] == stage]
            panels.accuracy_panel(axes, in_stage, of_stage, sparsities=sparsities)

    def strip(axes: Axes, chosen: pd.DataFrame, sparsities: set[float]) -> None:
        in_stage = chosen[chosen["stage"] == "finetuned"]
        panels.difference_panel(axes, in_stage, of_stages["finetuned"], sparsities=sparsities)

    stages = [
        Line2D(
            [],
            [],
            color="0.2",
            linewidth=1,
            linestyle=dashes,
            marker="o",
            markersize=3.6,
            markerfacecolor="w" if hollow else "0.2",
            label=label,
        )
        for label, dashes, hollow in _STAGES.values()
    ]
    finetuned = table[table["stage"] == "finetuned"]
    return _networks(table, panel, strip if panels.control(finetuned) else None, stages)


def fig3(table: pd.DataFrame) -> Figure:
    """A deep network pruned at initialisation (a), then trained (b). Figure 9 is the same for all
    variants of OSSuM, which its table has."""
    return _stages(table, "initial", ["pruned", "trained"])


def fig4(table: pd.DataFrame) -> Figure:
    """A deep network trained and pruned (a), then fine-tuned (b)."""
    return _stages(table, "trained", ["pruned", "finetuned"])


def fig7(table: pd.DataFrame) -> Figure:
    """As fig3, but the weights that are left are not rescaled before training."""
    return _stages(table, "initial", ["pruned", "trained-unscaled"])


def _networks(
    table: pd.DataFrame,
    panel: Panel,
    strip: Panel | None = None,
    entries: Iterable[Artist] = (),
) -> Figure:
    """A panel for each network, and a strip below it: data sets down, architectures across.

    entries: of the legend, beside the lines of the panels.
    """
    datasets, architectures = tables.datasets(table), tables.architectures(table)
    figure, axes_grid = panels.grid(
        len(datasets), len(architectures), strips=strip is not None, sharex="col", sharey="row"
    )
    step = 2 if strip else 1
    upper, lower = axes_grid[::step], axes_grid[1::2] if strip else axes_grid[:0]
    for i, dataset in enumerate(datasets):
        for j, architecture in enumerate(architectures):
            axes = upper[i, j]
            of_architecture = table[table["architecture"] == architecture]
            chosen = of_architecture[of_architecture["dataset"] == dataset]
            sparsities = set(of_architecture["sparsity"])
            panel(axes, chosen, sparsities)
            if chosen.empty:
                axes.text(0.5, 0.5, "not run", transform=axes.transAxes, ha="center", color="0.5")
            elif strip:
                strip(lower[i, j], chosen, sparsities)
            panels.title(axes, (dataset, architecture))
    for axes in upper.flat:
        axes.set_ylim(bottom=0)  # only now: panels of a row share their range
    return _finished(figure, axes_grid, upper.flat, table, entries)


def _stages(table: pd.DataFrame, origin: str, stages: list[str]) -> Figure:
    """A row for each network, a column for each stage, and one for the differences in the last."""
    table = table[(table["origin"] == origin) & table["stage"].isin(stages)]
    networks, looks = tables.networks(table), style.looks_of(table)
    differ = panels.control(table[table["stage"] == stages[-1]]) is not None
    figure, axes_grid = panels.grid(len(networks), len(stages) + differ, height=1.7)
    letters_of_last = ascii_lowercase[1::3]
    for (dataset, architecture), row, letter in zip(
        networks, axes_grid, letters_of_last, strict=False
    ):
        chosen = table.query("dataset == @dataset and architecture == @architecture")
        for stage, axes in zip(stages, row, strict=False):
            in_stage = chosen[chosen["stage"] == stage]
            panels.accuracy_panel(axes, in_stage, looks, sparsities=set(chosen["sparsity"]))
            panels.title(axes, (dataset, architecture), _TITLES[origin, stage])
            if stage != "pruned" or origin == "trained":
                panels.whole(axes, in_stage, panels.UNPRUNED)
            axes.set_ylim(bottom=0)
        if differ:
            panels.difference_panel(row[-1], in_stage, looks)
            panels.title(row[-1], (dataset, architecture), f"differences in ({letter})")
    return _finished(figure, axes_grid, axes_grid.flat, table)


def _finished(
    figure: Figure,
    axes_grid: np.ndarray,
    lettered: Iterable[Axes],
    table: pd.DataFrame,
    entries: Iterable[Artist] = (),
) -> Figure:
    panels.mark_cut(axes_grid.flat)
    panels.outer_labels(axes_grid)
    panels.letters(lettered)
    panels.legend(figure, [*panels.shown(figure), *entries])
    panels.foot(figure, _contents(table))
    return figure


def _contents(table: pd.DataFrame) -> str:
    """What is shown; by stage, if stages have different seeds."""
    stages = table.groupby(["origin", "stage"], sort=False)
    if len({frozenset(seeds) for _, seeds in stages["seed"]}) == 1:
        return tables.contents(table)
    return "\n".join(
        f"{_TITLES.get(stage, stage[1])}: {tables.contents(rows)}" for stage, rows in stages
    )
