"""The article: its numbers, what it says of them, and what it says if they change."""

import json
import re
from copy import deepcopy

import pytest
import typst
from figure_tables import full
from helpers import ROOT

from ossum.claims import CLAIMS
from ossum.claims.article import article, check_name
from ossum.claims.check import judge, with_holm
from ossum.claims.readings import judge_all
from ossum.storage import results

TEXT = ROOT / "docs/paper/paper.typ"


def numbers_of(tables) -> dict:
    findings = with_holm([judge(claim, tables) for claim in CLAIMS.values()])
    return article(findings, judge_all(CLAIMS, [], tables), tables, {"Computed": "today"})


@pytest.fixture(scope="module")
def reference() -> dict:
    paths = (ROOT / "results/reference").glob("*.parquet")
    return numbers_of({path.stem: results.read(path) for path in paths})


def inputs(numbers: dict, folder, drawn: str = "") -> dict:
    path = folder / "paper.json"
    path.write_text(json.dumps(numbers), encoding="utf-8")
    places = {"numbers": str(path), "figures": str(ROOT / "figures/reference")}
    return {"root": "/", "sys_inputs": places | {"drawn": drawn}, "ignore_system_fonts": True}


def as_written(numbers: dict, folder) -> dict[str, bool]:
    """Of each claim that the text speaks of: whether its own sentences stand, not computed ones."""
    found = json.loads(typst.query(str(TEXT), "<finding>", **inputs(numbers, folder)))
    return {each["value"]["claim"]: each["value"]["as-written"] for each in found}


def test_numbers_come_with_what_a_reader_has_to_know(reference):
    found = reference["claims"]["deep"]["checks"]["mnist-pab-best-sparsity"]
    assert found["low"] < found["value"] < found["high"] < found["expected"] == 62
    assert found["n"] >= 3 and found["unit"] == "test accuracy (%)"
    one = reference["accuracies"]["fig1/mnist/FC-1000/ossum/pruned/0.75"]
    table = results.read(ROOT / "results/reference/fig1.parquet").query(
        "dataset == 'mnist' and architecture == 'FC-1000' and method == 'ossum' and sparsity == .75"
    )
    assert one["value"] == pytest.approx(100 * table["accuracy"].mean())
    assert one["sd"] == pytest.approx(100 * table["accuracy"].std()) and one["n"] == 10
    assert sum(reference["verdicts"].values()) == 16


def test_learning_curves_count_with_their_last_epoch(reference):
    table = results.read(ROOT / "results/reference/fig6.parquet").query(
        "dataset == 'mnist' and method == 'random'"
    )
    table = table[table["epoch"] == table["epoch"].max()]
    key = f"fig6/mnist/{table['architecture'].iloc[0]}/random/trained/0.9921875"
    found = reference["accuracies"][key]
    assert found["n"] == table["seed"].nunique() == len(table)
    assert found["value"] == pytest.approx(100 * table["accuracy"].mean())


def test_checks_of_a_claim_have_different_names(reference):
    for claim in reference["claims"].values():
        assert len(claim["checks"]) == claim["n_checks"]
    assert check_name("MNIST: PAB − Norm, any sparsity") == "mnist-pab-norm-any-sparsity"


def test_every_claim_is_spoken_of_as_the_reference_has_it(reference, tmp_path):
    """If this fails, results have changed, and sentences of the text have to be written anew."""
    found = as_written(reference, tmp_path)
    assert found.keys() == CLAIMS.keys()
    assert all(found.values()), found


def test_sentences_that_would_be_false_are_not_printed(reference, tmp_path):
    changed = deepcopy(reference)
    changed["claims"]["headline"]["verdict"] = "contradicted"
    checks = changed["claims"]["deep"]["checks"]
    checks["mnist-pab-best-sparsity"]["outcome"] = "holds"
    found = as_written(changed, tmp_path)
    assert {claim for claim, same in found.items() if not same} == {"headline", "deep"}


def test_a_name_that_nothing_provides_ends_the_build(reference, tmp_path):
    changed = deepcopy(reference)
    del changed["claims"]["cost"]["checks"]["mnist-passes-of-ossum"]
    with pytest.raises(typst.TypstError, match="mnist-passes-of-ossum"):
        typst.compile(str(TEXT), **inputs(changed, tmp_path))


@pytest.mark.parametrize("tables", [{}, {"fig1": full("fig1")}], ids=["nothing", "Figure 1 alone"])
def test_it_can_be_made_of_little(tables, tmp_path):
    pages = typst.compile(str(TEXT), **inputs(numbers_of(tables), tmp_path))
    assert pages.startswith(b"%PDF")


def test_two_builds_are_one_file(reference, tmp_path):
    drawn = "fig1,fig8"
    one, two = (
        typst.compile(str(TEXT), timestamp=0, **inputs(reference, tmp_path, drawn))
        for _ in range(2)
    )
    assert one == two


def test_no_number_is_typed_by_hand():
    text = re.sub(r"//.*", "", TEXT.read_text(encoding="utf-8"))
    for left_out in (r'"[^"]*"', r"\$[^$]*\$", r"`[^`]*`", r"FC-[\d-]+", "CIFAR-10", r"\bn: \d"):
        text = re.sub(left_out, "", text)
    assert not re.findall(r".*\d.*", text)
