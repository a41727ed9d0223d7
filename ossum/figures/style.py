"""One look for all figures."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from ossum.registry import METHODS

mpl.use("Agg")

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


@dataclass(frozen=True)
class Look:
    """How a line is drawn and what the legend calls it."""

    label: str
    colour: str
    marker: str
    linestyle: str = "-"
    linewidth: float = 1.6


@contextmanager
def applied() -> Iterator[None]:
    """Draw with the project's style: embedded fonts, a light grid, space for one legend."""
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
    with sns.axes_style("whitegrid", frame), mpl.rc_context(settings):
        yield


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
