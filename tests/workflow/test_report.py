"""The report of a run: one file with figures, captions and tables, also in a browser."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from helpers import ROOT
from workflows import TARGETS, snakemake

from ossum.config.registry import FIGURES

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
CAPTION = " ".join((ROOT / "rules/captions/fig1.rst").read_text().split())


def words(html: str) -> str:
    """What a page shows as text."""
    text = re.sub(r"(?s)<(script|style)\b.*?</\1>|<[^>]*>", " ", html)
    return " ".join(unescape(text).split())


@pytest.fixture(scope="module")
def report(finished, tmp_path_factory) -> Path:
    folder = shutil.copytree(finished, tmp_path_factory.mktemp("report") / "run")
    snakemake(folder, *TARGETS, "--report", "report.html")
    return folder / "report.html"


def test_the_report_is_one_file_with_everything(report):
    html = report.read_text()
    tags = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", re.sub("(?s)data:.*?[\"']", "", html))
    assert len(tags) > 10 and not [tag for tag in tags if re.search(r'(src|href)="[^"]', tag)]
    assert "System Message" not in html  # of reStructuredText, in the place of an error
    (found,) = re.findall(r"var results = (\{.*\});", html)
    entries = json.loads(found)
    pages = {"figures/fig1.html", "results/claims.html"}
    assert set(entries) == {"figures/fig1.png", "figures/claims.png", *pages}
    for entry in entries.values():
        assert entry["data_uri"].startswith("data:") and len(entry["caption"]) > 100
    assert CAPTION in words(entries["figures/fig1.png"]["caption"])


def test_every_figure_has_a_caption():
    for name in (*FIGURES, "claims", "checks", "table", "workflow"):
        text = (ROOT / f"rules/captions/{name}.rst").read_text()
        assert 2 <= len(re.findall(r"\.(?:\s|$)", text)) <= 6, name


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine (Debian: chromium)")
def test_the_report_in_a_browser_without_a_network(report, tmp_path):
    def shown(commands: str) -> str:
        """The page after some clicks, here as the commands that they run."""
        before, after = report.read_text().rsplit("</body>", 1)
        clicks = f"<script>setTimeout(() => {{ {commands} }}, 100)</script></body>"
        (tmp_path / "report.html").write_text(before + clicks + after)
        command = [CHROMIUM, "--headless", "--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000"]
        command += ["--dump-dom", (tmp_path / "report.html").as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        return words(done.stdout)

    home = shown("")
    assert all(category in home for category in ("Figures of the paper", "Claims", "Tables"))
    listed = shown("app.showCategory('Figures of the paper')")
    assert FIGURES["fig1"].topic in listed and CAPTION not in listed
    claims = shown("app.showCategory('Claims')")
    assert "expected against observed" in claims and "every check" in claims
    show = "app.setView({navbarMode: 'resultinfo', resultPath: path, content: 'img', contentPath: "
    show += "results[path].data_uri}); setTimeout(() => document.body.append("
    show += "document.querySelector('img[src*=png]').naturalWidth + ' pixels'), 100)"
    figure = shown(f"const path = 'figures/fig1.png'; {show}")
    assert CAPTION in figure
    assert int(re.search(r"(\d+) pixels", figure)[1]) > 500
    table = "results['figures/fig1.html'].data_uri"
    assert "digits" in shown(
        f"fetch({table}).then(r => r.text()).then(t => document.body.append(t))"
    )
