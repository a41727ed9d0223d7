"""The tables that people read beside the figures."""

from xml.etree import ElementTree

import figure_tables as made
import numpy as np
import pandas as pd
import pytest

from ossum.config.registry import FIGURES
from ossum.figures.pages import sortable
from ossum.figures.summary import numbers, spelled, summarise
from ossum.figures.tables import IDENTITY


def rows_of(html: str) -> list[dict[str, str]]:
    """The rows of the table in a page, a text for each column."""
    table = ElementTree.fromstring(html[html.index("<table") : html.index("</table>") + 8])
    head, *rows = [[cell.text or "" for cell in row] for row in table.iter("tr")]
    return [dict(zip(head, row, strict=True)) for row in rows]


@pytest.mark.parametrize("figure", FIGURES)
def test_every_kind_of_table_has_a_summary(figure):
    """It has a row for each thing that is measured: nothing is lost, nothing is mixed."""
    table = made.full(figure)
    summary = summarise(table)
    results = table.drop(columns="epoch", errors="ignore").astype(str)
    results = results.drop_duplicates(
        [*IDENTITY, *results.columns.intersection(["layer", "widths"])]
    )
    assert summary["seeds"].sum() == (5 if figure == "fig8" else 1) * len(results)
    rest = summary[summary["stage"] != "search"]
    assert rest["seeds"].eq(table["seed"].nunique()).all()
    assert len(rows_of(numbers(table))) == len(summary)


def test_a_page_says_what_the_table_says():
    """In the words of the figures and in percent; without what is the same in all rows."""
    table = made.evaluations("pruned", ("ossum", "norm"), sparsities=(0.5, 0.75))
    reading = table.assign(options='{"coreset": {"beta": "one"}}', accuracy=0.1)
    html = numbers(pd.concat([table, reading]))
    rows = rows_of(html)
    assert len(rows) == 8 and "seeds" not in rows[0]
    assert "activation tanh" in html and "seeds 3" in html and "test accuracy (%)" in html
    for row in rows:
        if row["options"]:
            assert row["options"] == "coreset.beta one" and float(row["mean"]) == 10
            continue
        method = {"OSSuM": "ossum", "Norm": "norm"}[row["method"]]
        sparsity = float(row["neurons pruned (%)"]) / 100
        chosen = table.query(f"method == '{method}' and sparsity == {sparsity}")
        assert float(row["mean"]) == pytest.approx(100 * chosen["accuracy"].mean(), rel=1e-3)
        assert float(row["sd"]) == pytest.approx(100 * chosen["accuracy"].std(), rel=1e-3)
        assert row["neurons kept"] == "-".join(map(str, chosen["widths"].iloc[0]))


def test_rows_are_in_the_order_of_the_paper():
    table = made.full("fig1").sample(frac=1, random_state=0)
    rows, _ = spelled(summarise(table))
    assert list(rows["data set"].unique()) == ["MNIST", "CIFAR-10"]
    assert list(rows["network"].unique()) == ["FC-1000", "FC-10000", "FC-100000"]
    assert list(rows["method"].unique())[:2] == ["OSSuM", "Linear OSSuM"]
    first = rows["neurons pruned (%)"].astype(float)[: rows["neurons pruned (%)"].nunique() - 2]
    assert first.is_monotonic_increasing


def test_texts_are_escaped():
    assert "<b>" not in sortable(pd.DataFrame({"a": ["<b>x</b>"]}))


def test_curves_count_with_their_last_epoch_and_what_diverged_does_not():
    curves = made.curves(("norm",), 4, sparsities=(0.5,))
    curves.loc[(curves["seed"] == 1) & (curves["epoch"] == 4), "accuracy"] = np.nan
    (row,) = summarise(curves.sample(frac=1, random_state=0)).to_dict("records")
    last = curves.query("epoch == 4 and seed != 1")["accuracy"]
    assert row["mean"] == pytest.approx(last.mean()) and row["seeds"] == 2


def test_grids_share_a_row():
    """One has more seeds of the other's networks; seed 2 is in both and counts once."""
    few = made.evaluations("pruned", ("norm",), sparsities=(0.5,))
    more = made.evaluations("pruned", ("norm",), sparsities=(0.5,), seeds=(2, 3))
    (row,) = summarise(pd.concat([few, more.assign(grid="more")])).to_dict("records")
    expected = [*few["accuracy"], more["accuracy"].iloc[1]]
    assert row["seeds"] == 4 and row["mean"] == pytest.approx(np.mean(expected))
