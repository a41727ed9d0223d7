"""Figures of the paper, and two beyond it: a function each, from a tidy table to a figure."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

# Before Matplotlib is imported: it refuses the backend that Jupyter names for programs of its own.
os.environ["MPLBACKEND"] = "Agg"

import pandas as pd
from matplotlib.figure import Figure

from ossum.figures import style
from ossum.figures.ablations import fig5
from ossum.figures.accuracy import fig1, fig2, fig3, fig4, fig7
from ossum.figures.compared import compared
from ossum.figures.controls import beyond
from ossum.figures.curves import fig6
from ossum.figures.tables import once
from ossum.figures.weights import fig8

DRAWINGS: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "fig1": fig1,
    "fig2": fig2,
    "fig3": fig3,
    "fig4": fig4,
    "fig5": fig5,
    "fig6": fig6,
    "fig7": fig7,
    "fig8": fig8,
    "fig9": fig3,
    "beyond": beyond,
    "second-order": fig1,
}


def draw(
    name: str,
    table: pd.DataFrame,
    paths: Iterable[str | Path],
    reference: pd.DataFrame | None = None,
) -> None:
    """Draw the figure `name` from its table and save it to each path, format by extension.

    If there is a reference, its lines are dotted beside those of the table.
    """
    drawing, table = DRAWINGS[name], once(table)
    with style.applied():
        figure = drawing(table) if reference is None else compared(drawing, table, once(reference))
        style.save(figure, paths)
