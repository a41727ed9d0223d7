"""The picture of the claims: where each quantity has to lie, and where it was observed."""

import io
from pathlib import Path
from textwrap import fill

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from ossum.figures import style
from ossum.storage.files import atomic

# By outcome. Colour-blind readers can tell blue from orange, and the markers differ too.
_LOOKS = {
    "holds": ("#0072B2", "o"),
    "inconclusive": ("#6E6E6E", "D"),
    "contradicted": ("#C04A00", "X"),
}
_WANTED = "#CFE8D5"
# By verdict: a sign and a colour.
VERDICTS = {
    "reproduced": ("✓", "#0072B2"),
    "mixed": ("◐", "#8A6A00"),
    "contradicted": ("✗", "#C04A00"),
    "inconclusive": ("?", "#6E6E6E"),
    "not run": ("–", "#6E6E6E"),
}
_WIDTH, _HEIGHT = 5.5, 8.3  # of a page, inches
_LINE, _AXIS = 0.15, 0.33  # of a line of text, and of what an axis takes below
_WHOLE = {"savefig.bbox": "standard"}  # not cropped, so that axes are below each other
_LETTERS = 45  # of a line beside an axis


def draw_claims(table: pd.DataFrame, pdf: str | Path, png: str | Path) -> None:
    """Draw the claims that were judged, by the table of checks (`ossum.claims.table.as_table`): a
    PDF whose pages can be printed, and all of them in one picture."""
    _draw(_titled(table.groupby("claim", sort=False).filter(_judged)), pdf, png)


def draw_readings(table: pd.DataFrame, pdf: str | Path, png: str | Path) -> None:
    """Draw each check with a row for each reading, by `ossum.claims.readings.readings_table`.
    Claims of which only one reading was judged are left out."""
    judged = table.groupby(["claim", "reading"], sort=False).filter(_judged)
    several = judged[judged.groupby("claim")["reading"].transform("nunique") > 1]
    title = several["claim"] + ", " + several["check"]
    order = several.index[np.argsort(pd.factorize(title)[0], kind="stable")]
    rows = several.assign(title=title, colour="black", claim=title, check=several["what"])
    _draw(rows.loc[order], pdf, png)


def _draw(table: pd.DataFrame, pdf: str | Path, png: str | Path) -> None:
    with style.applied(), mpl.rc_context(_WHOLE):
        style.save(_picture(table), [png])
        with atomic(pdf) as temporary, PdfPages(temporary, metadata={"CreationDate": None}) as file:
            for part in _pages(table):
                file.savefig(_picture(part))
    plt.close("all")


def draw_claim(checks: pd.DataFrame) -> str:
    """The checks of one claim as SVG, without a title; "" if none of them was judged."""
    if not _judged(checks):
        return ""
    settings = _WHOLE | {"svg.fonttype": "path", "svg.hashsalt": checks["claim"].iloc[0]}
    with style.applied(), mpl.rc_context(settings):
        figure, text = _picture(_titled(checks), titled=False), io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
        plt.close(figure)
    return "<svg" + text.getvalue().partition("<svg")[2]


def _judged(checks: pd.DataFrame) -> bool:
    return checks["outcome"].isin(_LOOKS).any()


def _pages(table: pd.DataFrame) -> list[pd.DataFrame]:
    """The claims of a table, in parts that fit on a page."""
    parts, room = [[]], _HEIGHT
    for _, checks in table.groupby("claim", sort=False):
        height = sum(map(sum, _heights(_axes_of(checks), titled=True)))
        if height > room and parts[-1]:
            parts, room = [*parts, []], _HEIGHT
        parts[-1].append(checks)
        room -= height
    return [pd.concat(part) if part else table for part in parts]


def _axes_of(table: pd.DataFrame) -> list[pd.DataFrame]:
    """The checks of each axis: those of a claim that have the same unit and are about one number of
    the paper, or about none."""
    keys = ["claim", "unit", "expected"]
    return [checks for _, checks in table.groupby(keys, sort=False, dropna=False)]


def _heights(groups: list[pd.DataFrame], titled: bool) -> list[tuple[float, float, float]]:
    """Of each axis, in inches: the title above it, the axis, and its labels below."""
    seen, heights = set(), []
    for checks in groups:
        first = checks.iloc[0]
        title = titled and first["claim"] not in seen
        seen.add(first["claim"])
        lines = sum(_label(check).count("\n") + 1.4 for check in checks["check"])
        heights.append((_LINE * (2 + first["title"].count("\n")) * title, _LINE * lines, _AXIS))
    return heights


def _label(check: str) -> str:
    return fill(check, _LETTERS)


def _titled(table: pd.DataFrame) -> pd.DataFrame:
    """With the title of each claim and its colour, by the verdict."""
    columns = ["verdict", "qualified", "claim", "statement"]
    head = [
        f"{VERDICTS[verdict][0]} {qualified}: {claim}\n{fill(statement, 90)}"
        for verdict, qualified, claim, statement in table[columns].itertuples(index=False)
    ]
    return table.assign(title=head, colour=[VERDICTS[verdict][1] for verdict in table["verdict"]])


def _picture(table: pd.DataFrame, titled: bool = True) -> Figure:
    """A row for each check, an axis for each claim and unit. The wanted range is green."""
    groups = _axes_of(table)
    heights = _heights(groups, titled)
    top = total = sum(map(sum, heights)) or 1
    figure = plt.figure(figsize=(_WIDTH, total), layout="none")
    if not groups:
        figure.text(0.5, 0.5, "No claim is judged by these results.", ha="center", va="center")
    for checks, (title, height, below) in zip(groups, heights, strict=True):
        if title:
            text, colour = checks[["title", "colour"]].iloc[0]
            figure.text(0.005, (top - 0.04) / total, text, fontsize=7, va="top", color=colour)
        top -= title
        axes = figure.add_axes((0.47, (top - height) / total, 0.515, height / total))
        _rows(axes, checks)
        top -= height + below
    return figure


def _rows(axes: Axes, checks: pd.DataFrame) -> None:
    """The checks of one axis, from the top down."""
    lines = [_label(check).count("\n") + 1.4 for check in checks["check"]]
    places = np.cumsum(lines) - np.array(lines) / 2
    low, high = _limits(checks)
    for place, lines_, (_, check) in zip(places, lines, checks.iterrows(), strict=True):
        left, right = max(check["low"], low), min(check["high"], high)
        axes.barh(place, right - left, left=left, height=0.95 * lines_, color=_WANTED, linewidth=0)
        if check["outcome"] not in _LOOKS:
            axes.text((low + high) / 2, place, "not run", fontsize=7, ha="center", va="center")
            continue
        colour, marker = _LOOKS[check["outcome"]]
        ends = np.abs(check[["interval_low", "interval_high"]].astype(float) - check["observed"])
        axes.errorbar(
            check["observed"],
            place,
            xerr=ends.to_numpy()[:, None],
            color=colour,
            marker=marker,
            markersize=4,
            linewidth=1.4,
        )
    if pd.notna(expected := checks["expected"].iloc[0]):
        axes.axvline(expected, color="#2E7D4F", linestyle=":", linewidth=1)
    axes.set_yticks(places, map(_label, checks["check"]), fontsize=7)
    axes.tick_params(axis="x", labelsize=7, pad=1)
    axes.set_ylim(sum(lines), 0)
    axes.set_xlim(low, high)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(checks["unit"].iloc[0], fontsize=7, labelpad=1)
    if low < 0 < high:
        axes.axvline(0, color="0.3", linewidth=0.8, zorder=1)


def _limits(checks: pd.DataFrame) -> tuple[float, float]:
    """Of an axis: all bounds and intervals are inside, and zero where a bound is at infinity."""
    ends = checks[["low", "high", "interval_low", "interval_high", "observed"]].astype(float)
    if np.isinf(ends).any(axis=None):
        ends = ends.assign(zero=0.0)
    ends = ends.replace([np.inf, -np.inf], np.nan).stack()
    margin = 0.08 * (ends.max() - ends.min()) or 1.0
    return ends.min() - margin, ends.max() + margin
