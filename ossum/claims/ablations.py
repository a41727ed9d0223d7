"""Claims about what the accuracy at initialisation depends on (Figures 5 and 8)."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd

from ossum.claims.check import Check, NotRunError
from ossum.claims.samples import DEEP, HIGH, PRUNED, Region, accuracies, per_seed
from ossum.claims.statistics import Samples

# (what, better, worse): the mean of the one minus the mean of the other.
Pairs = Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]]


def _orderings(
    fig5: pd.DataFrame,
    by: str,
    pairs: Pairs,
    region: Region,
    reason: str = "better",
    points: float = 0,
) -> Iterator[Check]:
    def ahead(better: tuple[str, ...], worse: tuple[str, ...]) -> Samples:
        keys = {"method": "ossum", "dataset": "mnist", "architecture": "FC-10000"}
        frame = region.of(accuracies(fig5, "pruned", (*better, *worse), by=by, **keys))
        return per_seed(frame[list(better)].mean(axis=1) - frame[list(worse)].mean(axis=1))

    for what, better, worse in pairs:
        yield Check.ahead(f"{what}, {region}", partial(ahead, better, worse), reason, points)


def activations(fig5: pd.DataFrame) -> Iterator[Check]:
    pairs = [("tanh − ReLU", ("tanh",), ("relu",)), ("ReLU − sigmoid", ("relu",), ("sigmoid",))]
    yield from _orderings(fig5, "activation", pairs, PRUNED)
    yield from _orderings(fig5, "activation", pairs[:1], HIGH, "wide: five points", 5)


def distributions(fig5: pd.DataFrame) -> Iterator[Check]:
    pairs = [
        ("const − normal", ("const",), ("normal",)),
        ("uniform − normal", ("uniform",), ("normal",)),
        ("const − uniform", ("const",), ("uniform",)),
    ]
    yield from _orderings(fig5, "distribution", pairs, PRUNED)


def spread(fig5: pd.DataFrame) -> Iterator[Check]:
    wide = ("uniform-spread-2", "uniform-spread-4")
    narrow = ("uniform-spread-0.25", "uniform-spread-0.5")
    shifted = ("uniform-mean-0.5", "uniform-mean-1")
    pairs = [
        ("mean of 2 and 4 times as wide − uniform", wide, ("uniform",)),
        ("uniform − mean of a half and a quarter as wide", ("uniform",), narrow),
        ("zero mean − mean of the other means", ("uniform",), shifted),
    ]
    yield from _orderings(fig5, "distribution", pairs, PRUNED)


def search(fig5: pd.DataFrame) -> Iterator[Check]:
    """All subnetworks of a network have its weights in common, so a network is one value."""

    methods = ["ossum-norm", "ossum-pab"]

    def rows(lowest: float = 0, highest: float = 1) -> pd.DataFrame:
        """Those with such fractions of their weights pruned."""
        found = fig5.query(
            "stage == 'search' and dataset == 'mnist' and architecture == @DEEP and "
            "activation == 'tanh' and distribution == 'uniform' and origin == 'initial' and "
            "method in @methods and @lowest <= weight_sparsity <= @highest"
        )
        if set(found["method"]) != set(methods):
            raise NotRunError(f"needs the architecture search of {DEEP} on MNIST")
        return found.assign(widths=["-".join(map(str, widths)) for widths in found["widths"]])

    def samples(by_seed: pd.Series, what: str) -> Samples:
        return Samples(100 * by_seed, f"MNIST {DEEP}; {what}; {len(by_seed)} networks")

    def above_half() -> Samples:
        sparse = rows(lowest=0.8)
        shares = (sparse["accuracy"] > 0.5).groupby(sparse["seed"]).mean()
        return samples(2 * shares - 1, f"{len(sparse) // len(shares)} subnetworks of each")

    def pab_ahead() -> Samples:
        pairs = rows().pivot(index=["seed", "widths"], columns="method", values="accuracy")
        ahead = (pairs["ossum-pab"] - pairs["ossum-norm"]).dropna()
        if ahead.empty:
            raise NotRunError("no architecture was searched by both methods on one network")
        by_seed = ahead.groupby("seed").mean()
        return samples(by_seed, f"{len(ahead) // len(by_seed)} architectures of each")

    def highest() -> Samples:
        near = rows(0.72, 0.92)
        return samples(near.groupby("seed")["accuracy"].max(), "the best subnetwork of each")

    what = "of networks with 80 % of the weights pruned or more: share above 50 % − share below"
    yield Check.ahead(what, above_half, "most")
    yield Check.ahead("PAB − Norm, same widths", pab_ahead, "better")
    yield Check.near(
        "best network with 72 % to 92 % of weights pruned",
        highest,
        "the paper has one network; one varies by about 4 points (Figure 7)",
        expected=66,
        within=6,
    )


def kept_weights(fig8: pd.DataFrame) -> Iterator[Check]:
    """Of each seed, the largest deviation at any sparsity from the network that is pruned."""

    def deviation(quantity: str) -> Samples:
        rows = fig8.query(
            "dataset == 'mnist' and architecture == 'FC-10000' and activation == 'tanh' and "
            "layer == 1 and distribution == 'uniform' and origin == 'initial' and method == 'ossum'"
        )
        if 0 not in set(rows["sparsity"]) or rows["sparsity"].nunique() < 5:
            raise NotRunError("needs sparsity 0 and four others of FC-10000 on MNIST")
        rows = rows.assign(sd=np.sqrt(rows["variance"]), ratio=rows["positive"] / rows["negative"])
        by_seed = rows.pivot(index="sparsity", columns="seed", values=[quantity, "sd"]).dropna(
            axis=1
        )
        values, unit = by_seed[quantity], by_seed[quantity].loc[0]
        if quantity == "mean":
            unit = by_seed["sd"].loc[0]  # a mean of zero is no unit
        worst = (100 * (values - values.loc[0]) / unit).abs().max()
        return Samples(worst, f"{len(values)} sparsities; {len(worst)} seeds")

    for what, quantity, percent in (
        ("largest weight", "max", 5),
        ("smallest weight", "min", 5),
        ("mean, by standard deviations", "mean", 5),
        ("variance", "variance", 10),
        ("positive to negative weights", "ratio", 10),
    ):
        yield Check(
            what,
            partial(deviation, quantity),
            f"about the same: within {percent} %",
            high=percent,
            unit="largest change (%)",
        )
