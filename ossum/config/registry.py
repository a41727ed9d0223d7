"""What can be asked for by name. No torch here, so that planning a workflow stays quick.

This module is left out of the code hashes (see `ossum.workflow.provenance`): a new line here
changes no existing result, so it must not re-run any.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class MethodSpec:
    """Where a pruning method lives, what to call it in figures, and what it can do.

    score: a key of `ossum.pruning.scoring.SCORES` for a function that takes a score.
    reads_activations: whether the method reads activations many times in networks of one hidden
        layer, so that they are worth keeping in memory.
    holds_sample: whether the method holds activations of some examples (its option `examples`), and
        at most a number for each pair of neurons.
    gradients: whether it uses gradients of the loss, by autograd or worked out by hand.
    builds: whether it builds another network and leaves nothing of the given one.
    """

    module: str
    function: str
    label: str
    max_hidden_layers: int | None = None
    score: str | None = None
    reads_activations: bool = False
    holds_sample: bool = False
    gradients: bool = False
    builds: bool = False


METHODS: dict[str, MethodSpec] = {
    "ossum": MethodSpec("ossum.pruning.by_score", "by_score", "OSSuM", 1, "ossum"),
    "linear-ossum": MethodSpec(
        "ossum.pruning.by_score", "by_score", "Linear OSSuM", 1, "linear-ossum"
    ),
    "log-ossum": MethodSpec("ossum.pruning.by_score", "by_score", "Log OSSuM", 1, "log-ossum"),
    "second-order-ossum": MethodSpec(
        "ossum.pruning.second_order",
        "second_order",
        "Second-order OSSuM",
        1,
        holds_sample=True,
    ),
    "greedy-cross-entropy": MethodSpec(
        "ossum.pruning.greedy_cross_entropy",
        "greedy_cross_entropy",
        "Greedy cross-entropy",
        1,
        holds_sample=True,
    ),
    "gradient": MethodSpec(
        "ossum.pruning.gradient",
        "gradient",
        "Gradient mask",
        reads_activations=True,
        gradients=True,
    ),
    "random": MethodSpec("ossum.pruning.random", "random", "Random"),
    "best-random": MethodSpec("ossum.pruning.best_random", "best_random", "Best of 100 random", 1),
    "norm": MethodSpec("ossum.pruning.norm", "norm", "Norm"),
    "norm-outgoing": MethodSpec("ossum.pruning.norm", "norm_outgoing", "Norm (outgoing)"),
    "coreset": MethodSpec("ossum.pruning.coreset", "coreset", "Coreset"),
    "snip": MethodSpec("ossum.pruning.snip", "snip", "SNIP", 1, gradients=True),
    "snip-signed": MethodSpec(
        "ossum.pruning.snip", "snip_signed", "Signed SNIP", 1, gradients=True
    ),
    "snip-iterative": MethodSpec(
        "ossum.pruning.snip",
        "snip_iterative",
        "Iterative SNIP",
        1,
        reads_activations=True,
        gradients=True,
    ),
    "snip-signed-iterative": MethodSpec(
        "ossum.pruning.snip",
        "snip_signed_iterative",
        "Iterative signed SNIP",
        1,
        reads_activations=True,
        gradients=True,
    ),
    "synflow": MethodSpec("ossum.pruning.synflow", "synflow", "SynFlow"),
    "grasp": MethodSpec("ossum.pruning.grasp", "grasp", "GraSP", gradients=True),
    "greedy-forward": MethodSpec(
        "ossum.pruning.greedy_forward",
        "greedy_forward",
        "Greedy forward selection",
        1,
        reads_activations=True,
    ),
    "perturb-regress": MethodSpec(
        "ossum.pruning.perturb_regress",
        "perturb_regress",
        "Perturb and regress",
        1,
        reads_activations=True,
    ),
    "eerf": MethodSpec("ossum.pruning.eerf", "eerf", "Energy-based features", 1),
    "ossum-norm": MethodSpec(
        "ossum.pruning.norm_then_score", "norm_then_score", "OSSuM + Norm", score="ossum"
    ),
    "linear-ossum-norm": MethodSpec(
        "ossum.pruning.norm_then_score",
        "norm_then_score",
        "Linear OSSuM + Norm",
        score="linear-ossum",
    ),
    "log-ossum-norm": MethodSpec(
        "ossum.pruning.norm_then_score", "norm_then_score", "Log OSSuM + Norm", score="log-ossum"
    ),
    "ossum-pab": MethodSpec(
        "ossum.pruning.prune_and_build", "prune_and_build", "OSSuM + PAB", score="ossum"
    ),
    "linear-ossum-pab": MethodSpec(
        "ossum.pruning.prune_and_build",
        "prune_and_build",
        "Linear OSSuM + PAB",
        score="linear-ossum",
    ),
    "log-ossum-pab": MethodSpec(
        "ossum.pruning.prune_and_build", "prune_and_build", "Log OSSuM + PAB", score="log-ossum"
    ),
    "ossum-pab-fresh": MethodSpec(
        "ossum.pruning.fresh_layers",
        "fresh_layers",
        "OSSuM + PAB (fresh layers)",
        score="ossum",
        builds=True,
    ),
    "second-order-ossum-norm": MethodSpec(
        "ossum.pruning.second_order",
        "second_order_norm",
        "Second-order OSSuM + Norm",
        holds_sample=True,
    ),
    "second-order-ossum-pab": MethodSpec(
        "ossum.pruning.second_order",
        "second_order",
        "Second-order OSSuM + PAB",
        holds_sample=True,
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

# Defined in `ossum.networks.network`; a test keeps the names in step.
ACTIVATIONS = ("tanh", "relu", "sigmoid")

# Also defined there; what to call the distributions in figures. r = 1/√fan_in.
DISTRIBUTIONS: dict[str, str] = {
    "uniform": "U(−r, r)",
    "normal": "N(0, r²)",
    "const": "±r",
    "uniform-spread-0.25": "U(−r/4, r/4)",
    "uniform-spread-0.5": "U(−r/2, r/2)",
    "uniform-spread-2": "U(−2r, 2r)",
    "uniform-spread-4": "U(−4r, 4r)",
    "uniform-mean-0.5": "U(−r/2, 3r/2)",
    "uniform-mean-1": "U(0, 2r)",
    "normal-variance": "N(0, r)",
    "uniform-biases": "U(−r, r), with biases",
}
# Networks with biases, which are pruned, but not trained.
WITH_BIASES = ("uniform-biases",)


# What is known of a subnetwork, by stage. The values say what a row of its table is about.
STAGES = {
    "pruned": "evaluation right after pruning",
    "trained": "evaluation after training a subnetwork of an initial network, rescaled before",
    "trained-unscaled": "the same without rescaling",
    "finetuned": "evaluation after fine-tuning a subnetwork of a trained network",
    "statistics": "the weights that are kept",
    "readout": "the kept neurons under a learned output layer",
    "search": "all combinations of widths instead of one sparsity",
    "cost": "seconds and passes that pruning takes",
}


@dataclass(frozen=True)
class FigureSpec:
    """Which networks a figure is about (initial or trained), at which stages, and what the report
    calls it. Its caption there is `rules/captions/<name>.rst`.

    curves: it shows learning curves, not evaluations.
    method: the one method that it shows, of one network; "" for figures that show any.
    """

    origin: str
    stages: tuple[str, ...]
    label: str
    topic: str
    category: str = "2 Figures of the paper"  # the report sorts by name: claims are first
    curves: bool = False
    method: str = ""

    @property
    def title(self) -> str:
        return f"{self.label}: {self.topic}"


# Drawn by the functions of these names in `ossum.figures`; a test keeps the names in step.
FIGURES: dict[str, FigureSpec] = {
    "fig1": FigureSpec(
        "initial", ("pruned",), "Figure 1", "two-layer networks pruned at initialisation"
    ),
    "fig2": FigureSpec(
        "trained",
        ("pruned", "finetuned"),
        "Figure 2",
        "trained two-layer networks, pruned, fine-tuned",
    ),
    "fig3": FigureSpec(
        "initial",
        ("pruned", "trained"),
        "Figure 3",
        "deep networks pruned at initialisation, trained",
    ),
    "fig4": FigureSpec(
        "trained", ("pruned", "finetuned"), "Figure 4", "trained deep networks, pruned, fine-tuned"
    ),
    "fig5": FigureSpec(
        "initial", ("pruned", "search"), "Figure 5", "ablations and architecture search"
    ),
    "fig6": FigureSpec("initial", ("trained",), "Figure 6", "learning curves", curves=True),
    "fig7": FigureSpec(
        "initial", ("pruned", "trained-unscaled"), "Figure 7", "training without rescaling"
    ),
    "fig8": FigureSpec(
        "initial", ("statistics",), "Figure 8", "the weights that are kept", method="ossum"
    ),
    "fig9": FigureSpec("initial", ("pruned", "trained"), "Figure 9", "all variants of OSSuM"),
    "beyond": FigureSpec(
        "initial",
        ("pruned", "readout", "trained"),
        "Beyond the paper",
        "controls that the paper does not have",
        "3 Beyond the paper",
    ),
    "second-order": FigureSpec(
        "initial",
        ("pruned", "readout"),
        "Second order",
        "neurons by the second-order expansion of the loss",
        "3 Beyond the paper",
    ),
}


def lookup(registry: Mapping[str, T], name: str, kind: str) -> T:
    """registry[name], or a ValueError that names the nearest known name."""
    if name in registry:
        return registry[name]
    near = get_close_matches(name, registry, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"unknown {kind} {name!r}{hint} (known: {', '.join(registry)})")
