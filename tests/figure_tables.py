"""Made-up tables with the columns of real ones, in which accuracy falls with sparsity."""

from itertools import product

import numpy as np
import pandas as pd

from ossum.config.architectures import Architecture, count_weights
from ossum.config.registry import DATASETS
from ossum.storage import results

SPARSITIES = tuple(1 - 2.0**-k for k in range(8))  # 0, 0.5, ... 0.9921875
WIDE_SPARSITIES = tuple(1 - 2.0**-k for k in range(10))
TWO_LAYER = ("FC-1000", "FC-10000", "FC-100000")
DEEP = ("FC-1000-1000-1000",)
SEEDS = (0, 1, 2)
BOTH = ("mnist", "cifar10")
UNIFORM = (("tanh", "uniform"),)
# The methods of each figure in the paper.
METHODS = {
    "fig1": ("ossum", "linear-ossum", "log-ossum", "gradient", "random", "norm"),
    "fig2": ("ossum", "linear-ossum", "log-ossum", "coreset", "norm"),
    "fig3": ("random", "norm", "ossum-norm", "ossum-pab"),
    "fig4": ("coreset", "norm", "random", "ossum-norm", "ossum-pab"),
    "fig6": ("random", "norm", "ossum-norm", "ossum-pab"),
    "fig7": ("random", "norm", "ossum-norm", "ossum-pab"),
    "fig9": (
        "random",
        *(f"{s}ossum-{d}" for d in ("norm", "pab") for s in ("", "linear-", "log-")),
    ),
    "beyond": ("ossum", "linear-ossum", "log-ossum", "random", "best-random"),
    "second-order": (
        "ossum",
        "linear-ossum",
        "second-order-ossum",
        "greedy-cross-entropy",
        "gradient",
        "random",
    ),
}
VARIANTS = (
    *((activation, "uniform") for activation in ("tanh", "relu", "sigmoid")),
    *(("tanh", distribution) for distribution in ("const", "normal")),
    *(("tanh", f"uniform-spread-{spread}") for spread in ("0.25", "0.5", "2", "4")),
    *(("tanh", f"uniform-mean-{mean}") for mean in ("0.5", "1")),
)


def evaluations(
    stage,
    methods,
    datasets=("cifar10",),
    architectures=DEEP,
    sparsities=SPARSITIES,
    seeds=SEEDS,
    origin="initial",
    variants=UNIFORM,
) -> pd.DataFrame:
    """All subnetworks at a stage. variants: pairs of activation and distribution."""
    random = np.random.default_rng(0)
    levels = {"mnist": 0.8, "cifar10": 0.4, "digits": 0.9}
    # Training raises accuracy and makes it fall more slowly.
    untrained = {("pruned", "initial"): (0.6, 0.07), ("pruned", "trained"): (1.1, 0.1)}
    level, fall = untrained.get((stage, origin), (1.15, 0.03))
    rows = []
    for dataset, architecture, variant, method, sparsity, seed in product(
        datasets, architectures, variants, methods, sparsities, seeds
    ):
        data = DATASETS[dataset]
        widths = Architecture.parse(architecture).kept_widths(sparsity)
        rank = list(methods).index(method) + variants.index(variant)
        falls = 1 - fall * np.log2(1 / (1 - sparsity)) * (1 + 0.1 * rank)
        accuracy = max(levels[dataset] * level * falls, 0.1) + random.normal(0, 0.005)
        rows.append(
            {
                "grid": "made-up",
                "options": "",
                "dataset": dataset,
                "architecture": architecture,
                "activation": variant[0],
                "distribution": variant[1],
                "origin": origin,
                "method": method,
                "sparsity": sparsity,
                "seed": seed,
                "stage": stage,
                "widths": list(widths),
                "weight_sparsity": sparsity,
                "compression": 1 / (1 - sparsity),
                "macs": count_weights((data.input_size, *widths, data.n_classes)),
                "correct": round(accuracy * 10_000),
                "total": 10_000,
                "accuracy": accuracy,
                "loss": 2.4 - accuracy + random.normal(0, 0.005),
                "diverged": False,
                "seconds": 1.0,
            }
        )
    return pd.DataFrame(rows, columns=results.EVALUATIONS.names)


def stages(methods, origin, trained, **shape) -> pd.DataFrame:
    """Subnetworks that are pruned, and then trained."""
    both = [evaluations(s, methods, origin=origin, **shape) for s in ("pruned", trained)]
    return pd.concat(both, ignore_index=True)


def curves(methods, epochs, **shape) -> pd.DataFrame:
    """Learning curves that rise to what `evaluations` says of trained subnetworks."""
    last = evaluations("trained", methods, **shape)
    rise = [last["accuracy"] * (1 - 0.7 * np.exp(-(epoch**0.7))) for epoch in range(epochs + 1)]
    rows = [last.assign(epoch=epoch, accuracy=risen) for epoch, risen in enumerate(rise)]
    return pd.concat(rows, ignore_index=True)[results.CURVES.names]


def search(widths=range(100, 1000, 100), seeds=(0,)) -> pd.DataFrame:
    """A search over all triples of widths."""
    random = np.random.default_rng(0)
    triples = [list(triple) for triple in product(widths, repeat=3)]
    methods = ("ossum-norm", "ossum-pab")
    rows = evaluations("search", methods, ("mnist",), sparsities=(0,), seeds=seeds)
    rows = rows.assign(widths=[triples] * len(rows), sparsity=np.nan).explode(
        "widths", ignore_index=True
    )
    kept = np.array([(np.prod(triple) / 1e9) ** (2 / 3) for triple in rows["widths"]])
    ahead = 0.2 * (rows["method"] == "ossum-pab") * (1 - kept)
    accuracy = 0.35 + ahead + random.normal(0, 0.05, len(rows))
    return rows.assign(weight_sparsity=1 - kept, accuracy=accuracy)


def statistics(seeds=range(5), sparsities=WIDE_SPARSITIES, network=("mnist", "FC-10000")):
    """Weights kept by OSSuM, in both layers."""
    random = np.random.default_rng(0)
    r = 1 / 28
    shape = {"sparsities": sparsities, "seeds": seeds}
    rows = evaluations("statistics", ("ossum",), network[:1], network[1:], **shape)
    both = pd.concat([rows.assign(layer=layer) for layer in (1, 2)], ignore_index=True)
    n = len(both)
    return both.assign(
        count=7840,
        max=both["layer"] * r * random.uniform(0.999, 1, n),
        min=-both["layer"] * r * random.uniform(0.999, 1, n),
        mean=random.normal(0, 1e-5, n),
        variance=r**2 / 3 * random.normal(1, 0.005, n),
        positive=(3920 * random.normal(1, 0.01, n)).astype(int),
        negative=3920,
    )[results.STATISTICS.names]


def full(name: str) -> pd.DataFrame:
    """The table of a figure as in the paper."""
    methods = METHODS.get(name)
    if name == "fig1":
        narrow = evaluations("pruned", methods, BOTH, TWO_LAYER[:1])
        wide = evaluations("pruned", methods, BOTH, TWO_LAYER[1:], WIDE_SPARSITIES)
        return pd.concat([narrow, wide], ignore_index=True)
    if name == "fig2":
        shape = {"datasets": BOTH, "architectures": TWO_LAYER, "sparsities": WIDE_SPARSITIES}
        return stages(methods, "trained", "finetuned", **shape)
    if name == "fig4":
        return stages(methods, "trained", "finetuned")
    if name == "fig5":
        shape = {"sparsities": WIDE_SPARSITIES, "variants": VARIANTS}
        lines = evaluations("pruned", ("ossum",), ("mnist",), ("FC-10000",), **shape)
        return pd.concat([lines, search()], ignore_index=True)
    if name == "fig6":
        mnist = curves(methods, 20, datasets=("mnist",), sparsities=(1 - 1 / 128,))
        cifar10 = curves(methods, 50, datasets=("cifar10",), sparsities=(1 - 1 / 64,))
        return pd.concat([mnist, cifar10], ignore_index=True)
    if name == "fig7":
        return stages(methods, "initial", "trained-unscaled", datasets=BOTH)
    if name == "fig8":
        return statistics()
    if name == "beyond":
        small = ("FC-500-500-500", "FC-125-125-125", "FC-8-8-8")
        tables = [
            evaluations("pruned", methods, BOTH, TWO_LAYER[:1]),
            evaluations("readout", ["random"], BOTH, TWO_LAYER[:1], [0.0]),
            evaluations("trained", METHODS["fig3"]),
            evaluations("trained", ["random"], architectures=small, sparsities=[0.0]),
        ]
        return pd.concat(tables, ignore_index=True)
    if name == "second-order":
        tables = [
            evaluations("pruned", methods, BOTH, TWO_LAYER[:2]),
            evaluations("readout", ["random"], BOTH, TWO_LAYER[:1], [0.0]),
        ]
        return pd.concat(tables, ignore_index=True)
    return stages(methods, "initial", "trained")


def partial(name: str) -> pd.DataFrame:
    """A small table with one seed, as a first try makes it."""
    methods = METHODS.get(name, ())[:3]
    few = {"datasets": ("digits",), "sparsities": (0.0, 0.5, 0.96875), "seeds": (4,)}
    narrow, deep = few | {"architectures": ("FC-64",)}, few | {"architectures": ("FC-32-32-32",)}
    return {
        "fig1": lambda: evaluations("pruned", methods, **narrow),
        "fig2": lambda: stages(methods, "trained", "finetuned", **narrow),
        "fig3": lambda: stages(methods, "initial", "trained", **deep),
        "fig4": lambda: stages(methods, "trained", "finetuned", **deep),
        "fig5": lambda: evaluations("pruned", ("ossum",), **narrow, variants=VARIANTS[:2]),
        "fig6": lambda: curves(methods, 2, **deep | {"sparsities": (0.5,)}),
        "fig7": lambda: stages(methods, "initial", "trained-unscaled", **deep),
        "fig8": lambda: statistics((4,), (0.0, 0.5), ("digits", "FC-64")),
        "fig9": lambda: stages(METHODS["fig9"][:2], "initial", "trained", **deep),
        "beyond": lambda: evaluations("pruned", methods, **narrow),
        "second-order": lambda: evaluations("pruned", methods, **narrow),
    }[name]()
