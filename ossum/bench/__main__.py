"""The command `ossum-bench`; `./run ossum-bench --help` explains it, docs/bench.md says more."""

import sys
import traceback
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
import yaml

from ossum.bench.measure import ARCHITECTURE, bench
from ossum.bench.method import BenchError, Method, find_method
from ossum.bench.picture import draw_picture
from ossum.bench.table import (
    BASELINES,
    comparison,
    cost,
    file_name,
    page,
    put_into,
    read_all,
    read_rows,
)
from ossum.bench.watch import watched
from ossum.config.registry import DATASETS
from ossum.config.schema import Config, ConfigError, merged, parse_config
from ossum.datasets import prepare
from ossum.figures import style
from ossum.storage import results
from ossum.storage.files import atomic, check_folders
from ossum.workflow.device import describe, set_precision, set_threads
from ossum.workflow.machine import processors
from ossum.workflow.provenance import ROOT, code_hash, provenance

REFERENCE, PAGE = ROOT / "results/reference", ROOT / "docs/bench.md"
PICTURE = ROOT / "figures/reference/bench.png"
OWN, DATA = Path("results/bench"), Path("data")
_LONGEST = 60  # characters of a name
# If these facts are the same, so is the method.
_SAME_METHOD = ("method", "options", "file", "code", "torch")


def main(arguments: Sequence[str] | None = None) -> None:
    try:
        _run(_asked(arguments))
    except (BenchError, ConfigError, OSError) as error:
        if isinstance(error, BenchError) and error.__cause__:  # of the method: where it went wrong
            traceback.print_exception(error.__cause__)
        sys.exit(f"ossum-bench: {error}")
    except KeyboardInterrupt:
        sys.exit("\nossum-bench: stopped, and nothing of this run was kept")


def _asked(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(
        prog="ossum-bench",
        description=f"Bench a pruning method on frozen, random networks {ARCHITECTURE}.",
    )
    parser.add_argument(
        "method",
        nargs="?",
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
        "--seeds",
        type=_seeds,
        default=range(10),
        help="how many networks of each data set, or which ones, as in 5-9 (10)",
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
    parser.add_argument(
        "--threads",
        type=_positive,
        default=min(4, processors()),
        help="how many processor cores to use (%(default)s here)",
    )
    parser.add_argument(
        "--tables",
        action="store_true",
        help="run no method; make the table and the picture anew from the numbers that are kept",
    )
    parser.add_argument(
        "--reference",
        action="store_true",
        help=f"for the authors: add to the numbers that come with the code and to {PAGE.name}",
    )
    asked = parser.parse_args(arguments)
    if bool(asked.method) == asked.tables:
        parser.error("name a method, or give --tables without one")
    if asked.tables and asked.add is not None:
        parser.error("--tables adds nothing: leave --add out")
    if asked.reference and not asked.tables and asked.add is None:
        parser.error("--reference needs --add NAME, or --tables")
    if asked.add is not None:
        wrong = _wrong_name(asked)
        if wrong:
            parser.error(f"--add {asked.add!r}: {wrong}")
    asked.datasets = list(dict.fromkeys(asked.datasets))
    return asked


def _wrong_name(asked: Namespace) -> str:
    """Why a method cannot be kept under that name; "" if it can."""
    if not any(map(str.isalnum, asked.add)):
        return "a name needs a letter or a digit"
    if len(asked.add) > _LONGEST or not asked.add.isprintable() or set("|<>") & {*asked.add}:
        return f"a name is one line of at most {_LONGEST} characters, without | and < and >"
    file = file_name(asked.add)
    path = _folder(asked) / file
    if not asked.reference and (REFERENCE / "bench" / file).exists():
        return "the numbers that come with the code have a method of this name: take another name"
    if Path(file).stem in BASELINES and asked.method != Path(file).stem:
        return "methods are compared with the one of this name: take another name"
    if path.exists() and (kept := read_rows(path)["method"].iloc[0]) != asked.add:
        return f"{path} has the numbers of {kept!r}: take another name, or delete that file"
    return ""


def _folder(asked: Namespace) -> Path:
    return REFERENCE / "bench" if asked.reference else OWN


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def _seeds(text: str) -> range:
    first, dash, last = text.partition("-")
    if not dash:
        return range(_positive(text))
    if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise ArgumentTypeError(f"{text!r} is not a range of seeds, as in 5-9")
    return range(int(first), int(last) + 1)


def _run(asked: Namespace) -> None:
    if asked.add is not None or asked.tables:
        folder = _folder(asked)
        check_folders(folder if folder.parent.exists() else folder.parent, writable=True)
    if asked.tables:
        print(f"made anew: {_write_tables(asked)}")
        return
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
    if asked.add is not None:
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
        try:
            nested = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise BenchError(
                f"--option {change}: {value!r} is no value in YAML, as numbers and lists like "
                f"[[0.1, 5]] are ({' '.join(str(error).split())})"
            ) from None
        for name in reversed(key.split(".")):
            nested = {name: nested}
        values["options"] = merged(values["options"], nested)
    return parse_config(values)


def _rows(method: Method, dataset: str, asked: Namespace, config: Config) -> pd.DataFrame:
    options = config.options.pruning(dataset)
    rows = pd.DataFrame(bench(method, dataset, asked.seeds, options, DATA))
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
    networks = f"{ARCHITECTURE}, {seeds} {'seed' if seeds == 1 else 'seeds'}"
    print(f"\n{own['method'].iloc[0]} on {DATASETS[dataset].label}, {networks}")
    print("test accuracy in %, and differences in points, mean ± 95 %, paired by seed\n")
    print(comparison(known, own, dataset).to_string())
    print("\n" + ", ".join(f"{name}: {value}" for name, value in cost(own, dataset).items()))
    print("checked: exact widths, valid neurons, the same when called twice, weights untouched")
    missing = [label for file, label in BASELINES.items() if file not in known]
    if missing:
        print(f"not compared with {', '.join(missing)}: add them first, as in --add OSSuM")


def _add(rows: pd.DataFrame, method: Method, asked: Namespace) -> None:
    """Keep the rows, and make the table of all methods anew."""
    path = _folder(asked) / file_name(asked.add)
    code = code_hash("ossum/bench/measure.py", *method.modules)
    facts = provenance(code, asked.threads, **describe(torch.device("cpu")))
    facts |= {"method": asked.method, "options": " ".join(asked.option), "file": method.sha256}
    results.write(_with_others(rows, path, facts), path, facts, results.BENCH)
    print(f"\n{asked.add} is now in {_write_tables(asked)}, its numbers in {path}")


def _with_others(rows: pd.DataFrame, path: Path, facts: dict[str, str]) -> pd.DataFrame:
    """The rows, and those of other networks that the same method, unchanged, has there already."""
    known = results.read_metadata(path)
    if known is None:
        return rows
    changed = [fact for fact in _SAME_METHOD if known.get(fact) != facts[fact]]
    if changed:
        print(f"\nearlier numbers of {path.stem} are gone; changed: {', '.join(changed)}")
        return rows
    both = pd.concat([read_rows(path), rows], ignore_index=True)
    return both.drop_duplicates(["dataset", "seed", "sparsity"], keep="last")


def _write_tables(asked: Namespace) -> Path:
    """The tables of all methods, and their picture: where they are now."""
    known = read_all(REFERENCE, *[OWN] * (not asked.reference))
    picture = PICTURE if asked.reference else OWN / "table.png"
    table = PAGE if asked.reference else OWN / "table.md"
    with style.applied():
        style.save(draw_picture(known), [picture])
    tables = page(known)
    with atomic(table) as temporary:
        if asked.reference:
            text = put_into(table.read_text(encoding="utf-8"), tables)
        else:
            text = f"![Accuracy against passes]({picture.name})\n\n{tables}"
        temporary.write_text(text, encoding="utf-8")
    return table


if __name__ == "__main__":
    main()
