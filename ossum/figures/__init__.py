"""Figures of the paper, and one beyond it: a function each, a tidy table in, a figure out."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ossum.figures import style
from ossum.figures.ablations import fig5
from ossum.figures.accuracy import fig1, fig2, fig3, fig4, fig7, fig9
from ossum.figures.beyond import beyond
from ossum.figures.compared import compared
from ossum.figures.curves import fig6
from ossum.figures.weights import fig8
from ossum.files import atomic

FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "fig1": fig1,
    "fig2": fig2,
    "fig3": fig3,
    "fig4": fig4,
    "fig5": fig5,
    "fig6": fig6,
    "fig7": fig7,
    "fig8": fig8,
    "fig9": fig9,
    "beyond": beyond,
}


def draw(
    name: str,
    table: pd.DataFrame,
    paths: Iterable[str | Path],
    reference: pd.DataFrame | None = None,
) -> None:
    """Draw the figure `name` from its table, beside that of a reference if there is one, and save
    it to each path, format by extension."""
    with style.applied():
        figure_of = FIGURES[name]
        figure = figure_of(table) if reference is None else compared(figure_of, table, reference)
        for path in map(Path, paths):
            with atomic(path) as temporary:
                figure.savefig(temporary, format=path.suffix[1:])
