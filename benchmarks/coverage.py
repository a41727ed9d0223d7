"""How often 95 % intervals hold the true value: every estimator of the claims on simulated seeds.

Networks of one seed share half of their variance. Methods are level, or two standard deviations
apart, as OSSuM's variants are on two-layer networks.
"""

import numpy as np
import pandas as pd

from ossum.claims.samples import at_best, best, contrast, per_seed
from ossum.claims.statistics import Samples, estimate

REPEATS = 1000
OURS = ["a", "b", "c"]
SPARSITIES = [0.5, 0.75, 0.875]
NAMES = ["dataset", "architecture", "sparsity", "seed"]


def simulated(random: np.random.Generator, means: dict[str, float], n_seeds: int) -> pd.DataFrame:
    """Accuracies of all methods on two networks of two data sets, with unit variance."""
    keys = [["mnist", "cifar10"], ["FC-1000", "FC-10000"], SPARSITIES, range(n_seeds)]
    index = pd.MultiIndex.from_product(keys, names=NAMES)
    shape = (len(index) // n_seeds, n_seeds, len(means))
    shared, own = random.normal(0, 0.5**0.5, (1, n_seeds, 1)), random.normal(0, 0.5**0.5, shape)
    values = (shared + own + np.array(list(means.values()))).reshape(len(index), -1)
    return pd.DataFrame(values, index, columns=pd.Index(list(means), name="method"))


def of(frame: pd.DataFrame, dataset: str) -> pd.DataFrame:
    return frame.xs(dataset, level="dataset", drop_level=False)


def ahead(frame: pd.DataFrame) -> Samples:
    return per_seed(frame[OURS].mean(axis=1) - frame["x"])


# Of each estimator: what computes it, and its true value from the means.
ESTIMATORS = {
    "mean": (lambda f: per_seed(f["a"]), lambda m: m["a"]),
    "mean of several − one": (ahead, lambda m: np.mean([m[k] for k in OURS]) - m["x"]),
    "that, of two data sets": (
        lambda f: contrast(ahead(of(f, "mnist")), ahead(of(f, "cifar10"))),
        lambda m: 0.0,
    ),
    "best of several − one": (
        lambda f: best(f[OURS].sub(f["x"], axis=0)),
        lambda m: max(m[k] for k in OURS) - m["x"],
    ),
    "best method, network and sparsity": (
        lambda f: at_best(of(f, "mnist")[OURS]),
        lambda m: max(m[k] for k in OURS),
    ),
}


def covers(samples: Samples, truth: float) -> bool:
    low, high = estimate(samples).interval
    return bool(low <= truth <= high)


def main() -> None:
    random = np.random.default_rng(0)
    level = dict.fromkeys([*OURS, "x"], 0.0)
    apart = {"a": 0.0, "b": 2.0, "c": 4.0, "x": 0.0}
    print("| estimator | seeds | level | apart |", "|---|---|---|---|", sep="\n")
    for n_seeds in (3, 5, 10):
        hits = {name: [0, 0] for name in ESTIMATORS}
        for case, means in enumerate((level, apart)):
            for _ in range(REPEATS):
                frame = simulated(random, means, n_seeds)
                for name, (measure, truth) in ESTIMATORS.items():
                    hits[name][case] += covers(measure(frame), truth(means))
        for name, counts in hits.items():
            shares = " | ".join(f"{100 * count / REPEATS:.1f} %" for count in counts)
            print(f"| {name} | {n_seeds} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
