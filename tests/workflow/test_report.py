"""The report of a run: one file with figures, captions and tables, also in a browser."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
import torch
from helpers import ROOT
from workflows import configure, refused, snakemake

from ossum.config.registry import FIGURES

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
in_a_browser = pytest.mark.skipif(
    not CHROMIUM, reason="no Chromium on this machine (Debian: chromium)"
)
CAPTION = " ".join((ROOT / "rules/captions/fig1.rst").read_text().split())
CLAIMS = "results/claims.html"
# Targets of reports, and what these list.
REPORTS = {
    "one": ("figures/fig1.pdf",),
    "two": ("figures/fig1.pdf", "figures/fig3.pdf"),
    "three": ("figures/fig1.pdf", "figures/fig3.pdf", "figures/beyond.pdf"),
    "claims": ("results/claims.md",),
    "claims and readings": ("results/claims.md", "readings"),  # two results in one category
    "all": ("figures",),
    "all and readings": ("figures", "readings"),
}
# Clicks on every item of the menu and on all that each of them lists, as a person would.
CLICKING = """
(async () => {
    const pause = () => new Promise(done => setTimeout(done, 50));
    const links = () => [...document.querySelectorAll("nav li a")];
    const buttons = () => [...document.querySelectorAll("nav tbody a")];
    const said = [];
    const look = what => {
        const frame = document.querySelector("iframe, img[src^='data:image/png']");
        said.push([what, document.querySelector("#app").textContent, frame ? frame.src.length : 0]);
    };
    const choose = async item => {
        app.setView({navbarMode: "menu"}); await pause();
        links()[item].click(); await pause();
    };
    try {
        await pause();
        look("first page");
        const items = links().map(link => link.textContent);
        for (let item = 0; item < items.length; item++) {
            await choose(item);
            look(items[item]);
            const count = buttons().length;
            for (let button = 0; button < count; button++) {
                await choose(item);
                buttons()[button].click(); await pause();
                look(`${items[item]}, ${button}`);
            }
        }
    } catch (error) {
        errors.push(String(error));
    }
    document.body.innerHTML = "<pre id=said></pre>";
    document.querySelector("#said").textContent = JSON.stringify({errors, said});
})();
"""
LISTENING = """
const errors = [];
addEventListener("error", event => errors.push(event.message));
addEventListener("unhandledrejection", event => errors.push(String(event.reason)));
"""


def words(html: str) -> str:
    """What a page shows as text."""
    text = re.sub(r"(?s)<(script|style)\b.*?</\1>|<[^>]*>", " ", html)
    return " ".join(unescape(text).split())


def in_browser(page: Path, script: str, folder: Path) -> str:
    """The page without a network, after a script that may report `errors`."""
    html = page.read_text(encoding="utf-8").replace(
        '<meta charset="utf-8">', f'<meta charset="utf-8"><script>{LISTENING}</script>', 1
    )
    # At the end of the document: scripts of the report are strings with tags in them.
    (folder / "page.html").write_text(f"{html}<script>{script}</script>", encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
    command += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=60000"]
    command += ["--dump-dom", (folder / "page.html").as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=300).stdout


@pytest.fixture(scope="module")
def drawn(finished, tmp_path_factory) -> Path:
    """A copy of the finished run with all of its figures."""
    folder = shutil.copytree(finished, tmp_path_factory.mktemp("report") / "run")
    snakemake(folder, "figures", "readings")
    return folder


@pytest.fixture(scope="module")
def reports(drawn) -> dict[str, Path]:
    for name, targets in REPORTS.items():
        snakemake(drawn, *targets, "--report", f"{name}.html")
    return {name: drawn / f"{name}.html" for name in REPORTS}


def entries(report: Path) -> dict[str, dict]:
    (found,) = re.findall(r"var results = (\{.*\});", report.read_text(encoding="utf-8"))
    return json.loads(found)


def test_the_report_is_one_file_with_everything(reports):
    html = reports["all"].read_text(encoding="utf-8")
    tags = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", re.sub("(?s)data:.*?[\"']", "", html))
    assert len(tags) > 10 and not [tag for tag in tags if re.search(r'(src|href)="[^"]', tag)]
    assert "System Message" not in html  # of reStructuredText, in the place of an error
    found = entries(reports["all"])
    shown = {name for name in FIGURES if f"figures/{name}.html" in found}
    assert len(shown) == 8 and found.keys() == {CLAIMS} | {f"figures/{n}.html" for n in shown}
    for entry in found.values():
        assert entry["data_uri"].startswith("data:") and len(entry["caption"]) > 100
        assert len(entry["data_uri"]) < 2**21  # browsers open no longer addresses
        assert list(entry["labels"]) == ["result"]
    assert CAPTION in words(found["figures/fig1.html"]["caption"])


def test_captions_are_under_the_pictures(drawn):
    pages = list((drawn / "figures").glob("*.html"))
    assert len(pages) == 8
    for page in pages:
        caption = (ROOT / f"rules/captions/{page.stem}.rst").read_text(encoding="utf-8")
        assert " ".join(caption.split()) in words(page.read_text(encoding="utf-8")), page.name


def test_its_first_page_says_what_was_run(reports):
    first = {
        name: words(json.loads(re.search(r"var workflow_desc = (.*);", path.read_text())[1]))
        for name, path in reports.items()
    }
    for text in first.values():
        assert "Configuration : config.yaml" in text.replace(" :", ":").replace(":", " :")
        assert re.search(r"On ?: .*cores, cpu, float32", text)
        assert re.search(r"Computed ?: 20\d\d-\d\d-\d\d", text)
        assert re.search(rf"With ?: .*torch {re.escape(torch.__version__)}", text)
        assert re.search(r"By commit ?: ([0-9a-f]{10}|unknown)", text)
        assert "version" in text and "openreview.net" in text
    assert "not run" in first["all"] and "not run" not in first["two"]


def test_every_figure_has_a_caption():
    for name in (*FIGURES, "claims", "workflow"):
        text = (ROOT / f"rules/captions/{name}.rst").read_text()
        most = 12 if name == "workflow" else 7  # sentences; that one is a page of its own
        assert 2 <= len(re.findall(r"\.(?:\s|$)", text)) <= most, name
        if name in FIGURES:  # pages show it as it is
            assert not re.search(r"[*`|]|_\b|::", text), name


@in_a_browser
@pytest.mark.parametrize("name", REPORTS)
def test_every_category_and_result_opens(reports, name, tmp_path):
    dom = in_browser(reports[name], CLICKING, tmp_path)
    found = json.loads(unescape(re.search(r'(?s)<pre id="said">(.*?)</pre>', dom)[1]))
    assert found["errors"] == []
    listed = entries(reports[name])
    shown = {what: (text, frame) for what, text, frame in found["said"]}
    assert all(text for text, _ in shown.values()), "a page is blank"
    # Each result has two buttons: one shows it, one says what it is.
    buttons = [what for what in shown if what.rpartition(", ")[2].isdigit()]
    assert len(buttons) == 2 * len(listed)
    frames = {frame for what in buttons if (frame := shown[what][1])}
    assert {len(entry["data_uri"]) for entry in listed.values()} <= frames
    # Claims are listed first. A single category has no name in the menu.
    categories = [what for what in shown if re.fullmatch(r"\d [^,]*", what)]
    assert categories == sorted(categories)
    assert name not in ("all", "all and readings") or len(categories) == 3


@in_a_browser
@pytest.mark.parametrize("page", ["figures/fig1.html", CLAIMS])
def test_a_page_is_filtered_and_sorted(drawn, page, tmp_path):
    word = "gradient" if page != CLAIMS else "headline"
    script = f"""
    const field = document.querySelector("input"), cells = n => [...document.querySelectorAll(
        "table.data tbody tr:not([hidden])")].map(row => row.cells[n].textContent);
    const count = cells(0).length;
    field.value = "{word}"; field.dispatchEvent(new Event("input"));
    const left = cells(0).length;
    const last = document.querySelectorAll("table.data th").length - 1;
    document.querySelectorAll("table.data th")[last].click();
    const sorted = [...field.nextElementSibling.tBodies[0].rows].map(
        row => row.cells[last].textContent);
    document.body.innerHTML = "<pre id=said></pre>";
    document.querySelector("#said").textContent = JSON.stringify({{errors, count, left, sorted}});
    """
    dom = in_browser(drawn / page, script, tmp_path)
    found = json.loads(unescape(re.search(r'(?s)<pre id="said">(.*?)</pre>', dom)[1]))
    assert found["errors"] == [] and 0 < found["left"] < found["count"]
    assert len(found["sorted"]) == found["count"]
    if page != CLAIMS:
        assert found["sorted"] == sorted(found["sorted"], key=float)


def test_a_report_of_another_run_is_refused(drawn, tmp_path):
    """As when --configfile is forgotten: else it would show figures under a wrong name."""
    shutil.copytree(drawn, tmp_path, dirs_exist_ok=True)
    configure(tmp_path / "config.yaml", {"grids": {"shallow": {"seeds": [0, 1]}}})
    said = refused(tmp_path, "figures/fig1.pdf", "--report", "report.html")
    assert "the report is about another run" in said and "--configfile" in said
    assert len(said) < 4000 and not (tmp_path / "report.html").exists()


def test_a_report_without_metadata_is_short(drawn, tmp_path):
    shutil.copytree(drawn, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / ".snakemake")
    said = snakemake(tmp_path, "figures/fig1.pdf", "--report", "report.html")
    assert len(said.splitlines()) < 30 and "Report created" in said
