"""Claims under other readings of the paper."""

from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import yaml
from figure_tables import BOTH, evaluations, full

from ossum.claims import CLAIMS
from ossum.claims.readings import Reading, judge_all, readings_table, write_markdown
from ossum.config.schema import ConfigError, parse_config
from ossum.figures import claims as claims_figure
from ossum.figures.claims import draw_readings
from ossum.storage.results import IDENTITY

ROOT = Path(__file__).parents[2]
OWN = '{"gradient": {"momentum": 0.0}}'


@pytest.fixture(scope="module")
def fig1() -> pd.DataFrame:
    """The mask is far ahead of every variant of OSSuM."""
    table = full("fig1").query("architecture == 'FC-1000'")
    return table.assign(accuracy=table["accuracy"] + 0.1 * (table["method"] == "gradient"))


@pytest.fixture(scope="module")
def weak_mask() -> pd.DataFrame:
    rows = evaluations("pruned", ["gradient"], BOTH, ["FC-1000"]).assign(options=OWN)
    return rows.assign(accuracy=rows["accuracy"] - 0.1)


def reading(**others) -> Reading:
    values = {"name": "weak", "claims": ["gradient-mask"], "figure": "fig1", "what": "a weak mask"}
    return Reading(**values | others)


def without_mask(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["method"] != "gradient"]


def test_a_claim_is_judged_by_the_results_of_a_reading(fig1, weak_mask):
    table = pd.concat([without_mask(fig1), weak_mask])
    found = judge_all(["gradient-mask"], [reading()], {"fig1": fig1, "weak": table})
    assert [(j.reading, j.finding.verdict) for j in found] == [
        ("default", "contradicted"),
        ("weak", "reproduced"),
    ]


def test_another_method_stands_in(fig1, weak_mask):
    other = weak_mask.assign(method="coreset", options="")
    table = pd.concat([fig1, other])  # the usual mask is there too, and does not count
    finding = reading(instead={"gradient": "coreset"}).judge(table)[0]
    assert finding.verdict == "reproduced"


def test_results_with_two_sets_of_options_are_refused(fig1, weak_mask):
    with pytest.raises(ValueError, match=r"readings\.weak\.views: .* list the methods"):
        reading().judge(pd.concat([fig1, weak_mask]))


def test_a_reading_that_was_not_run_says_so(fig1, tmp_path):
    found = judge_all(["gradient-mask"], [reading()], {"fig1": fig1})
    assert found[1].finding.verdict == "not run"
    table = readings_table(found)
    assert set(table["reading"]) == {"default", "weak"} and len(table) == 8
    write_markdown(found, tmp_path / "readings.md")
    text = (tmp_path / "readings.md").read_text(encoding="utf-8")
    assert "| a weak mask" in text and "**not run**" in text


def test_each_check_is_shown_under_every_reading(fig1, weak_mask, tmp_path):
    tables = {"fig1": fig1, "weak": pd.concat([without_mask(fig1), weak_mask])}
    write_markdown(judge_all(["gradient-mask"], [reading()], tables), tmp_path / "readings.md")
    text = (tmp_path / "readings.md").read_text(encoding="utf-8")
    side_by_side = text.partition("## `gradient-mask`\n")[2].partition("##")[0]
    rows = [line for line in side_by_side.splitlines() if line.startswith("|")]
    assert [row.split("|")[1].strip() for row in rows[2:]] == [
        "wanted",
        "as in the figures",
        "a weak mask",
    ]
    assert rows[3].count("✗") == rows[4].count("✓") == 4
    assert "| 4 hold" in text and "| 4 contradicted" in text


def test_the_picture_has_an_axis_a_check_and_a_row_a_reading(
    fig1, weak_mask, tmp_path, monkeypatch
):
    figures, draw = [], claims_figure._picture
    monkeypatch.setattr(claims_figure, "_picture", lambda t: figures.append(draw(t)) or figures[-1])
    tables = {"fig1": fig1, "weak": pd.concat([without_mask(fig1), weak_mask])}
    found = judge_all(["gradient-mask", "chance"], [reading()], tables)
    draw_readings(readings_table(found), tmp_path / "readings.pdf", tmp_path / "readings.png")
    rows = [[tick.get_text() for tick in a.get_yticklabels()] for a in figures[0].axes]
    assert rows == [["as in the figures", "a weak mask"]] * 4
    titles = [text.get_text() for text in figures[0].texts]
    assert titles[0] == "gradient-mask, MNIST: best variant − gradient mask, 2× to 8×"
    assert len(titles) == 4 and (tmp_path / "readings.pdf").exists()


def configuration(**changes) -> dict:
    paper = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    mine = yaml.safe_load((ROOT / "config" / "readings.yaml").read_text(encoding="utf-8"))
    grids = paper["grids"] | mine["grids"]
    return paper | {"grids": grids, "readings": mine["readings"] | changes}


def test_every_reading_that_we_name_is_one_of_a_claim_about_its_figure():
    config = parse_config(configuration())
    assert config.readings
    for item in config.readings.values():
        assert item.what
        for claim in item.claims:
            assert CLAIMS[claim].table == item.figure


def test_no_reading_we_name_has_a_result_twice():
    """Checked without results: of each reading, networks and methods with their options."""
    config = parse_config(configuration())
    for name in config.readings:
        rows = [
            {"options": config.own_options(view.grid), "method": method, "stage": stage}
            | dict(zip(grid.networks(), network, strict=True))
            for view, grid in config.views(name)
            for method, stage in product(grid.methods, view.stages)
            for network in product(*grid.networks().values())
        ]
        keys = [key for key in IDENTITY if key in rows[0] and key != "options"]
        assert not pd.DataFrame(rows).duplicated(keys).any(), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fig1": {"claims": ["chance"], "figure": "fig1", "what": "x"}}, "has that name"),
        ({"mine": {"claims": [], "figure": "fig1", "what": "x"}}, "readings.mine.claims"),
        ({"mine": {"claims": ["chance"], "figure": "fig2", "what": "x"}}, "origin 'trained'"),
        (
            {"mine": {"claims": ["chance"], "figure": "fig1", "what": "x", "instead": {"a": "b"}}},
            "unknown method or distribution 'a'",
        ),
        ({"Mine": {"claims": ["chance"], "figure": "fig1", "what": "x"}}, "starts with a letter"),
    ],
)
def test_bad_readings_are_refused(changes, message):
    views = [{"grid": "two-layer-narrow"}]
    changes = {name: values | {"views": views} for name, values in changes.items()}
    with pytest.raises(ConfigError, match=message):
        parse_config(configuration(**changes))
