"""A figure of two runs: one's own, and the reference that comes with the code."""

from collections.abc import Callable

import pandas as pd
from matplotlib.figure import Figure

from ossum.figures import panels
from ossum.storage.results import IDENTITY

_SHARED = [key for key in IDENTITY if key != "seed"]


def compared(
    figure_of: Callable[[pd.DataFrame], Figure], own: pd.DataFrame, reference: pd.DataFrame
) -> Figure:
    """The figure of `own`, and on top of it the means of `reference` as dotted lines.

    Both are limited to the subnetworks and stages that the other has too, each with all of its own
    seeds, so that they have the same panels. ValueError if they have nothing in common.
    """
    shared = own[_SHARED].drop_duplicates().merge(reference[_SHARED].drop_duplicates())
    if shared.empty:
        raise ValueError(
            "your run and the reference have no result in common: make some of the paper's first, "
            "as by --configfile config/quick.yaml"
        )
    figure, other = (figure_of(table.merge(shared)) for table in (own, reference))
    for axes, others in zip(figure.axes, other.axes, strict=True):
        for line in others.lines:
            # Single points and levels across the panel are no means of a method.
            if line.get_linestyle() != "None" and line.get_transform() == others.transData:
                axes.plot(*line.get_data(), ":", color=line.get_color(), linewidth=1.4, zorder=3)
        ranges = [axes.get_ylim(), others.get_ylim()]
        axes.set_ylim(min(low for low, _ in ranges), max(high for _, high in ranges))
    panels.foot(figure, f"{figure.get_supxlabel()}\ndotted, reference: {other.get_supxlabel()}")
    return figure
