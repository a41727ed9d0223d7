"""One look for all figures."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from ossum.config.registry import METHODS
from ossum.storage.files import atomic

# Okabe and Ito's colours, which colour-blind readers can tell apart, and a wine red; controls are
# grey. Markers and dashes differ too, so that a figure also reads in black and white.
_COLOURS = {
    "ossum": "#0072B2",
    "linear-ossum": "#D55E00",
    "log-ossum": "#009E73",
    "gradient": "#CC79A7",
    "random": "#A8A8A8",
    "best-random": "#3D3D3D",
    "norm": "#6E6E6E",
    "coreset": "#882255",
    # Deep networks: with PAB a darker shade of the score's colour, with norm a lighter one.
    "ossum-pab": "#00466E",
    "linear-ossum-pab": "#8A3B00",
    "log-ossum-pab": "#005F45",
    "ossum-norm": "#56B4E9",
    "linear-ossum-norm": "#E69F00",
    "log-ossum-norm": "#8FD6B9",
}
_MARKERS = {
    "ossum": "o",
    "linear-ossum": "s",
    "log-ossum": "^",
    "gradient": "D",
    "random": "X",
    "best-random": "H",
    "norm": "v",
    "coreset": "*",
    "ossum-pab": "p",
    "linear-ossum-pab": "P",
    "log-ossum-pab": ">",
    "ossum-norm": "h",
    "linear-ossum-norm": "d",
    "log-ossum-norm": "<",
}
CONTROLS = ("random", "best-random", "norm")
# For methods that have no colour of their own yet.
_OTHERS = sns.color_palette("colorblind")
# For grids that have options of their own, in turn. Evenly dashed lines are controls, and dotted
# ones the reference.
_DASHES: tuple[str | tuple, ...] = ("-.", (0, (5, 1, 1, 1, 1, 1)), (0, (9, 2)), (0, (2, 1)))


@dataclass(frozen=True)
class Look:
    """How a line is drawn and what the legend calls it."""

    label: str
    colour: str
    marker: str
    linestyle: str | tuple = "-"
    linewidth: float = 1.6
    hollow: bool = False  # its markers


# The lines of a figure: a method (or another thing by which lines differ) and the options that the
# grid has for itself, "" if it has none.
Looks = Mapping[tuple[str, str], Look]


@contextmanager
def applied() -> Iterator[None]:
    """Draw with the project's style: embedded fonts, a light grid, space for one legend.

    Nothing of a user's matplotlibrc counts.
    """
    settings = {
        "pdf.fonttype": 42,  # TrueType, embedded and searchable
        "savefig.dpi": 200,
        "savefig.bbox": "tight",
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.labelsize": 9,
        "legend.fontsize": 9,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.hspace": 0.05,
        "figure.constrained_layout.wspace": 0.03,
    }
    frame = {"axes.edgecolor": "0.4", "grid.color": "0.92"}
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(sns.axes_style("whitegrid", frame) | settings)
        yield


def save(figure: Figure, paths: Iterable[str | Path]) -> None:
    """Write a figure to each path, in the format of its extension."""
    for path in map(Path, paths):
        with atomic(path) as temporary:
            figure.savefig(temporary, format=path.suffix[1:])


def colour(method: str) -> str:
    """The colour of a method, the same in every figure."""
    return _COLOURS.get(method) or _OTHERS.as_hex()[sorted(METHODS).index(method) % len(_OTHERS)]


def marker(method: str) -> str:
    """The marker of a method, the same in every figure."""
    return _MARKERS.get(method, "P")


def methods() -> dict[str, Look]:
    """The look of every method, in the registry's order."""
    return {
        name: Look(
            spec.label,
            colour(name),
            marker(name),
            linestyle="--" if name in CONTROLS else "-",
            linewidth=1.2 if name in CONTROLS else 1.6,
        )
        for name, spec in METHODS.items()
    }


def looks_of(
    table: pd.DataFrame, looks: Mapping[str, Look] | None = None, hue: str = "method"
) -> Looks:
    """The looks of all lines in a figure's table.

    Where a grid has options of its own, dashes and hollow markers tell its line from that without
    them, and the label says what the options are.

    looks: those of the values of the column `hue`; of all methods, if not given.
    """
    present = set(zip(table[hue], table["options"], strict=True))
    own = sorted({options for _, options in present if options})
    dashes = dict(zip(own, cycle(_DASHES)))
    found = {}
    for value, look in (methods() if looks is None else looks).items():
        found[value, ""] = look
        for options in own:
            label = f"{look.label} ({spell_options(options, value)})"
            changes = {"label": label, "linestyle": dashes[options], "hollow": True}
            found[value, options] = replace(look, **changes)
    return {line: look for line, look in found.items() if line in present}


def spell_options(options: str, method: str) -> str:
    """Options of a grid in words: "training.batch_size 512", or "momentum 0" for an option of the
    method itself."""
    section = f"{method.replace('-', '_')}."
    return ", ".join(
        f"{key.removeprefix(section)} {value if isinstance(value, str) else json.dumps(value)}"
        for key, value in _dotted(json.loads(options))
    )


def _dotted(options: dict, before: str = "") -> Iterator[tuple[str, Any]]:
    """Each value within nested options, with the keys that lead to it."""
    for key, value in options.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def sparsity_axis(axes: Axes, sparsities: list[float]) -> None:
    """A log2 axis over 1 / (1 - sparsity), each tick saying both: 75% and 4x."""
    ticks = [compression(s) for s in sorted(sparsities)]
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{times(x)}\n{percent(1 - 1 / x)}"))
    axes.tick_params(axis="x", labelsize=7)  # ten sparsities side by side
    axes.set_xlabel("compression / share of neurons pruned")


def accuracy_axis(axes: Axes) -> None:
    """Accuracy in percent."""
    axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{round(100 * y, 6):g}%"))
    axes.set_ylabel("test accuracy")


def compression(sparsity: float) -> float:
    """How many times fewer neurons: 1 / (1 - sparsity)."""
    return 1 / (1 - sparsity)


def times(factor: float) -> str:
    """A compression: 2.5×, 128×."""
    return f"{round(factor, 1):g}×"


def percent(sparsity: float) -> str:
    """Three significant digits of what is pruned: 75%, 96.9%, 99.8%."""
    return f"{100 * sparsity:.3g}%"
