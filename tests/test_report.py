"""The report, the tables people read, the picture of the rules: as files and in a browser."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree

import figure_tables
import numpy as np
import pytest
from helpers import ROOT
from workflows import snakemake, tiny

from ossum import results
from ossum.registry import FIGURES
from ossum.stage_graph import draw, stages
from ossum.summary import page, summarise

TARGETS = ("figures/fig1.pdf", "results/tables/fig1.html", "figures/rulegraph.svg")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)


class Page(HTMLParser):
    """What a page shows as text, and what it loads from elsewhere when it is opened."""

    def __init__(self, html: str):
        super().__init__()
        self.hidden = None
        self.scripts, self.loads, self.words = 0, [], []
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        if tag in ("script", "style"):
            self.hidden = tag
            self.scripts += 1
        if tag in ("script", "link", "img", "iframe"):
            sources = [value for key, value in attributes if key in ("src", "href")]
            self.loads += [source for source in sources if not source.startswith("data:")]

    def handle_endtag(self, tag):
        if tag == self.hidden:
            self.hidden = None

    def handle_data(self, data):
        if not self.hidden:
            self.words.append(data)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished tiny run with its report."""
    folder = tmp_path_factory.mktemp("report")
    config = tiny(folder / "config.yaml")
    snakemake(folder, *TARGETS, config=config)
    snakemake(folder, *TARGETS, "--report", "report.html", config=config)
    return folder


def test_the_report_is_one_file_with_everything(run):
    html = (run / "report.html").read_text()
    opened = Page(html)
    assert opened.scripts > 10 and opened.loads == []
    (found,) = re.findall(r"var results = (\{.*\});", html)
    entries = json.loads(found)
    assert set(entries) == {"figures/fig1.png", *TARGETS[1:]}
    assert all(entry["data_uri"].startswith("data:") for entry in entries.values())
    figure = entries["figures/fig1.png"]
    assert figure["labels"] == {"figure": "Figure 1", "topic": FIGURES["fig1"].topic}
    assert "System Message" not in html  # of reStructuredText, in the place of an error


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine (Debian: chromium)")
def test_the_report_in_a_browser_without_a_network(run, tmp_path):
    def shown(commands: str) -> Page:
        """The page after some clicks, here as the commands that they run."""
        before, after = (run / "report.html").read_text().rsplit("</body>", 1)
        clicks = f"<script>setTimeout(() => {{ {commands} }}, 100)</script></body>"
        (tmp_path / "report.html").write_text(before + clicks + after)
        command = [CHROMIUM, "--headless", "--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000"]
        command += ["--dump-dom", (tmp_path / "report.html").as_uri()]
        return Page(subprocess.run(command, capture_output=True, text=True, timeout=300).stdout)

    home = shown("").text
    assert all(category in home for category in ("Figures of the paper", "Rule graph", "Tables"))
    listed = shown("app.showCategory('Figures of the paper')").text
    assert f"Figure 1 {FIGURES['fig1'].topic}" in listed
    caption = " ".join((ROOT / "rules/captions/fig1.rst").read_text().split())
    assert caption not in listed
    show = "app.setView({navbarMode: 'resultinfo', resultPath: path, content: 'img', contentPath: "
    show += "results[path].data_uri}); setTimeout(() => document.body.append("
    show += "document.querySelector('img[src*=png]').naturalWidth + ' pixels'), 100)"
    figure = shown(f"const path = 'figures/fig1.png'; {show}").text
    assert caption in figure
    assert int(re.search(r"(\d+) pixels", figure).group(1)) > 500
    table = "results['results/tables/fig1.html'].data_uri"
    numbers = shown(f"fetch({table}).then(r => r.text()).then(t => document.body.append(t))").text
    assert "digits" in numbers


def test_every_figure_has_a_caption():
    for name in FIGURES:
        text = (ROOT / f"rules/captions/{name}.rst").read_text()
        assert 2 <= len(re.findall(r"\.(?:\s|$)", text)) <= 6, name


def rows_of(html: str) -> list[dict[str, str]]:
    """The rows of the table in a page, a text for each column."""
    table = ElementTree.fromstring(html[html.index("<table") : html.index("</table>") + 8])
    head, *rows = [[cell.text or "" for cell in row] for row in table.iter("tr")]
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_a_page_says_what_the_cells_say(run):
    written = rows_of((run / TARGETS[1]).read_text())
    table = results.read(run / "results/tables/fig1.parquet")
    assert len(written) == 4
    for row in written:
        chosen = table.query(f"method == '{row['method']}' and sparsity == {row['sparsity']}")
        first, second = chosen["accuracy"]
        assert float(row["mean"]) == pytest.approx((first + second) / 2, rel=1e-3)
        assert float(row["sd"]) == pytest.approx(abs(first - second) / 2**0.5, rel=1e-3)
        assert row["widths"] == str(chosen["widths"].iloc[0][0]) and row["seeds"] == "2"


@pytest.mark.parametrize("figure", FIGURES)
def test_every_kind_of_table_has_a_summary(figure):
    """A row for each thing that is measured: nothing is lost, nothing is mixed."""
    table = figure_tables.full(figure)
    summary = summarise(table)
    what = table.columns.intersection([field.name for field in results.KEYS] + ["layer", "widths"])
    measured = 5 if figure == "fig8" else 1
    assert summary["seeds"].sum() == measured * len(table[what].astype(str).drop_duplicates())
    rest = summary[summary["stage"] != "search"]
    assert rest["seeds"].eq(table["seed"].nunique()).all()
    assert len(rows_of(page(summary, figure))) == len(summary)


def test_a_summary_takes_the_last_epoch_and_leaves_out_what_diverged():
    table = figure_tables.cells("trained", ("norm",), sparsities=(0.5,), epochs=4)
    table.loc[(table["seed"] == 1) & (table["epoch"] > 2), "accuracy"] = np.nan
    (row,) = summarise(table.sample(frac=1, random_state=0)).to_dict("records")
    last = table[(table["epoch"] == 4) & (table["seed"] != 1)]["accuracy"]
    assert row["mean"] == pytest.approx(last.mean()) and row["seeds"] == 2


def test_rules_of_a_stage_are_one_node_of_the_graph(tmp_path):
    """By hand: two rules prune, and evaluation reads recipes, but gets there by pruning too."""
    printed = """
        id0[figures]
        id1[evaluate_wide]
        id2[prune_wide]
        id3[prune_deep]
        id4[init]
        style id0 fill:#D9D457
        id1 --> id0
        id2 --> id1
        id3 --> id1
        id4 --> id1
        id4 --> id2
        id4 --> id3
    """
    graph = stages(printed)
    assert set(graph.edges) == {("init", "prune"), ("prune", "evaluate"), ("evaluate", "figures")}
    draw(graph, tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text().count('id="patch_') > len(graph.nodes)


def test_the_picture_shows_the_workflow_at_hand(run):
    """Matplotlib draws words as shapes and leaves them beside these as comments."""
    words = set(re.findall(r"<!-- (.*?) -->", (run / "figures/rulegraph.svg").read_text()))
    shown = {"dataset", "init", "prune", "evaluate", "table", "figure", "summary", "figures"}
    shown |= {"claims", "costs"}
    assert words == shown


def test_a_figure_without_a_caption_is_refused(tmp_path):
    for name in ("Snakefile", "rules", "scripts", "ossum", "config", "environment.yml"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    (tmp_path / "rules/captions/fig3.rst").unlink()
    run = snakemake(tmp_path, "--dry-run", snakefile=tmp_path / "Snakefile", check=False)
    assert run.returncode != 0
    message = "figure 'fig3' has no caption for the report: write rules/captions/fig3.rst"
    assert message in run.stdout
