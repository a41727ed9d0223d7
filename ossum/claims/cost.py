"""The claim about what pruning costs."""

from collections.abc import Iterator
from functools import partial

import pandas as pd

from ossum.claims.check import Check
from ossum.claims.samples import BOTH, TWO_LAYER, accuracies, per_seed
from ossum.claims.statistics import Samples
from ossum.config.registry import DATASETS


def passes_and_seconds(costs: pd.DataFrame) -> Iterator[Check]:
    """Passes over the training set, and seconds on the machine at hand."""

    def of(column: str, dataset: str) -> pd.DataFrame:
        keys = {"dataset": dataset, "architecture": TWO_LAYER}
        return accuracies(costs, "cost", ("ossum", "gradient"), value=column, **keys)

    def passes(dataset: str) -> Samples:
        return per_seed(of("passes", dataset)["ossum"])

    def more_passes(dataset: str) -> Samples:
        frame = of("passes", dataset)
        return per_seed(frame["gradient"] - frame["ossum"])

    def share_of_time(dataset: str) -> Samples:
        frame = of("seconds", dataset)
        return per_seed(100 * frame["ossum"] / frame["gradient"])

    for dataset in BOTH:
        label = DATASETS[dataset].label
        unit = "passes over the training data"
        what = f"{label}: passes of OSSuM"
        yield Check.near(what, partial(passes, dataset), "exact", 1, 0.001, unit)
        what = f"{label}: passes of the gradient mask − of OSSuM"
        reason = "more than one run through the data"
        yield Check.ahead(what, partial(more_passes, dataset), reason, unit=unit)
        what, unit = f"{label}: seconds of OSSuM", "% of the gradient mask's seconds"
        yield Check(what, partial(share_of_time, dataset), "faster", high=100, unit=unit)
