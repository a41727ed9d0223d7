"""Questions that the paper does not ask (see docs/how-we-read-the-paper.md)."""

from collections.abc import Iterator
from functools import partial

import pandas as pd

from ossum.claims.check import Check
from ossum.claims.deep import OURS
from ossum.claims.samples import (
    BOTH,
    DEEP,
    MODERATE,
    PRUNED,
    accuracies,
    at_best,
    best,
    per_seed,
)
from ossum.claims.statistics import Samples
from ossum.claims.two_layer import VARIANTS
from ossum.config.architectures import Architecture
from ossum.config.registry import DATASETS

_of = partial(accuracies, architecture="FC-1000")


def more_than_luck(beyond: pd.DataFrame) -> Iterator[Check]:
    def ahead(dataset: str) -> Samples:
        frame = PRUNED.of(_of(beyond, "pruned", (*VARIANTS, "best-random"), dataset=dataset))
        return best(frame[list(VARIANTS)].sub(frame["best-random"], axis=0))

    for dataset in BOTH:
        what = f"{DATASETS[dataset].label}: best variant − best of 100 random subsets, {PRUNED}"
        yield Check.ahead(what, partial(ahead, dataset), "more than luck")


def below_the_ceiling(beyond: pd.DataFrame) -> Iterator[Check]:
    def ahead(dataset: str) -> Samples:
        ceiling = _of(beyond, "readout", ("random",), dataset=dataset, sparsity=[0])["random"]
        reached = _of(beyond, "pruned", VARIANTS, dataset=dataset)
        return at_best(_minus_unpruned(reached, ceiling))

    for dataset in BOTH:
        what = f"{DATASETS[dataset].label}: best variant and sparsity − readout of all neurons"
        yield Check(what, partial(ahead, dataset), "room is left", high=0, difference=True)


def more_than_size(beyond: pd.DataFrame) -> Iterator[Check]:
    """Networks that were drawn small have other weights than those of their seed that were pruned,
    so the pairs are arbitrary here."""

    def ahead() -> Samples:
        frame = accuracies(_with_small(beyond), "trained", (*OURS, "small"), architecture=DEEP)
        frame = PRUNED.of(frame)
        return per_seed(frame[list(OURS)].mean(axis=1) - frame["small"])

    what = (
        "CIFAR-10: mean of PAB and OSSuM + Norm, trained − dense networks drawn as small, trained"
    )
    yield Check.ahead(what, ahead, "which neurons are kept matters")


def surer_than_before(beyond: pd.DataFrame) -> Iterator[Check]:
    def fallen(dataset: str) -> Samples:
        frame = _of(beyond, "pruned", VARIANTS, value="loss", dataset=dataset)
        unpruned = frame[frame.index.get_level_values("sparsity") == 0]["ossum"]
        return best(-_minus_unpruned(MODERATE.of(frame), unpruned))

    for dataset in BOTH:
        what = f"{DATASETS[dataset].label}: cross-entropy of all neurons − of the best variant"
        reason = "it falls as accuracy rises"
        yield Check.ahead(what, partial(fallen, dataset), reason, unit="nats")


def _minus_unpruned(frame: pd.DataFrame, unpruned: pd.Series) -> pd.DataFrame:
    """Each column, minus what the whole network of the same seed has."""
    same = unpruned.droplevel("sparsity").reindex(frame.index.droplevel("sparsity"))
    return frame.sub(same.set_axis(frame.index), axis=0).dropna()


def _with_small(beyond: pd.DataFrame) -> pd.DataFrame:
    """The table with networks that were drawn small as one more method, "small", each at the
    sparsity that leaves its widths of the deep network."""
    trained = beyond[(beyond["dataset"] == "cifar10") & (beyond["stage"] == "trained")]
    widths = Architecture.parse(DEEP).kept_widths
    sparsity_of = {
        str(Architecture(widths(sparsity))): sparsity
        for sparsity in trained.loc[trained["architecture"] == DEEP, "sparsity"].unique()
        if sparsity
    }
    small = trained[trained["architecture"].isin(sparsity_of)]
    small = small.assign(
        architecture=DEEP, method="small", sparsity=small["architecture"].map(sparsity_of)
    )
    return pd.concat([trained, small])
