"""Made-up tables with the columns of real ones; accuracy falls with sparsity."""

from itertools import product

import numpy as np
import pandas as pd

from ossum.architectures import count_weights
from ossum.registry import DATASETS

SPARSITIES = tuple(1 - 2.0**-k for k in range(8))  # 0, 0.5, ... 0.9921875
WIDE_SPARSITIES = tuple(1 - 2.0**-k for k in range(10))
TWO_LAYER = ("FC-1000", "FC-10000", "FC-100000")
DEEP = ("FC-1000-1000-1000",)
SEEDS = (0, 1, 2)
UNIFORM = (("tanh", "uniform"),)
# Of each figure in the paper: its full table.
METHODS = {
    "fig1": ("ossum", "linear-ossum", "log-ossum", "gradient", "random", "norm"),
    "fig2": ("ossum", "linear-ossum", "log-ossum", "coreset", "norm"),
    "fig3": ("random", "norm", "ossum-norm", "ossum-pab"),
    "fig4": ("coreset", "norm", "random", "ossum-norm", "ossum-pab"),
    "fig6": ("random", "norm", "ossum-norm", "ossum-pab"),
    "fig7": ("random", "norm", "ossum-norm", "ossum-pab"),
    "beyond": ("ossum", "linear-ossum", "log-ossum", "random", "best-random"),
    "fig9": tuple(f"{s}ossum-{d}" for d in ("norm", "pab") for s in ("", "linear-", "log-")),
}
UNIFORMS = (
    "uniform",
    *(f"uniform-spread-{spread}" for spread in ("0.25", "0.5", "2", "4")),
    *(f"uniform-mean-{mean}" for mean in ("0.5", "1")),
)
VARIANTS = (
    *((activation, "uniform") for activation in ("tanh", "relu", "sigmoid")),
    *(("tanh", init) for init in ("const", "normal", *UNIFORMS[1:])),
)


def cells(
    stage,
    methods,
    datasets=("cifar10",),
    architectures=DEEP,
    sparsities=SPARSITIES,
    seeds=SEEDS,
    origin="init",
    variants=UNIFORM,
    epochs=None,
) -> pd.DataFrame:
    """A stage: one row a cell (`pruned`), or one for each of `epochs`."""
    random = np.random.default_rng(0)
    rows = []
    levels = {"mnist": 0.8, "cifar10": 0.4, "digits": 0.9}
    # Training raises accuracy and makes it fall more slowly.
    level, fall = {("pruned", "init"): (0.6, 0.07), ("pruned", "trained"): (1.1, 0.1)}.get(
        (stage, origin), (1.15, 0.03)
    )
    for dataset, architecture, (activation, init), method, sparsity, seed in product(
        datasets, architectures, variants, methods, sparsities, seeds
    ):
        data = DATASETS[dataset]
        rank = list(methods).index(method) + variants.index((activation, init))
        widths = [max(1, round(int(h) * (1 - sparsity))) for h in architecture.split("-")[1:]]
        falls = 1 - fall * np.log2(1 / (1 - sparsity)) * (1 + 0.1 * rank)
        best = max(levels[dataset] * level * falls, 0.1)
        for epoch in range((epochs or 0) + 1):
            accuracy = best * (1 - 0.7 * np.exp(-(epoch**0.7))) if epochs else best
            rows.append(
                {
                    "dataset": dataset,
                    "architecture": architecture,
                    "activation": activation,
                    "init": init,
                    "origin": origin,
                    "method": method,
                    "sparsity": sparsity,
                    "seed": seed,
                    "stage": stage,
                    "epoch": epoch,
                    "widths": widths,
                    "weight_sparsity": sparsity,
                    "madds": count_weights((data.input_size, *widths, data.n_classes)),
                    "accuracy": accuracy + random.normal(0, 0.005),
                    "loss": 2.4 - accuracy + random.normal(0, 0.005),
                    "diverged": False,
                }
            )
    return pd.DataFrame(rows)


def stages(methods, origin, trained, epochs=3, **shape) -> pd.DataFrame:
    """Pruned, and then trained."""
    pruned = cells("pruned", methods, origin=origin, **shape)
    return pd.concat(
        [pruned, cells(trained, methods, origin=origin, epochs=epochs, **shape)], ignore_index=True
    )


def search(widths=range(100, 1000, 100), seeds=(0,), dataset="mnist", full="1000") -> pd.DataFrame:
    """An architecture search over all triples of widths."""
    random = np.random.default_rng(0)
    rows = []
    for method, seed, triple in product(
        ("ossum-norm", "ossum-pab"), seeds, product(widths, repeat=3)
    ):
        kept = np.prod(np.array(triple) / int(full)) ** (2 / 3)
        rows.append(
            {
                "dataset": dataset,
                "architecture": "-".join(["FC", *[full] * 3]),
                "activation": "tanh",
                "init": "uniform",
                "origin": "init",
                "method": method,
                "sparsity": None,
                "seed": seed,
                "stage": "search",
                "epoch": 0,
                "widths": list(triple),
                "weight_sparsity": 1 - kept,
                "accuracy": 0.35
                + 0.2 * (method == "ossum-pab") * (1 - kept)
                + random.normal(0, 0.05),
                "diverged": False,
            }
        )
    return pd.DataFrame(rows)


def statistics(seeds=range(5), sparsities=WIDE_SPARSITIES, network=("mnist", "FC-10000")):
    """Weights kept by OSSuM, in both layers."""
    random = np.random.default_rng(0)
    r = 1 / 28
    return pd.DataFrame(
        {
            "dataset": network[0],
            "architecture": network[1],
            "activation": "tanh",
            "init": "uniform",
            "origin": "init",
            "method": "ossum",
            "sparsity": sparsity,
            "seed": seed,
            "stage": "statistics",
            "layer": layer,
            "count": 7840,
            "max": layer * r * random.uniform(0.999, 1),
            "min": -layer * r * random.uniform(0.999, 1),
            "mean": random.normal(0, 1e-5),
            "variance": r**2 / 3 * random.normal(1, 0.005),
            "positive": int(3920 * random.normal(1, 0.01)),
            "negative": 3920,
        }
        for sparsity in sparsities
        for seed in seeds
        for layer in (1, 2)
    )


def full(name: str) -> pd.DataFrame:
    """The table of a figure as in the paper."""
    methods = METHODS.get(name)
    both = {"datasets": ("mnist", "cifar10")}
    if name == "fig1":
        narrow = cells("pruned", methods, **both, architectures=TWO_LAYER[:1])
        shape = both | {"architectures": TWO_LAYER[1:], "sparsities": WIDE_SPARSITIES}
        return pd.concat([narrow, cells("pruned", methods, **shape)], ignore_index=True)
    if name == "fig2":
        shape = both | {"architectures": TWO_LAYER, "sparsities": WIDE_SPARSITIES}
        return stages(methods, "trained", "finetuned", **shape)
    if name == "fig4":
        return stages(methods, "trained", "finetuned")
    if name == "fig5":
        shape = {"datasets": ("mnist",), "architectures": ("FC-10000",), "variants": VARIANTS}
        lines = cells("pruned", ("ossum",), sparsities=WIDE_SPARSITIES, **shape)
        return pd.concat([lines, search()], ignore_index=True)
    if name == "fig6":
        mnist, cifar = (
            cells("trained", methods, (dataset,), sparsities=(sparsity,), epochs=epochs)
            for dataset, sparsity, epochs in (
                ("mnist", 1 - 1 / 128, 20),
                ("cifar10", 1 - 1 / 64, 50),
            )
        )
        return pd.concat([mnist, cifar], ignore_index=True)
    if name == "fig7":
        return stages(methods, "init", "trained-unscaled", **both)
    if name == "fig8":
        return statistics()
    if name == "beyond":
        narrow = both | {"architectures": TWO_LAYER[:1]}
        small = ("FC-500-500-500", "FC-125-125-125", "FC-8-8-8")
        tables = [
            cells("pruned", methods, **narrow),
            cells("readout", ["random"], **narrow, sparsities=[0.0]),
            cells("trained", METHODS["fig3"], epochs=3),
            cells("trained", ["random"], architectures=small, sparsities=[0.0], epochs=3),
        ]
        return pd.concat(tables, ignore_index=True)
    return stages(methods, "init", "trained")


def partial(name: str) -> pd.DataFrame:
    """A small table with one seed, as a first try makes it."""
    methods = METHODS.get(name, ())[:3]
    few = {"datasets": ("digits",), "sparsities": (0.0, 0.5, 0.96875), "seeds": (4,)}
    narrow, deep = few | {"architectures": ("FC-64",)}, few | {"architectures": ("FC-32-32-32",)}
    return {
        "fig1": lambda: cells("pruned", methods, **narrow),
        "fig2": lambda: stages(methods, "trained", "finetuned", **narrow),
        "fig3": lambda: stages(methods, "init", "trained", **deep),
        "fig4": lambda: stages(methods, "trained", "finetuned", **deep),
        "fig5": lambda: cells("pruned", ("ossum",), **narrow, variants=VARIANTS[:2]),
        "fig6": lambda: cells("trained", methods, epochs=2, **deep | {"sparsities": (0.5,)}),
        "fig7": lambda: stages(methods, "init", "trained-unscaled", **deep),
        "fig8": lambda: statistics((4,), (0.0, 0.5), ("digits", "FC-64")),
        "fig9": lambda: stages(METHODS["fig9"][:2], "init", "trained", **deep),
        "beyond": lambda: cells("pruned", methods, **narrow),
    }[name]()
