"""The command `ossum-bench`; `./run ossum-bench --help` explains it, docs/bench.md says more."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
import yaml

from ossum.bench.measure import ARCHITECTURE, bench
from ossum.bench.method import BenchError, Method, find_method
from ossum.bench.table import BASELINES, comparison, cost, file_name, page, put_into, read_all
from ossum.bench.watch import watched
from ossum.config.registry import DATASETS
from ossum.config.schema import Config, ConfigError, merged, parse_config
from ossum.datasets import prepare
from ossum.storage import results
from ossum.storage.files import atomic
from ossum.workflow.device import describe, set_precision, set_threads
from ossum.workflow.machine import processors
from ossum.workflow.provenance import ROOT, code_hash, provenance

REFERENCE, PAGE = ROOT / "results/reference", ROOT / "docs/bench.md"
OWN, DATA = Path("results/bench"), Path("data")


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _asked(arguments)
    try:
        _run(asked)
    except (BenchError, ConfigError) as error:
        sys.exit(f"ossum-bench: {error}")


def _asked(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(
        prog="ossum-bench",
        description=f"Bench a pruning method on frozen, random networks {ARCHITECTURE}.",
    )
    parser.add_argument(
        "method",
        help="a file my_method.py with a function method(network, widths, view), or "
        "my_method.py:function, or the id of a method of this repository",
    )
    parser.add_argument(
        "--add", metavar="NAME", help=f"keep the numbers under this name, in {OWN}/, and a table"
    )
    parser.add_argument(
        "--datasets", nargs="+", choices=DATASETS, default=["mnist", "cifar10"], metavar="DATASET"
    )
    parser.add_argument(
        "--seeds", type=_positive, default=10, help="how many networks of each data set"
    )
    parser.add_argument(
        "--option",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="options of config/config.yaml, as in gradient.momentum=0",
    )
    parser.add_argument(
        "--gradients",
        action="store_true",
        help="say that the method uses gradients, where it works them out without autograd",
    )
    parser.add_argument("--threads", type=_positive, default=min(4, processors()))
    parser.add_argument(
        "--reference",
        action="store_true",
        help=f"for the authors: add to the numbers that come with the code and to {PAGE.name}",
    )
    asked = parser.parse_args(arguments)
    if asked.reference and not asked.add:
        parser.error("--reference needs --add NAME")
    file = Path(file_name(asked.add or "")).stem
    if file in BASELINES and asked.method != file:
        parser.error(f"--add {asked.add}: methods are compared with that: take another name")
    return asked


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def _run(asked: Namespace) -> None:
    set_threads(asked.threads)
    set_precision("float32", torch.device("cpu"))
    config = _config(asked.option)
    with watched(DATA):
        method = find_method(asked.method)
    known = read_all(REFERENCE, OWN)
    found = []
    for dataset in asked.datasets:
        _obtain(dataset)
        rows = _rows(method, dataset, asked, config)
        _check_networks(rows, known)
        _say(rows, known, dataset)
        found.append(rows)
    if asked.add:
        _add(pd.concat(found, ignore_index=True), method, asked)


def _obtain(dataset: str) -> None:
    """Have a data set in `DATA`. BenchError if no server has it."""
    path = DATA / f"{dataset}.safetensors"
    try:
        if not path.exists():
            prepare(dataset, path, folder=DATA)
    except RuntimeError as error:
        raise BenchError(str(error)) from None


def _config(changes: Sequence[str]) -> Config:
    """The configuration of the paper with these changes of its options."""
    values = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise BenchError(f"--option {change}: expected KEY=VALUE, as in gradient.momentum=0")
        nested = yaml.safe_load(value)
        for name in reversed(key.split(".")):
            nested = {name: nested}
        values["options"] = merged(values["options"], nested)
    return parse_config(values)


def _rows(method: Method, dataset: str, asked: Namespace, config: Config) -> pd.DataFrame:
    options = config.options.pruning(dataset)
    rows = pd.DataFrame(bench(method, dataset, range(asked.seeds), options, DATA))
    rows["method"] = asked.add or method.name
    rows["gradients"] |= asked.gradients
    return rows


def _check_networks(rows: pd.DataFrame, known: dict[str, pd.DataFrame]) -> None:
    """BenchError if a network is not that of its seed in the rows of OSSuM, as of another torch."""
    if "ossum" not in known:
        return
    key = ["dataset", "architecture", "seed"]
    both = rows[[*key, "network"]].merge(known["ossum"][[*key, "network"]], on=key)
    other = both[both["network_x"] != both["network_y"]]
    if not other.empty:
        raise BenchError(
            f"torch {torch.__version__} draws other weights from seed {other['seed'].iloc[0]} than "
            "the torch that the shipped numbers are from: use ./run, which has that version"
        )


def _say(own: pd.DataFrame, known: dict[str, pd.DataFrame], dataset: str) -> None:
    seeds = own.loc[own["dataset"] == dataset, "seed"].nunique()
    print(f"\n{own['method'].iloc[0]} on {DATASETS[dataset].label}, {ARCHITECTURE}, {seeds} seeds")
    print("test accuracy in %, and differences in points, mean ± 95 %, paired by seed\n")
    print(comparison(known, own, dataset).to_string())
    print("\n" + ", ".join(f"{name}: {value}" for name, value in cost(own, dataset).items()))
    print("checked: exact widths, valid neurons, the same when called twice, weights untouched")
    missing = [label for file, label in BASELINES.items() if file not in known]
    if missing:
        print(f"not compared with {', '.join(missing)}: add them first, as in --add OSSuM")


def _add(rows: pd.DataFrame, method: Method, asked: Namespace) -> None:
    """Keep the rows, and make the table of all methods anew."""
    folder = REFERENCE / "bench" if asked.reference else OWN
    code = code_hash("ossum/bench/measure.py", *method.modules)
    facts = provenance(code, asked.threads, **describe(torch.device("cpu")))
    facts |= {"method": asked.method, "options": " ".join(asked.option)}
    results.write(rows, folder / file_name(asked.add), facts, results.BENCH)
    table = PAGE if asked.reference else OWN / "table.md"
    write_tables(table, page(read_all(REFERENCE, *[OWN] * (not asked.reference))))
    print(f"\n{asked.add} is now in {table}, its numbers in {folder / file_name(asked.add)}")


def write_tables(path: Path, tables: str) -> None:
    """Into the place that a page has for them, or as a file of their own."""
    with atomic(path) as temporary:
        old = path.read_text(encoding="utf-8") if path == PAGE else ""
        temporary.write_text(put_into(old, tables) if old else tables, encoding="utf-8")


if __name__ == "__main__":
    main()
