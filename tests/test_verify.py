"""Results that differ from the reference are found and named; the others pass."""

import os
import shutil
from pathlib import Path

import figure_tables
import numpy as np
import pandas as pd
import pytest
from helpers import ROOT
from workflows import FIG1, NOTHING, planned, snakemake, tiny

from ossum import results
from ossum.cells import RESULTS, Cell
from ossum.registry import FIGURES
from ossum.verify import (
    QUANTITIES,
    beyond,
    compare,
    conditions,
    final,
    means,
    own_files,
    reference_files,
    report,
)

ALLOWED = QUANTITIES["accuracy"]


def reference() -> pd.DataFrame:
    """Some results of each kind: right after pruning, trained, searched, counted."""
    tables = [
        figure_tables.cells("pruned", ("ossum", "norm"), sparsities=(0.5, 0.75)),
        figure_tables.cells("pruned", ("gradient",), sparsities=(0.5, 0.75)),
        figure_tables.cells("trained", ("ossum", "norm"), sparsities=(0.5,), epochs=4),
        figure_tables.search(widths=(100, 200)),
        figure_tables.statistics(seeds=(0, 1)),
    ]
    return pd.concat(tables, ignore_index=True)


def moved(by: float, **key) -> pd.DataFrame:
    """The reference with another accuracy where its columns are as in `key`."""
    table = reference()
    chosen = (table[list(key)] == pd.Series(key)).all(axis="columns")
    assert chosen.any()
    table.loc[chosen, "accuracy"] += by
    return table


def verdict(own: pd.DataFrame, known: pd.DataFrame | None = None) -> tuple[str, bool]:
    return report(final([own]), final([reference() if known is None else known]))


def n_beyond(own: pd.DataFrame) -> tuple[int, int]:
    compared = compare(final([own]), final([reference()]))
    return len(beyond(compared)), len(beyond(means(compared)))


def test_equal_results_pass_in_whatever_order():
    text, passed = verdict(reference().sample(frac=1, random_state=0))
    assert passed and text.endswith("All within tolerance.")
    n = 2 * 2 * 3 + 2 * 3 + 2 * 3 + 2 * 8 + 2 * 2 * 10
    assert f"{n} results compared; 0 of yours have no reference, 0 of the reference" in text
    assert "differ" not in text.replace("differences", "")


def test_a_result_beyond_tolerance_is_named():
    key = {"stage": "pruned", "method": "ossum", "sparsity": 0.75, "seed": 2}
    text, passed = verdict(moved(1.1 * ALLOWED.drawn, **key))
    cell = Cell("cifar10", figure_tables.DEEP[0], "tanh", "uniform", "init", "ossum", 0.75, 2)
    assert not passed and "BEYOND TOLERANCE: 1 result(s), 0 mean(s)." in text
    assert f"{cell.path(RESULTS['pruned'])}: accuracy" in text


def test_what_was_learnt_may_differ_more():
    between = (ALLOWED.drawn + ALLOWED.learnt) / 2
    for key in ({"method": "gradient"}, {"stage": "trained", "method": "norm"}):
        assert n_beyond(moved(between, seed=0, **key)) == (0, 0)
    assert n_beyond(moved(between, stage="pruned", method="norm", seed=0))[0] == 2


def test_trained_networks_may_differ_as_their_seeds_do():
    """... those of a method with one seed, as any of their stage; weights as drawn may not."""
    assert n_beyond(moved(0.1, stage="trained")) == (6, 2)
    known = reference()
    trained, norm = known["stage"] == "trained", known["method"] == "norm"
    known.loc[norm, "accuracy"] += 0.1 * (known["seed"] - 1)
    only = known[norm | ~trained | (known["seed"] == 0)]
    own = only.assign(accuracy=only["accuracy"] + 0.1 * trained)
    assert verdict(own, known=only)[1]
    assert not verdict(own.assign(accuracy=own["accuracy"] + 0.2 * trained), known=only)[1]
    drawn = only.assign(accuracy=only["accuracy"] + 0.1 * (known["stage"] == "pruned"))
    assert not verdict(drawn, known=only)[1]


def test_a_mean_may_differ_less_than_its_results():
    key = {"stage": "pruned", "method": "ossum"}
    assert n_beyond(moved(0.9 * ALLOWED.drawn, **key)) == (0, 1)
    text, passed = verdict(moved(-0.9 * ALLOWED.drawn, **key))
    assert not passed
    assert "accuracy differs by -0.009 over 6, allowed 0.0041" in text
    assert n_beyond(moved(0.9 * ALLOWED.drawn, **key, seed=0)) == (0, 0)


def test_only_the_last_epoch_counts():
    assert n_beyond(moved(0.5, stage="trained", epoch=3)) == (0, 0)
    assert n_beyond(moved(0.5, stage="trained", epoch=4))[0] == 6


def test_each_architecture_of_a_search_is_its_own_result():
    own = reference()
    rows = own.index[(own["stage"] == "search") & (own["method"] == "ossum-pab")][:2]
    own.loc[rows, "accuracy"] = [0.1, 0.9]
    text, passed = verdict(own)
    assert not passed
    assert "method=ossum-pab/seed=0.parquet (100-100-200): accuracy 0.9, reference" in text


def test_statistics_are_compared_too():
    own = reference()
    own.loc[(own["stage"] == "statistics") & (own["layer"] == 2) & (own["seed"] == 1), "max"] *= 1.1
    assert n_beyond(own)[0] == 10
    assert "(layer 2): max" in verdict(own)[0]


def test_divergence_is_a_difference_unless_both_diverged():
    key = {"stage": "trained", "method": "norm", "seed": 1, "epoch": 4}
    own = moved(np.nan, **key)
    assert n_beyond(own) == (1, 0)
    assert "accuracy nan, reference 0." in verdict(own)[0]
    assert verdict(own, known=own)[1]


def test_a_part_of_the_results_is_enough():
    own = reference()
    own = own[(own["stage"] == "pruned") & (own["method"] == "norm")]
    other = own.assign(dataset="digits")
    text, passed = verdict(pd.concat([own, other]))
    assert passed
    assert (
        "6 results compared; 6 of yours have no reference, 74 of the reference were not run" in text
    )


@pytest.mark.parametrize("own", [reference()[:0], reference().assign(dataset="digits")])
def test_nothing_to_compare_is_no_success(own):
    text, passed = verdict(own)
    assert not passed and text.startswith("Nothing to compare")


def test_conditions_are_those_of_all_results(tmp_path, monkeypatch):
    """... of one's own: neither tables nor the reference."""
    monkeypatch.chdir(tmp_path)
    for path, precision in (
        ("results/evaluations/dataset=digits/a.parquet", "float32"),
        ("results/trained/dataset=digits/b.parquet", "tf32"),
        ("results/tables/fig1.parquet", "bfloat16"),
        ("results/reference/fig1.parquet", "bfloat16"),
    ):
        Path(path).parent.mkdir(parents=True)
        results.write([], path, {"device": "cpu", "precision": precision, "threads": "2"})
    assert conditions(own_files()) == "device cpu; precision float32, tf32"
    assert conditions(reference_files()) == "device cpu; precision bfloat16"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run whose own table serves as reference."""
    folder = tmp_path_factory.mktemp("verify")
    config = tiny(folder / "config.yaml")
    assert "Nothing to compare" in snakemake(folder, "verify", config=config, check=False).stdout
    snakemake(folder, FIG1, config=config)
    shutil.copytree(folder / "results/tables", folder / "results/reference")
    return folder


def test_verify_computes_nothing_and_its_status_tells(finished):
    config = finished / "config.yaml"
    more = tiny(finished / "more.yaml", seeds=[0, 1, 2])
    path = finished / "results/reference/fig1.parquet"
    original, facts = results.read(path), results.read_metadata(path)
    run = snakemake(finished, "verify", config=more)
    assert planned(run) == {"verify": 1, "total": 1}
    assert "8 results compared; 0 of yours have no reference, 0 of the reference" in run.stdout
    results.write(original.assign(accuracy=original["accuracy"] - 0.04), path, facts)
    run = snakemake(finished, "verify", config=config, check=False)
    assert run.returncode != 0
    for said in (run.stdout, (finished / "logs/verify.log").read_text()):
        assert "BEYOND TOLERANCE: 8 result(s), 2 mean(s)." in said
        assert "method=gradient/sparsity=0.5/seed=1.parquet: accuracy" in said
        assert said.count("device cpu; machine") == said.count("precision float32") == 2
    results.write(original, path, facts)


def test_a_figure_of_ones_own_run_and_the_reference(finished):
    target = "figures/compared/fig1.pdf"
    run = snakemake(finished, target, config=finished / "config.yaml")
    assert planned(run) == {"compared": 1, "total": 1}
    assert (finished / target).read_bytes().startswith(b"%PDF")
    assert (finished / target).with_suffix(".png").exists()


def test_figures_from_reference_and_back(finished):
    """Each change of source redraws the figures, and nothing else."""
    config = finished / "config.yaml"
    assert NOTHING in snakemake(finished, FIG1, config=config).stdout
    for source in ("reference", "tables"):
        drawn = (finished / FIG1).stat().st_mtime_ns
        setting = ("--config", f"tables=results/{source}")
        run = snakemake(finished, FIG1, *setting, config=config)
        assert planned(run) == {"figure_fig1": 1, "total": 1}
        assert (finished / FIG1).stat().st_mtime_ns > drawn
        assert NOTHING in snakemake(finished, FIG1, *setting, config=config).stdout


@pytest.mark.parametrize("time", [0, 2_000_000_000])
def test_reference_figures_need_nothing_but_their_tables(tmp_path, time):
    """Whatever the file times that a clone gives."""
    shutil.copytree(ROOT / "results/reference", tmp_path / "results/reference")
    for path in (tmp_path / "results/reference").iterdir():
        os.utime(path, (time, time))
    plan = snakemake(tmp_path, "figures", "--dry-run", config="config/reference.yaml")
    jobs = planned(plan)
    assert jobs.pop("summary") == len(FIGURES) and jobs.pop("claims") == jobs.pop("figures") == 1
    assert jobs == {f"figure_{name}": 1 for name in FIGURES} | {"total": 2 * len(FIGURES) + 2}
    (tmp_path / "results/reference/fig3.parquet").unlink()
    run = snakemake(tmp_path, "figures", config="config/reference.yaml", check=False)
    assert run.returncode != 0 and "results/reference/fig3.parquet" in run.stdout
    assert not (tmp_path / "figures").exists()
