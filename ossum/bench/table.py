"""What is known of all methods, and how a method compares with those that everybody knows."""

import re
from pathlib import Path

import pandas as pd

from ossum.bench.measure import ARCHITECTURE, SPARSITIES
from ossum.bench.method import BenchError
from ossum.claims.statistics import Estimate, Samples, estimate
from ossum.config.registry import DATASETS
from ossum.storage import results

# What others are compared with: the name of its file, and of its column.
BASELINES = {"ossum": "OSSuM", "random": "Random", "readout": "Readout"}
_BEGIN, _END = "<!-- made by ossum-bench: from here -->", "<!-- to here -->"


def file_name(name: str) -> str:
    """Of a method: "Gradient mask, β = 10" -> "gradient-mask-β-10.parquet"."""
    return "-".join(re.findall(r"\w+", name.lower())) + ".parquet"


def read_all(reference: Path, *own: Path) -> dict[str, pd.DataFrame]:
    """The rows of each method by the name of its file, and the readout of whole networks.

    reference: the folder of the numbers that come with the code. own: folders of others; where they
    have a method, too, their numbers count.
    """
    folders = (reference / "bench", *own)
    files = {path.stem: path for folder in folders for path in sorted(folder.glob("[!.]*.parquet"))}
    beyond = results.read(reference / "beyond.parquet")
    whole = (beyond["stage"] == "readout") & (beyond["architecture"] == ARCHITECTURE)
    readout = beyond[whole & (beyond["sparsity"] == 0)].assign(method="Readout of all neurons")
    return {"readout": readout} | {name: read_rows(path) for name, path in files.items()}


def read_rows(path: Path) -> pd.DataFrame:
    """The rows of one method. BenchError if a file has something else, or is damaged."""
    try:
        rows = results.read(path)
    except ValueError as error:
        raise BenchError(str(error)) from None
    if rows.empty or "processor_seconds" not in rows:
        raise BenchError(f"{path} has no numbers of ossum-bench: move it away")
    return rows


def accuracy(rows: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Test accuracy in percent, a row for each seed and a column for each sparsity."""
    rows = rows[rows["dataset"] == dataset]
    return 100 * rows.pivot(index="seed", columns="sparsity", values="accuracy")


def difference(own: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Of tables of `accuracy`, seed by seed. A readout has one column, for all sparsities."""
    if list(other) == [0]:
        other = pd.DataFrame(dict.fromkeys(own, other[0]))
    return (own - other).dropna()


def comparison(known: dict[str, pd.DataFrame], own: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """A row for the accuracy and one for each difference, a column for each sparsity: texts."""
    accuracies = accuracy(own, dataset)
    rows = {"accuracy": accuracies}
    for file, label in BASELINES.items():
        if file in known:
            rows[f"− {label}"] = difference(accuracies, accuracy(known[file], dataset))
    return pd.DataFrame(
        {
            f"{100 * sparsity:.4g} %": {
                label: _spelled(_estimate(table.get(sparsity))) for label, table in rows.items()
            }
            for sparsity in SPARSITIES
        }
    )


def cost(own: pd.DataFrame, dataset: str) -> dict[str, str]:
    """What a method needs for one network, in words."""
    rows = own[own["dataset"] == dataset]
    seconds = rows.groupby("seed")["processor_seconds"].first().mean()
    uses = {"labels": "labels", "gradients": "gradients", "reweights": "other weights"}
    used = [word for column, word in uses.items() if rows[column].any()]
    return {
        "passes": f"{rows['passes'].mean():.4g}",
        "uses": ", ".join(used) or "–",
        "processor seconds": f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}",
    }


def overall(own: pd.DataFrame, dataset: str) -> Estimate | None:
    """The mean over sparsities of test accuracy, 0 to 1, over seeds; None without rows."""
    return _estimate(accuracy(own, dataset).mean(axis=1) / 100)


def ranking(known: dict[str, pd.DataFrame], dataset: str) -> pd.DataFrame:
    """A row for each method, the best first: texts. Differences are means over sparsities."""
    rows = []
    for name, own in known.items():
        accuracies = accuracy(own, dataset)
        if accuracies.empty:
            continue
        row = {"method": own["method"].iloc[0], "seeds": str(len(accuracies))}
        whole = list(accuracies) == [0]
        for sparsity in SPARSITIES:
            column = accuracies.get(0 if whole else sparsity)
            first = not whole or sparsity == SPARSITIES[0]
            row[f"{100 * sparsity:.4g} %"] = _spelled(_estimate(column)) if first else ""
        for file, label in BASELINES.items():
            if file in known and not whole:
                differences = difference(accuracies, accuracy(known[file], dataset))
                found = _estimate(differences.mean(axis=1)) if name != file else None
                row[f"− {label}"] = _spelled(found)
        row |= {} if whole else cost(own, dataset)
        rows.append((accuracies.mean(axis=None), row))
    ordered = sorted(rows, key=lambda pair: -pair[0])
    return pd.DataFrame([row for _, row in ordered]).fillna("")


def page(known: dict[str, pd.DataFrame]) -> str:
    """The rankings of all data sets in Markdown."""
    parts = []
    for dataset in DATASETS:
        table = ranking(known, dataset)
        if not table.empty:
            parts += [f"### {DATASETS[dataset].label}", table.to_markdown(index=False)]
    return "\n\n".join(parts) + "\n"


def put_into(text: str, tables: str) -> str:
    """A page of Markdown with its tables made anew. ValueError if it has no place for them."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"the page has no line {_BEGIN!r} before a line {_END!r}")
    return f"{before}{begin}\n\n{tables}\n{end}{after}"


def _estimate(values: pd.Series | None) -> Estimate | None:
    if values is None or values.empty:
        return None
    return estimate(Samples(values, ""))


def _spelled(found: Estimate | None) -> str:
    """The mean, and how far the ends of its interval are."""
    if found is None:
        return "–"
    mean = f"{round(found.value, 1) + 0.0:.1f}".replace("-", "−")  # and no minus before zero
    return mean if found.interval is None else f"{mean} ± {found.interval[1] - found.value:.1f}"
