"""One look for all figures."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter
from PIL import Image

from ossum.config.registry import METHODS
from ossum.storage.files import atomic

# Inches: the paper's text width. Figures are made at the size that they are printed at.
WIDTH = 5.5
# Times' own distance of lines is too wide for labels of two.
LINESPACING = 1.05

# Colours that colour-blind readers can tell apart. Within a figure of the paper their grey values
# and their markers differ too, so that it reads in black and white. Controls are grey.
_COLOURS = {
    "ossum": "#0072B2",
    "linear-ossum": "#E6770B",
    "log-ossum": "#5CC8A0",
    "second-order-ossum": "#6A001C",
    "greedy-cross-entropy": "#F48FB1",
    "gradient": "#6A2C91",
    "random": "#A6A6A6",
    "best-random": "#3D3D3D",
    "norm": "#757575",
    "coreset": "#4F0A2E",
    # Deep networks: with PAB a darker shade of the score's colour, with norm a lighter one.
    "ossum-norm": "#3D93D0",
    "linear-ossum-norm": "#EFA21A",
    "log-ossum-norm": "#9BE0C4",
    "ossum-pab": "#00487C",
    "linear-ossum-pab": "#A85210",
    "log-ossum-pab": "#003A2A",
    "second-order-ossum-norm": "#E78FB3",
    "second-order-ossum-pab": "#C2185B",
}
_MARKERS: dict[str, str | tuple] = {
    "ossum": "o",
    "linear-ossum": "s",
    "log-ossum": "^",
    "second-order-ossum": "X",
    "greedy-cross-entropy": (6, 1, 0),
    "gradient": "D",
    "random": "x",
    "best-random": "+",
    "norm": "v",
    "coreset": "*",
    "ossum-norm": "d",
    "linear-ossum-norm": (4, 1, 0),  # a star of four points
    "log-ossum-norm": "<",
    "ossum-pab": "P",
    "linear-ossum-pab": "h",
    "log-ossum-pab": ">",
    "second-order-ossum-norm": (5, 1, 0),
    "second-order-ossum-pab": "H",
}
# Controls are wide lines under all others, so that they show where lines lie on top of them.
CONTROLS = ("random", "best-random", "norm")
# For methods that have no colour and no marker of their own, in turn.
_OTHERS = sns.color_palette("colorblind").as_hex()
_OTHER_MARKERS = ("p", "8", "H", "X", "1", "2", "3")
# For grids that have options of their own, in turn. Evenly dashed lines are controls, and dotted
# ones the reference.
_DASHES: tuple[str | tuple, ...] = ("-.", (0, (5, 1, 1, 1, 1, 1)), (0, (9, 2)), (0, (2, 1)))


@dataclass(frozen=True)
class Look:
    """How a line is drawn and what the legend calls it."""

    label: str
    colour: str
    marker: str | tuple
    linestyle: str | tuple = "-"
    linewidth: float = 1.0
    hollow: bool = False  # its markers


# The lines of a figure: a method (or another thing by which lines differ) and the options that the
# grid has for itself, "" if it has none.
Looks = Mapping[tuple[str, str], Look]


@contextmanager
def applied() -> Iterator[None]:
    """Draw with the project's style: the type of a body in Times, embedded, and a light grid.

    Nothing of a user's matplotlibrc counts.
    """
    settings = {
        "font.family": ["STIXGeneral", "DejaVu Sans"],  # both come with matplotlib
        "mathtext.fontset": "stix",
        "pdf.fonttype": 42,  # TrueType, embedded and searchable
        "savefig.dpi": 300,
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.titlepad": 4,
        "axes.labelsize": 8,
        "axes.labelpad": 2,
        "axes.linewidth": 0.6,
        "grid.linewidth": 0.5,
        "legend.fontsize": 8,
        "legend.handlelength": 2.2,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "xtick.major.pad": 2,
        "ytick.major.pad": 2,
        "lines.markeredgewidth": 0.4,
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.h_pad": 0.02,
        "figure.constrained_layout.w_pad": 0.02,
        "figure.constrained_layout.hspace": 0.03,
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
            kind = path.suffix[1:]
            # Without the date, the same figure is the same file.
            metadata = {"CreationDate": None} if kind == "pdf" else None
            figure.savefig(temporary, format=kind, metadata=metadata)
            if kind == "png":  # 256 colours are enough, and take a third of the space
                with Image.open(temporary) as picture:
                    smaller = picture.convert("RGB").quantize(256)
                smaller.save(temporary, format="png", optimize=True, dpi=(300, 300))


def colour(method: str) -> str:
    """The colour of a method, the same in every figure."""
    return _COLOURS.get(method) or _in_turn(method, _OTHERS)


def marker(method: str) -> str | tuple:
    """The marker of a method, the same in every figure."""
    return _MARKERS.get(method) or _in_turn(method, _OTHER_MARKERS)


def _in_turn(method: str, looks: Sequence[str]) -> str:
    others = [name for name in METHODS if name not in _COLOURS]
    return looks[others.index(method) % len(looks)]


def methods() -> dict[str, Look]:
    """The look of every method, in the registry's order."""
    return {
        name: Look(
            spec.label,
            colour(name),
            marker(name),
            linestyle="--" if name in CONTROLS else "-",
            linewidth=1.5 if name in CONTROLS else 1.0,
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
        f"{key.removeprefix(section)} {_spelled(value)}"
        for key, value in _dotted(json.loads(options))
    )


def _spelled(value: Any) -> str:
    """As in YAML, and 0 for 0.0."""
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def _dotted(options: dict, before: str = "") -> Iterator[tuple[str, Any]]:
    """Each value within nested options, with the keys that lead to it."""
    for key, value in options.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def sparsity_axis(axes: Axes, sparsities: Iterable[float]) -> None:
    """An axis of compression: linear in sparsity up to 50%, from there an octave for each halving.

    The linear part is one octave wide, or three where there are sparsities within it. Ticks say
    both, 4x and 75%, at as many of the sparsities as fit, powers of two first.
    """
    ticks = np.array([compression(s) for s in sorted(sparsities)])
    linear = 3 if np.any((ticks > 1) & (ticks < 2)) else 1

    def octaves(factor: np.ndarray) -> np.ndarray:
        factor = np.maximum(factor, 0.5)  # what is below one is margin
        return np.where(factor < 2, linear * 2 * (1 - 1 / factor), linear + np.log2(factor / 2))

    def factors(octaves: np.ndarray) -> np.ndarray:
        octaves = np.asarray(octaves, float)
        low = 1 / (1 - np.minimum(octaves, linear) / (2 * linear))
        return np.where(octaves < linear, low, 2 ** (octaves - linear + 1))

    places = octaves(ticks)
    # Inches of a panel, about, and of a label with the space around it.
    panel, label = axes.get_figure().get_figwidth() / axes.get_gridspec().ncols - 0.3, 0.3
    least = label / panel * 1.1 * np.ptp(places)
    labelled: list[int] = []
    for tick in sorted(range(len(ticks)), key=lambda i: (np.log2(ticks[i]) % 1 > 0, i)):
        if all(abs(places[tick] - places[other]) >= least for other in labelled):
            labelled.append(tick)
    axes.set_xscale("function", functions=(octaves, factors))
    axes.xaxis.set_major_locator(FixedLocator(ticks[sorted(labelled)]))
    axes.xaxis.set_minor_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{times(x)}\n{percent(1 - 1 / x)}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="both", bottom=True, length=2, width=0.5, color="0.4")
    for tick_label in axes.get_xticklabels():
        tick_label.set_linespacing(LINESPACING)
    axes.set_xlabel("compression / sparsity")


def accuracy_axis(axes: Axes, label: str = "test accuracy (%)") -> None:
    """Accuracy, or another fraction, in percent."""
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: number(round(100 * y, 6))))
    axes.set_ylabel(label)


def number(value: float) -> str:
    """Without needless digits, and with the sign that is as wide as a plus."""
    return f"{value:g}".replace("-", "−")


def compression(sparsity: float) -> float:
    """How many times fewer neurons: 1 / (1 - sparsity)."""
    return 1 / (1 - sparsity)


def times(factor: float) -> str:
    """A compression: 2.5×, 128×."""
    return f"{round(factor, 1):g}×"


def percent(sparsity: float) -> str:
    """Three significant digits of what is pruned: 75%, 96.9%, 99.8%."""
    return f"{100 * sparsity:.3g}%"
