"""Findings as a page for a browser: a card for each claim, and a table of every check."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

import pandas as pd

from ossum.claims.check import NOT_RUN, Finding
from ossum.claims.table import (
    NOTHING_JUDGED,
    as_table,
    explained,
    none_judged,
    rows,
    statement,
    tally,
    verdict,
)
from ossum.config.registry import FIGURES
from ossum.figures.claims import VERDICTS, draw_claim
from ossum.figures.pages import page, sortable
from ossum.storage.files import atomic

_READING = """\
In each picture a point is what was observed, with its 95 % interval over seeds; that of the best of
several allows for their number. For the statement to hold it has to lie in the green range; a
dotted line is the number that the paper gives. A check holds (●) if its whole interval is green, is
contradicted (✖) if none of it is, and is inconclusive (◆) in between; with an asterisk it does not
survive a correction for all checks of the paper together. A claim is reproduced if all of its
checks hold, and mixed if some do. If none does, it is contradicted if the data rule at least one of
them out, and else inconclusive. OSSuM scores the last
hidden layer; in deep networks the layers below are pruned by the norm of their weights (OSSuM +
Norm), or scored in turn (PAB, prune-and-build). A compression of 4× leaves a quarter of neurons.
"""


def write_page(findings: Iterable[Finding], path: str | Path) -> None:
    """The verdicts with their reasons, the paper's claims first, and every check below."""
    findings = list(findings)
    ours = [finding for finding in findings if finding.claim.ours]
    papers = [finding for finding in findings if not finding.claim.ours]
    parts = [f"<p><b>{tally(finding.verdict for finding in papers)}</b> (claims of the paper).</p>"]
    if none_judged(findings):
        parts.append(f'<p class="note">{_code(NOTHING_JUDGED)}</p>')
    parts += [f"<p>{_READING}</p>", *map(_card, papers)]
    parts += ["<h2>Our own questions, which the paper does not ask</h2>", *map(_card, ours)]
    checks = [
        {"claim": finding.claim.id, "verdict": verdict(finding)} | row
        for finding in findings
        for row in rows(finding.outcomes)
    ]
    parts += ["<h2>Every check</h2>", sortable(pd.DataFrame(checks))]
    with atomic(path) as temporary:
        temporary.write_text(page("What holds", "\n".join(parts)), encoding="utf-8")


def _card(finding: Finding) -> str:
    claim, word = finding.claim, verdict(finding)
    sign, colour = VERDICTS[finding.verdict]
    badge = f'<span class="badge" style="background: {colour}">{sign} {escape(word)}</span>'
    name = FIGURES[claim.table].label if claim.table in FIGURES else claim.table
    where = f"<code>{claim.id}</code>, {name}"
    said = [f"<p>{badge} {where}</p>", f"<p><b>{_code(statement(finding))}</b></p>"]
    said.append(f"<p>{escape(f'{explained(finding)} {claim.note}')}</p>")
    if finding.verdict == NOT_RUN:
        command = f"./run snakemake --cores 8 results/claims/{claim.id}.md"
        said.append(f"<p>As in the paper: <code>{command}</code></p>")
    return f"<section>{''.join(said)}{draw_claim(as_table([finding]))}</section>"


def _code(text: str) -> str:
    """HTML of a text with `code`."""
    parts = escape(text).split("`")
    return "".join(f"<code>{p}</code>" if odd % 2 else p for odd, p in enumerate(parts))
