"""What can be asked for by name. No torch here, so that planning a workflow stays quick.

This module is left out of the code hashes (see `ossum.provenance`): a new line here changes no
existing result, so it must not re-run any.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class MethodSpec:
    """Where a pruning method lives, what to call it in figures, and what it can do."""

    module: str
    function: str
    label: str
    max_hidden_layers: int | None = None
    # Many times, in networks of one hidden layer: worth keeping them in memory.
    reads_activations: bool = False


METHODS: dict[str, MethodSpec] = {
    "ossum": MethodSpec("ossum.pruning.scores", "ossum", "OSSuM", 1),
    "linear-ossum": MethodSpec("ossum.pruning.scores", "linear_ossum", "Linear OSSuM", 1),
    "log-ossum": MethodSpec("ossum.pruning.scores", "log_ossum", "Log OSSuM", 1),
    "gradient": MethodSpec("ossum.pruning.gradient", "gradient", "Gradient mask", None, True),
    "random": MethodSpec("ossum.pruning.random", "random", "Random"),
    "best-random": MethodSpec("ossum.pruning.best_random", "best_random", "Best of 100 random", 1),
    "norm": MethodSpec("ossum.pruning.norm", "norm", "Norm"),
    "coreset": MethodSpec("ossum.pruning.coreset", "coreset", "Coreset"),
    "ossum-norm": MethodSpec("ossum.pruning.norm_then_score", "ossum_norm", "OSSuM + Norm"),
    "linear-ossum-norm": MethodSpec(
        "ossum.pruning.norm_then_score", "linear_ossum_norm", "Linear OSSuM + Norm"
    ),
    "log-ossum-norm": MethodSpec(
        "ossum.pruning.norm_then_score", "log_ossum_norm", "Log OSSuM + Norm"
    ),
    "ossum-pab": MethodSpec("ossum.pruning.prune_and_build", "ossum_pab", "OSSuM + PAB"),
    "linear-ossum-pab": MethodSpec(
        "ossum.pruning.prune_and_build", "linear_ossum_pab", "Linear OSSuM + PAB"
    ),
    "log-ossum-pab": MethodSpec(
        "ossum.pruning.prune_and_build", "log_ossum_pab", "Log OSSuM + PAB"
    ),
}


@dataclass(frozen=True)
class DatasetSpec:
    """Where a data set's loader lives, what to call it in figures, and its sizes."""

    module: str
    label: str
    input_size: int
    n_classes: int
    n_train: int
    n_test: int


DATASETS: dict[str, DatasetSpec] = {
    "mnist": DatasetSpec("ossum.datasets.mnist", "MNIST", 784, 10, 60_000, 10_000),
    "cifar10": DatasetSpec("ossum.datasets.cifar10", "CIFAR-10", 3_072, 10, 50_000, 10_000),
    "digits": DatasetSpec("ossum.datasets.digits", "Digits 8×8", 64, 10, 1_437, 360),
}

# Defined in `ossum.networks`; a test keeps the names in step.
ACTIVATIONS = ("tanh", "relu", "sigmoid")

# Also defined there; what to call the distributions in figures. r = 1/√fan_in.
INITS: dict[str, str] = {
    "uniform": "U(−r, r)",
    "normal": "N(0, r²)",
    "const": "±r",
    "uniform-spread-0.25": "U(−r/4, r/4)",
    "uniform-spread-0.5": "U(−r/2, r/2)",
    "uniform-spread-2": "U(−2r, 2r)",
    "uniform-spread-4": "U(−4r, 4r)",
    "uniform-mean-0.5": "U(−r/2, 3r/2)",
    "uniform-mean-1": "U(0, 2r)",
}


@dataclass(frozen=True)
class FigureSpec:
    """Which networks a figure is about (pruned as drawn or trained), at which stages, and what the
    report calls it. Its caption there is `rules/captions/<name>.rst`."""

    origin: str
    stages: tuple[str, ...]
    label: str
    topic: str
    category: str = "Figures of the paper"


# Drawn by the functions of these names in `ossum.figures`; a test keeps the names in step.
FIGURES: dict[str, FigureSpec] = {
    "fig1": FigureSpec(
        "init", ("pruned",), "Figure 1", "two-layer networks pruned at initialisation"
    ),
    "fig2": FigureSpec(
        "trained",
        ("pruned", "finetuned"),
        "Figure 2",
        "trained two-layer networks, pruned, fine-tuned",
    ),
    "fig3": FigureSpec(
        "init", ("pruned", "trained"), "Figure 3", "deep networks pruned at initialisation, trained"
    ),
    "fig4": FigureSpec(
        "trained", ("pruned", "finetuned"), "Figure 4", "trained deep networks, pruned, fine-tuned"
    ),
    "fig5": FigureSpec(
        "init", ("pruned", "search"), "Figure 5", "ablations and architecture search"
    ),
    "fig6": FigureSpec("init", ("trained",), "Figure 6", "learning curves"),
    "fig7": FigureSpec(
        "init", ("pruned", "trained-unscaled"), "Figure 7", "training without rescaling"
    ),
    "fig8": FigureSpec("init", ("statistics",), "Figure 8", "the weights that are kept"),
    "fig9": FigureSpec("init", ("pruned", "trained"), "Figure 9", "all variants of OSSuM"),
    "beyond": FigureSpec(
        "init",
        ("pruned", "readout", "trained"),
        "Beyond",
        "controls that the paper does not have",
        "Beyond the paper",
    ),
}


def lookup(registry: Mapping[str, T], name: str, kind: str) -> T:
    """registry[name], or a ValueError that names the nearest known name."""
    if name in registry:
        return registry[name]
    near = get_close_matches(name, registry, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"unknown {kind} {name!r}{hint} (known: {', '.join(registry)})")
