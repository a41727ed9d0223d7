"""Every number of our results in the README and in docs/results.md is that of results/reference.

`SENTENCES` has a template for each passage with such numbers, and what they are, by plain pandas or
from the checks of a claim. What is left of the pages has no numbers but those of `NAMES`.
"""
# ruff: noqa: E501

import re
from itertools import product
from math import copysign

import pandas as pd
import pytest
import yaml
from helpers import ROOT

from ossum.claims import CLAIMS
from ossum.claims.check import Finding, judge
from ossum.claims.readings import Reading
from ossum.claims.statistics import Estimate
from ossum.config.schema import parse_config
from ossum.figures.style import compression
from ossum.storage import results

TABLES = {path.stem: results.read(path) for path in (ROOT / "results/reference").glob("*.parquet")}
FINDINGS = {claim: judge(CLAIMS[claim], TABLES) for claim in CLAIMS}
_NAMED = yaml.safe_load((ROOT / "config/readings.yaml").read_text(encoding="utf-8"))["readings"]


def _without_views(name: str) -> dict:
    return {key: value for key, value in _NAMED[name].items() if key != "views"}


# Of each reading that was run, the findings by claim.
READINGS = {
    name: {
        finding.claim.id: finding
        for finding in Reading(name, **_without_views(name)).judge(TABLES[name])
    }
    for name in _NAMED
    if name in TABLES
}
OSSUM = ("ossum", "linear-ossum", "log-ossum")
DEEP, MNIST, CIFAR = "FC-1000-1000-1000", "mnist", "cifar10"


def page(name: str) -> str:
    """Its text, each paragraph on one line."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.sub(r"(?<!\n)\n(?![\n|#])", " ", text)


README = page("README.md").partition("## What holds")[2].partition("## What to expect")[0]
RESULTS = page("docs/results.md")


def rows(figure: str, times: float | None = None, **keys) -> pd.DataFrame:
    """Of a table, the rows at a compression of the hidden layers and with these keys. Rows with
    options of their own count if they are asked for."""
    table = TABLES[figure]
    if "options" in table and "options" not in keys:
        table = table[table["options"] == ""]
    if times is not None:
        table = table[(compression(table["sparsity"]) - times).abs() < 1e-9]
    for key, value in keys.items():
        table = table[table[key] == value]
    assert len(table), (figure, times, keys)
    return table


def percent(figure: str, times: float | None = None, **keys) -> float:
    """The mean test accuracy over seeds."""
    return 100 * rows(figure, times, **keys)["accuracy"].mean()


def best(dataset: str, architecture: str, method: str, figure: str = "fig1") -> list[float]:
    """Mean and standard deviation, right after pruning, at the best sparsity."""
    keys = {"dataset": dataset, "architecture": architecture, "method": method}
    table = rows(figure, stage="pruned", **keys)
    by = 100 * table.groupby("sparsity")["accuracy"].agg(["mean", "std"])
    return by.loc[by["mean"].idxmax()].tolist()


def unpruned(dataset: str, architecture: str) -> list[float]:
    one = rows("fig1", 1, dataset=dataset, architecture=architecture, method="ossum")
    return (100 * one["accuracy"]).agg(["mean", "std"]).tolist()


def of(claim: str, *words: str) -> Estimate:
    """The estimate of the one check of a claim that has these words."""
    found = [o for o in FINDINGS[claim].outcomes if all(word in o.check.what for word in words)]
    (outcome,) = found
    return outcome.estimate


def ahead(claim: str, *words: str) -> float:
    return of(claim, *words).value


def interval(claim: str, *words: str) -> list[float]:
    estimate = of(claim, *words)
    return [estimate.value, *estimate.interval]


def estimates(claim: str, *words: str) -> list[float]:
    checks = FINDINGS[claim].outcomes
    return [o.estimate.value for o in checks if all(word in o.check.what for word in words)]


def row_of(finding: Finding, *words: str) -> list[float]:
    """Value and interval of each check of a finding that has one of the words, in their order."""
    found = [o.estimate for o in finding.outcomes if not words or o.check.what.startswith(words)]
    return [n for estimate in found for n in (estimate.value, *estimate.interval)]


def best_of_search() -> float:
    """Percent, the best mean over seeds of any widths by any method."""
    found = rows("fig5", stage="search")
    found = found.assign(widths=found["widths"].map(tuple))
    return 100 * found.groupby(["method", "widths"])["accuracy"].mean().max()


def epoch(dataset: str, number: int, method: str) -> float:
    return percent("fig6", dataset=dataset, epoch=number, method=method)


def whole(figure: str, stage: str) -> pd.Series:
    """Percent, by seed, of unpruned trained networks on CIFAR-10."""
    one = rows(figure, 1, dataset=CIFAR, stage=stage, method="random").set_index("seed")
    return 100 * one["accuracy"]


def apart() -> list[float]:
    scaled, unscaled = whole("fig3", "trained"), whole("fig7", "trained-unscaled")
    return [*(scaled - unscaled).abs(), scaled.mean(), unscaled.mean()]


def trained(times: float, *methods: str) -> list[float]:
    """The lowest and the highest mean in Figure 3."""
    means = [percent("fig3", times, stage="trained", method=m) for m in methods]
    return [min(means), max(means)]


def share(dataset: str) -> float:
    return ahead("cost", LABELS[dataset], "seconds")


FIG4 = {"figure": "fig4", "dataset": CIFAR}
ALL4 = ("random", "norm", "ossum-norm", "ossum-pab")
NETWORKS = [(d, a) for d in (MNIST, CIFAR) for a in ("FC-1000", "FC-10000", "FC-100000")]
LABELS = {MNIST: "MNIST", CIFAR: "CIFAR-10"}
CONTROLS = "Random", "− Norm"
BEST = "MNIST: best", "CIFAR-10: best"


def fig2(times: float, stage: str = "pruned", dataset: str = MNIST, **keys) -> float:
    return percent("fig2", times, stage=stage, dataset=dataset, **keys)


def of_width(finding_of: str, *architectures: str) -> Finding:
    """A claim about Figure 1, judged by some of its networks alone."""
    return judge(
        CLAIMS[finding_of], {"fig1": TABLES["fig1"].query("architecture in @architectures")}
    )


def reading_of_width(name: str, architecture: str) -> Finding:
    """The one claim of a reading, judged by one of its networks alone."""
    table = TABLES[name].query("architecture == @architecture")
    return Reading(name, **_without_views(name)).judge(table)[0]


# The masks of the readings, as the page names them.
MASKS = {
    "momentum, as in the figures": FINDINGS["gradient-mask"],
    "the same, FC-1000 alone": of_width("gradient-mask", "FC-1000"),
    "no momentum, FC-1000": reading_of_width("mask-plain-sgd", "FC-1000"),
    "no momentum, FC-10000": reading_of_width("mask-plain-sgd", "FC-10000"),
    **{
        words: READINGS[name]["gradient-mask"]
        for name, words in {
            "mask-plain-sgd": "no momentum, FC-1000 and FC-10000",
            "mask-plain-sgd-uniform": "no momentum, U(0, 1) to begin with, the same two",
            "mask-uniform": "momentum, U(0, 1) to begin with, FC-1000",
            "mask-batch-64": "momentum, 64 examples a batch, FC-1000",
            "mask-batch-256": "momentum, 256 examples a batch, FC-1000",
            "mask-sigmoid": "momentum, a sigmoid, FC-1000",
            "biases": "momentum, networks with biases, FC-1000 and FC-10000",
        }.items()
    },
}
LAYERS = {
    "of the network, as in the figures": FINDINGS["deep"],
    "drawn anew, 1,000 neurons": READINGS["pab-fresh-1000"]["deep"],
    "drawn anew, 2,000 neurons": READINGS["pab-fresh-2000"]["deep"],
    "of the network, with biases": READINGS["biases-deep"]["deep"],
}
_ONE = "{:.1f} [{:.1f}, {:.1f}]"

SENTENCES = [
    # The README's table
    (README, "**reproduced**: {:.1f} %, {:.1f} %", [ahead("headline", b) for b in BEST]),
    (
        README,
        "**reproduced**: {:.1f} ± {:.1f} %, {:.1f} ± {:.1f} %",
        [
            n
            for d in LABELS.values()
            for n in (ahead("chance", d), interval("chance", d)[2] - ahead("chance", d))
        ],
    ),
    (
        README,
        f"**{FINDINGS['gradient-mask'].verdict}**: a mask trained with momentum is {{:.0f}} to {{:.0f}} points ahead; "
        f"**{READINGS['mask-plain-sgd']['gradient-mask'].verdict}** [without momentum]",
        [-max(estimates("gradient-mask")), -min(estimates("gradient-mask"))],
    ),
    (
        README,
        "on MNIST OSSuM is {:.0f} points behind with FC-1000 and {:.0f} ahead with FC-10000",
        [
            -row_of(MASKS["no momentum, FC-1000"], "MNIST")[0],
            row_of(MASKS["no momentum, FC-10000"], "MNIST")[0],
        ],
    ),
    (
        README,
        "on MNIST, +{:.0f} and +{:.0f} points at high sparsity",
        [ahead("trained-two-layer", "MNIST: ", o) for o in ("Coreset", "Norm")],
    ),
    (
        README,
        "**mixed**: {:.0f} % and {:.0f} %, [{:.0f} %](docs/results.md#other-readings) with larger layers;",
        [
            *(ahead("deep", d, "best sparsity") for d in ("MNIST", "CIFAR-10")),
            row_of(READINGS["pab-fresh-2000"]["deep"], "MNIST: PAB, best")[0],
        ],
    ),
    (
        README,
        "**inconclusive**: level, no lead above {:.1f} points",
        [FINDINGS["deep-then-trained"].largest_lead],
    ),
    (
        README,
        "the first (+{:.0f} to +{:.0f} points), not the second",
        [f(estimates("trained-deep", "pruned")) for f in (min, max)],
    ),
    (
        README,
        "**mixed**: {:.0f} % in the mean of ten networks; PAB {:.1f} ± {:.1f} points above Norm",
        [
            ahead("search", "best network"),
            ahead("search", "PAB"),
            interval("search", "PAB")[2] - ahead("search", "PAB"),
        ],
    ),
    (
        README,
        "no lead above {:.1f} points, a hair behind",
        [max(o.estimate.interval[1] for o in FINDINGS["unscaled"].outcomes)],
    ),
    (
        README,
        "**contradicted**: {:.1f} points behind on MNIST at 128×, no lead above {:.1f} on CIFAR-10 at 64×",
        [
            -max(estimates("learning-curves", "MNIST")),
            max(interval("learning-curves", "CIFAR-10", o)[2] for o in CONTROLS),
        ],
    ),
    (
        README,
        "{:.0f} pass against {:.0f} (MNIST) and {:.0f} (CIFAR-10); {:.0f} % and {:.0f} % of the time",
        [
            ahead("cost", "MNIST", "passes of OSSuM"),
            *(1 + ahead("cost", d, "passes of the gradient") for d in LABELS.values()),
            *map(share, LABELS),
        ],
    ),
    (
        README,
        "the best of 100 random subsets stays {:.0f} points (MNIST) and {:.0f} points (CIFAR-10)",
        [ahead("luck", d) for d in LABELS.values()],
    ),
    (
        README,
        "reaches {:.1f} and {:.1f} %, far more than OSSuM's {:.1f} and {:.1f}",
        [
            *(percent("beyond", stage="readout", dataset=d) for d in LABELS),
            *(best(d, "FC-1000", "ossum", "beyond")[0] for d in LABELS),
        ],
    ),
    (
        README,
        "takes FC-1000 from {:.1f} to {:.1f} % on MNIST and from {:.1f} to {:.1f} % on CIFAR-10 (ten seeds,",
        [
            percent("second-order", 4, dataset=d, architecture="FC-1000", method=m)
            for d in LABELS
            for m in ("ossum", "second-order-ossum")
        ],
    ),
    # Two-layer networks
    *(
        (
            RESULTS,
            f"| {LABELS[d]} {a} | " + " | ".join(["{:.1f} ± {:.1f}"] * 5) + " |",
            [*unpruned(d, a), *(n for m in (*OSSUM, "gradient") for n in best(d, a, m))],
        )
        for d, a in NETWORKS
    ),
    (
        RESULTS,
        f"is at {_ONE} on MNIST, where the paper has 82.4, and at {_ONE} on CIFAR-10",
        [n for b in BEST for n in interval("headline", b)],
    ),
    (
        RESULTS,
        "FC-100000 has {:.1f} there and {:.1f} at 512×. Linear OSSuM keeps {:.1f}.",
        [
            *(
                percent("fig1", t, dataset=MNIST, architecture="FC-100000", method="log-ossum")
                for t in (4, 512)
            ),
            percent("fig1", 512, dataset=MNIST, architecture="FC-100000", method="linear-ossum"),
        ],
    ),
    (
        RESULTS,
        f"{_ONE} on MNIST and {_ONE} on CIFAR-10, when we ask",
        [n for d in LABELS.values() for n in interval("chance", d)],
    ),
    (
        RESULTS,
        "is {:.1f} points behind at moderate sparsity and {:.1f} points behind at high sparsity; on "
        "CIFAR-10 {:.1f} and {:.1f}.",
        [-e for e in estimates("gradient-mask")],
    ),
    (
        RESULTS,
        "(128×: {:.1f} over ten seeds against {:.1f} over five)",
        [
            percent("fig1", 128, dataset=MNIST, architecture="FC-1000", method=m)
            for m in ("ossum", "gradient")
        ],
    ),
    (
        RESULTS,
        "its variants are {:.1f} and {:.1f} points ahead",
        [ahead("trained-two-layer", "MNIST: ", o) for o in ("Coreset", "Norm")],
    ),
    (
        RESULTS,
        "OSSuM keeps {:.1f} with FC-1000, norm and coreset {:.0f}; with FC-10000 it keeps {:.1f}, norm "
        "{:.0f} and coreset {:.0f}.",
        [
            *(fig2(64, architecture="FC-1000", method=m) for m in ("ossum", "coreset")),
            *(fig2(64, architecture="FC-10000", method=m) for m in ("ossum", "norm", "coreset")),
        ],
    ),
    (
        RESULTS,
        "The difference is {:.1f} [{:.1f}, {:.1f}], and the lead over coreset, {:.1f} [{:.1f}, {:.1f}],",
        [n for o in ("Norm", "Coreset") for n in interval("trained-two-layer", "CIFAR-10: ", o)],
    ),
    (
        RESULTS,
        "ahead of coreset ({:.1f} points on MNIST, {:.1f} on CIFAR-10), level with norm on MNIST ({:.1f}) "
        "and {:.1f} points behind it",
        [
            *(ahead("finetuned-two-layer", d, "Coreset") for d in LABELS.values()),
            ahead("finetuned-two-layer", "MNIST", "Norm"),
            -ahead("finetuned-two-layer", "CIFAR-10", "Norm"),
        ],
    ),
    (
        RESULTS,
        "leaves FC-1000 at {:.1f} on CIFAR-10",
        [fig2(1, dataset=CIFAR, architecture="FC-1000", method="ossum")],
    ),
    # Deep networks
    (
        RESULTS,
        "the paper's 23** ({:.1f}), **on MNIST it has {:.1f}** [{:.1f}, {:.1f}].",
        [
            ahead("deep", "CIFAR-10", "best sparsity"),
            *interval("deep", "MNIST", "best sparsity"),
        ],
    ),
    (
        RESULTS,
        "On MNIST the difference is {:.1f} [{:.1f}, {:.1f}]; on CIFAR-10 it is behind by {:.1f}.",
        [
            *interval("deep", "MNIST", "OSSuM + Norm"),
            -ahead("deep", "CIFAR-10", "OSSuM + Norm"),
        ],
    ),
    (
        RESULTS,
        "(on MNIST by {:.0f} points or more, on CIFAR-10 by {:.1f})",
        [
            min(ahead("deep", f"{d}: PAB − {o},") for o in ("Norm", "Random"))
            for d in LABELS.values()
        ],
    ),
    (
        RESULTS,
        f"of the weights pruned reaches {_ONE}, where the paper has 66.",
        interval("search", "best network"),
    ),
    (
        RESULTS,
        "{:.0f} % [{:.0f}, {:.0f}] classify more than half of",
        [(100 + n) / 2 for n in interval("search", "share above")],
    ),
    (RESULTS, "architecture exceeds {:.1f}.", [best_of_search()]),
    (RESULTS, f"PAB is {_ONE} points ahead of Norm", interval("search", "PAB")),
    (
        RESULTS,
        "is within {:.1f} points of random and norm in both regions that the paper names, and no lead "
        "above {:.1f} points",
        [max(map(abs, estimates("deep-then-trained"))), FINDINGS["deep-then-trained"].largest_lead],
    ),
    (
        RESULTS,
        "half of the neurons all methods have {:.1f} to {:.1f} and the whole network {:.1f},",
        [*trained(2, *ALL4), percent("fig3", 1, stage="trained", method="random")],
    ),
    (
        RESULTS,
        "PAB is {:.1f} points behind OSSuM + Norm on MNIST and within {:.1f} points of all others",
        [-ahead("unscaled", "MNIST", "OSSuM + Norm"), max(map(abs, estimates("unscaled"))) + 0.05],
    ),
    (
        RESULTS,
        f"OSSuM's networks are {_ONE} points behind random and {_ONE} behind norm",
        [
            n
            for o in CONTROLS
            for value, low, high in [interval("learning-curves", "MNIST", o)]
            for n in (-value, -high, -low)
        ],
    ),
    (
        RESULTS,
        "(PAB has {:.1f} after one epoch, random {:.1f})",
        [epoch(MNIST, 1, m) for m in ("ossum-pab", "random")],
    ),
    (
        RESULTS,
        "within {:.1f} points of both, and no lead above {:.1f} points",
        [
            max(map(abs, estimates("learning-curves", "CIFAR-10"))),
            max(interval("learning-curves", "CIFAR-10", o)[2] for o in CONTROLS),
        ],
    ),
    (
        RESULTS,
        "at very high sparsity by {:.1f} to {:.1f} points",
        [f(estimates("trained-deep", "pruned")) for f in (min, max)],
    ),
    (
        RESULTS,
        "(2×: {:.1f} and {:.1f}; random {:.1f}, norm {:.1f})",
        [
            percent(**FIG4, times=2, stage="pruned", method=m)
            for m in reversed(("norm", "random", "ossum-norm", "ossum-pab"))
        ],
    ),
    (
        RESULTS,
        "PAB is level** with random ({:.1f}) and OSSuM + Norm ({:.1f})",
        [ahead("trained-deep", f"fine-tuned: PAB − {o},") for o in ("Random", "OSSuM + Norm")],
    ),
    (
        RESULTS,
        "(128×: {:.1f}, PAB {:.1f})",
        [percent(**FIG4, times=128, stage="finetuned", method=m) for m in ("coreset", "ossum-pab")],
    ),
    # Activations and weights
    (
        RESULTS,
        "tanh beats ReLU by {:.1f} points, ReLU beats sigmoid by {:.1f}**, and at high sparsity tanh leads "
        "ReLU by {:.1f}.",
        estimates("activations"),
    ),
    (
        RESULTS,
        f"by {_ONE}, **and constant weights beat both**: normal ones by {_ONE} and uniform ones by {_ONE}.",
        [
            n
            for check in ("uniform − normal", "const − normal", "const − uniform")
            for n in interval("distributions", check)
        ],
    ),
    (
        RESULTS,
        "({:.1f} points), and narrow distributions are {:.1f} points worse. Wider ones than uniform are no "
        "better: {:.1f} [{:.1f}, {:.1f}].",
        [
            ahead("spread", "zero mean"),
            ahead("spread", "half"),
            *interval("spread", "2 and 4"),
        ],
    ),
    (RESULTS, "change by {:.1f} % at most", [max(estimates("kept-weights"))]),
    # Other readings
    *(
        (
            RESULTS,
            f"| {words} | " + " | ".join([_ONE] * 4) + f" | {finding.verdict} |",
            row_of(finding),
        )
        for words, finding in MASKS.items()
    ),
    *(
        (
            RESULTS,
            f"| {words} | " + " | ".join([_ONE] * 4) + " |",
            [
                n
                for check in (
                    "MNIST: PAB, best",
                    "CIFAR-10: PAB, best",
                    "MNIST: PAB − OSSuM",
                    "CIFAR-10: PAB − OSSuM",
                )
                for n in row_of(finding, check)
            ],
        )
        for words, finding in LAYERS.items()
    ),
    (
        RESULTS,
        "the best variant reaches {:.1f} on MNIST and {:.1f} on CIFAR-10. Unpruned networks have "
        f"{_ONE} and {_ONE}. These are five seeds.",
        [
            *row_of(READINGS["biases"]["headline"])[::3],
            *row_of(READINGS["biases"]["chance"]),
        ],
    ),
    (
        RESULTS,
        f"uniform weights are {_ONE} points ahead of normal ones, and constant weights {_ONE}",
        [
            n
            for check in ("uniform − normal", "const − normal")
            for n in row_of(READINGS["normal-variance"]["distributions"], check)
        ],
    ),
    # Cost, and beyond
    (
        RESULTS,
        "takes {:.0f} on MNIST and {:.0f} on CIFAR-10",
        [1 + ahead("cost", d, "passes of the gradient") for d in LABELS.values()],
    ),
    (
        RESULTS,
        "with FC-100000, Linear OSSuM then has {:.1f} and Log OSSuM {:.1f}.",
        [
            percent("fig1", 1 / 0.9, dataset=d, architecture="FC-100000", method=m)
            for d, m in ((MNIST, "linear-ossum"), (CIFAR, "log-ossum"))
        ],
    ),
    (RESULTS, "OSSuM takes {:.0f} % and {:.0f} % of the mask's time", list(map(share, LABELS))),
    (
        RESULTS,
        "stays {:.1f} points behind OSSuM on MNIST and {:.1f} on CIFAR-10",
        [ahead("luck", d) for d in LABELS.values()],
    ),
    (
        RESULTS,
        "the same random neurons reaches {:.1f} and {:.1f},",
        [percent("beyond", stage="readout", dataset=d) for d in LABELS],
    ),
    (RESULTS, "end {:.1f} points [{:.1f}, {:.1f}] above dense", interval("size", "CIFAR-10")),
    (
        RESULTS,
        "end {:.1f}, {:.1f} and {:.1f} points apart, and the means of three ({:.1f} and {:.1f})",
        apart(),
    ),
]


# Names, settings, and numbers that are not of our tables.
NAMES = re.compile(
    r"72 to 92 %|80 % pruned|\[\d\]\(\S+\)|\]\(\S+\)|\n\| \d \||FC-[\d-]+\d|CIFAR-10|Figures? \d( and \d)?|`[^`]+`|\d+×|95 %|75 % pruned|1\.2 passes|100 random"
    r"|1,000 (random )?neurons|\(\d+ to \d+ % of the neurons pruned\)"
)
OF_THE_PAPER = ("82.4", "29", "62", "66", "23", "82", "10", "1,460")
# How much is chance: of layers that are enlarged, and of rows that are no longer in the tables.
ELSEWHERE = (
    "at most 7 parts in 100,000",
    "After 50 epochs",
    "They end 0.3, 0.8 and 0.9 points apart",
    "give or take 3",
    "asks for more than −2 at moderate sparsity",
    "for more than 0 at high sparsity",
    "from U(0, 1)",
    "With 2,000 neurons",
    "512 examples",
)


def rendered(template: str, values: list[float]) -> str:
    """Halves away from zero, as people round; one kind of minus, and none before zero."""
    text = template.format(*(v + copysign(1e-9, v) for v in values)).replace("-", "−")
    return re.sub(r"−(0\.0)(?!\d)", r"\1", text)


@pytest.mark.parametrize(("text", "template", "values"), SENTENCES, ids=[s[1] for s in SENTENCES])
def test_numbers_are_those_of_the_reference(text, template, values):
    passage = rendered(template, values)
    assert passage in text.replace("-", "−"), f"the page should say: {passage}"


@pytest.mark.parametrize("text", [README, RESULTS], ids=["README", "results"])
def test_no_number_is_left_out(text):
    text = text.replace("-", "−")
    passages = [rendered(template, values) for _, template, values in SENTENCES]
    for passage in [*passages, *ELSEWHERE]:
        text = text.replace(passage, "")
    left = re.findall(r"\d[\d.,]*\d|\d", NAMES.sub("", text.replace("−", "-")))
    assert not set(left) - set(OF_THE_PAPER)


# What was run


def test_the_reference_has_all_that_figures_ask_for():
    """Of pruned and trained networks, but for what the page says was not run."""
    values = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    config = parse_config(values)
    keys = ["dataset", "architecture", "activation", "distribution", "seed"]
    keys += ["stage", "method", "sparsity"]
    lacking = []
    for figure in config.figures:
        there = set(TABLES[figure][keys].itertuples(index=False, name=None))
        for view, grid in config.views(figure):
            for stage in set(view.stages) - {"search", "readout", "cost", "statistics"}:
                cells = product(*grid.networks().values(), [stage], grid.methods, grid.at(stage))
                lacking += [(figure, *cell) for cell in cells if cell not in there]
    assert {cell[:3] for cell in lacking} == {
        ("fig2", MNIST, "FC-100000"),
        ("fig2", CIFAR, "FC-100000"),
        ("fig2", CIFAR, "FC-10000"),
    }
    of_10000 = {(cell[6], cell[8]) for cell in lacking if cell[2] == "FC-10000"}
    assert of_10000 == {("finetuned", 0)}
