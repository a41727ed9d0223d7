"""Results that differ from the reference are found and named; the others pass."""

from pathlib import Path

import figure_tables as made
import numpy as np
import pandas as pd

from ossum.analysis.verify import (
    QUANTITIES,
    collect,
    compare,
    conditions,
    means,
    own_files,
    reference_files,
    report,
    too_different,
)
from ossum.storage import results

ROOT = Path(__file__).parents[2]
ALLOWED = QUANTITIES["accuracy"]
OPTIONS = '{"gradient": {"momentum": 0}}'


def reference() -> pd.DataFrame:
    """Some results of each kind: right after pruning, trained, searched, counted."""
    tables = [
        made.evaluations("pruned", ("ossum", "norm"), sparsities=(0.5, 0.75)),
        made.evaluations("pruned", ("gradient",), sparsities=(0.5, 0.75)),
        made.evaluations("trained", ("ossum", "norm"), sparsities=(0.5,)),
        made.search(widths=(100, 200)),
        made.statistics(seeds=(0, 1)),
    ]
    return pd.concat(tables, ignore_index=True)


def moved(by: float, table: pd.DataFrame | None = None, **key) -> pd.DataFrame:
    """The table, or the reference, with another accuracy where its columns are as in `key`."""
    table = reference() if table is None else table.copy()
    chosen = (table[list(key)] == pd.Series(key)).all(axis="columns")
    assert chosen.any()
    table.loc[chosen, "accuracy"] += by
    return table


def verdict(own: pd.DataFrame, known: pd.DataFrame | None = None) -> tuple[str, bool]:
    return report(collect([own]), collect([reference() if known is None else known]))


def n_too_different(own: pd.DataFrame) -> tuple[int, int]:
    compared = compare(collect([own]), collect([reference()]))
    return len(too_different(compared)), len(too_different(means(compared)))


def test_equal_results_pass_in_whatever_order_and_grid():
    own = reference().assign(grid="mine").sample(frac=1, random_state=0)
    text, passed = verdict(own)
    assert passed and text.endswith("All within tolerance.")
    n = 2 * 2 * 3 + 2 * 3 + 2 * 3 + 2 * 8 + 2 * 2 * 10
    assert f"{n} results compared; 0 of yours have no reference, 0 of the reference" in text
    assert "differ" not in text.replace("differences", "")


def test_a_result_beyond_tolerance_is_named():
    key = {"stage": "pruned", "method": "ossum", "sparsity": 0.75, "seed": 2}
    text, passed = verdict(moved(1.1 * ALLOWED.drawn, **key))
    assert not passed and "BEYOND TOLERANCE: 1 result(s), 0 mean(s)." in text
    network = "cifar10 FC-1000-1000-1000 tanh uniform"
    assert f"\n  {network} seed 2, ossum at 0.75, pruned: accuracy 0." in text
    known = made.evaluations("finetuned", ("gradient",), origin="trained").assign(options=OPTIONS)
    text, passed = verdict(moved(0.5, known, stage="finetuned"), known)
    assert not passed and "... and 14 more" in text
    assert f"{network} seed 0, trained, gradient at 0.5, {OPTIONS}, finetuned: accuracy" in text
    assert f"{network}, trained, gradient, {OPTIONS}, finetuned: accuracy differs by +0.5" in text


def test_options_of_ones_own_make_another_result():
    own = moved(0.5, reference().assign(options=OPTIONS), stage="pruned")
    assert verdict(own)[0].startswith("Nothing to compare")
    assert verdict(pd.concat([own, reference()]))[1]


def test_what_was_learnt_may_differ_more():
    between = (ALLOWED.drawn + ALLOWED.learnt) / 2
    for key in ({"method": "gradient"}, {"stage": "trained", "method": "norm"}):
        assert n_too_different(moved(between, seed=0, **key)) == (0, 0)
    assert n_too_different(moved(between, stage="pruned", method="norm", seed=0))[0] == 2


def test_trained_networks_may_differ_as_their_seeds_do():
    """... those of a method with one seed, as any of their stage; weights as drawn may not."""
    assert n_too_different(moved(0.1, stage="trained")) == (6, 2)
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
    assert n_too_different(moved(0.9 * ALLOWED.drawn, **key)) == (0, 1)
    text, passed = verdict(moved(-0.9 * ALLOWED.drawn, **key))
    assert not passed
    assert "accuracy differs by -0.009 over 6, allowed 0.0041" in text
    assert n_too_different(moved(0.9 * ALLOWED.drawn, **key, seed=0)) == (0, 0)


def test_a_learning_curve_counts_with_its_last_epoch():
    """In the reference the curve may be all that there is of a result."""
    shape = {"sparsities": (0.5,), "architectures": ("FC-1000-1000",)}
    own = made.evaluations("trained", ("norm",), **shape)
    curves = made.curves(("norm",), 4, **shape)
    curves["accuracy"] = 0.0
    assert not verdict(own, curves)[1]
    curves.loc[curves["epoch"] == 4, "accuracy"] = own["accuracy"].to_numpy()
    text, passed = verdict(own, curves.sample(frac=1, random_state=0))
    assert passed and "3 results compared; 0 of yours have no reference, 0 of the" in text


def test_each_layer_and_each_architecture_of_a_search_is_its_own_result():
    own = reference()
    rows = own.index[(own["stage"] == "search") & (own["method"] == "ossum-pab")][:2]
    own.loc[rows, "accuracy"] = [0.1, 0.9]
    assert "seed 0, ossum-pab, search (100-100-200): accuracy 0.9, reference" in verdict(own)[0]
    own = reference()
    own.loc[(own["stage"] == "statistics") & (own["layer"] == 2) & (own["seed"] == 1), "max"] *= 1.1
    assert n_too_different(own)[0] == 10
    assert "statistics (layer 2): max" in verdict(own)[0]


def test_divergence_is_a_difference_unless_both_diverged():
    own = moved(np.nan, stage="trained", method="norm", seed=1)
    assert n_too_different(own) == (1, 0)
    assert "accuracy nan, reference 0." in verdict(own)[0]
    assert verdict(own, known=own)[1]


def test_a_part_of_the_results_is_enough_but_nothing_is_not():
    norm = reference().query("stage == 'pruned' and method == 'norm'")
    other = norm.assign(dataset="digits")
    text, passed = verdict(pd.concat([norm, other]))
    assert passed and "6 results compared; 6 of yours have no reference, 74 of the" in text
    for own in (norm[:0], other):
        text, passed = verdict(own)
        assert not passed and text.startswith("Nothing to compare")


def test_files_are_all_of_ones_own_results_and_the_reference_without_costs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path, precision in (
        ("results/evaluations/pruned/g/dataset=digits/a.parquet", "float32"),
        ("results/evaluations/trained/g/dataset=digits/b.parquet", "tf32"),
        ("results/readout/g/dataset=digits/c.parquet", "float32"),
        ("results/readout/g/dataset=digits/.c.parquet", "bfloat16"),
        ("results/trained/g/dataset=digits/d.parquet", "bfloat16"),
        ("results/tables/fig1.parquet", "bfloat16"),
        ("results/reference/fig1.parquet", "bfloat16"),
        ("results/reference/costs.parquet", "float32"),
    ):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        results.write([], path, {"device": "cpu", "precision": precision, "threads": "2"})
    assert [[path.name for path in files] for files in own_files()] == [
        ["a.parquet", "b.parquet"],
        ["c.parquet"],
    ]
    assert conditions(own_files()) == "device cpu; precision float32, tf32"
    assert conditions(reference_files("results/reference")) == "device cpu; precision bfloat16"
    assert own_files(["results/tables"]) == [[Path("results/tables/fig1.parquet")]]


def test_the_shipped_reference_repeats_itself():
    reference = collect(map(results.read, map(list, reference_files(ROOT / "results/reference"))))
    text, passed = report(reference, reference)
    assert passed and "0 of yours have no reference, 0 of the reference were not run" in text
