"""Findings as a table for programs (Parquet) and as tables for people (Markdown, HTML)."""

from collections.abc import Iterable
from math import isfinite
from pathlib import Path

import pandas as pd

from ossum.claims.check import (
    CONTRADICTED,
    HOLDS,
    INCONCLUSIVE,
    MIXED,
    NOT_RUN,
    REPRODUCED,
    Finding,
    Outcome,
    verdict_of,
)
from ossum.claims.statistics import LEVEL, holm
from ossum.figures.summary import page
from ossum.storage.files import atomic

# Of a question that the paper does not ask.
_ANSWERS = {
    REPRODUCED: "yes",
    MIXED: "partly",
    CONTRADICTED: "no",
    INCONCLUSIVE: "inconclusive",
    NOT_RUN: NOT_RUN,
}


def as_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """A row for each check, with the verdict of its claim. Quantities are percent or percentage
    points.

    p_holm, verdict_holm: if the checks of the paper's claims, as far as they were run, are to be
    right all at once with 95 %. They are empty for our own questions.
    """
    table = pd.DataFrame(
        {
            "claim": finding.claim.id,
            "statement": finding.claim.statement,
            "tables": ", ".join(finding.claim.tables),
            "of_paper": not finding.claim.ours,
            "verdict": verdict(finding),
            "check": outcome.check.what,
            "low": outcome.check.low,
            "high": outcome.check.high,
            "expected": outcome.check.expected,
            "reason": outcome.check.reason,
            "outcome": outcome.word,
            "observed": found.value if (found := outcome.estimate) else None,
            "interval_low": found.interval[0] if found and found.interval else None,
            "interval_high": found.interval[1] if found and found.interval else None,
            "effect": found.effect if found and outcome.check.difference else None,
            "n_seeds": found.n_seeds if found else 0,
            "p_value": outcome.p_value,
            "evidence": outcome.evidence,
        }
        for finding in findings
        for outcome in finding.outcomes
    )
    counted = table["of_paper"] & table["p_value"].notna()
    table["p_holm"] = pd.Series(holm(table.loc[counted, "p_value"]), table.index[counted])
    survives = ~(table["p_holm"] >= 1 - LEVEL)
    words = table["outcome"].where(survives, INCONCLUSIVE)
    table["verdict_holm"] = words.groupby(table["claim"]).transform(verdict_of)
    return table.assign(verdict_holm=table["verdict_holm"].where(table["of_paper"]))


def verdict(finding: Finding) -> str:
    """The verdict, in words that fit who asked, and what qualifies it."""
    text = _ANSWERS[finding.verdict] if finding.claim.ours else finding.verdict
    words = [outcome.word for outcome in finding.outcomes]
    if (lead := finding.largest_lead) is not None:
        text += f": no lead above {lead:.1f} points" if lead > 0 else ": no lead"
    if finding.verdict != NOT_RUN and NOT_RUN in words:
        text += f" ({words.count(NOT_RUN)} of {len(words)} checks not run)"
    return text


def write_parquet(findings: Iterable[Finding], path: str | Path) -> None:
    floats = ["low", "high", "expected", "observed", "interval_low", "interval_high", "effect"]
    floats += ["p_value", "p_holm"]
    with atomic(path) as temporary:
        as_table(findings).astype(dict.fromkeys(floats, float)).to_parquet(temporary, index=False)


def write_markdown(findings: Iterable[Finding], path: str | Path, sources: Iterable[str]) -> None:
    """The verdicts in one table, then every check. sources: the files that they come from."""
    findings = list(findings)
    named = ", ".join(f"`{source}`" for source in sources) or "no table: no figure is configured"
    parts = [f"# What holds\n\nComputed from {named}.\n"]
    of_paper = [finding for finding in findings if not finding.claim.ours]
    ours = [finding for finding in findings if finding.claim.ours]
    for heading, chosen in (("The paper's claims", of_paper), ("Beyond the paper", ours)):
        if chosen:
            parts.append(f"## {heading}\n\n{_verdicts(chosen)}\n")
    parts.append(f"## Every check\n\n{_LEGEND}\n")
    parts += [
        f"### `{finding.claim.id}`: {verdict(finding)}\n\n"
        f"{_sentences(finding)}\n\n{checks_table(finding.outcomes)}\n"
        for finding in findings
    ]
    with atomic(path) as temporary:
        temporary.write_text("\n".join(parts))


def _sentences(finding: Finding) -> str:
    """The statement and its note. A statement lacks its full stop, a question has its mark."""
    end = "" if finding.claim.ours else "."
    return f"{finding.claim.statement}{end} {finding.claim.note}".strip()


def write_page(findings: Iterable[Finding], path: str | Path) -> None:
    """Every check in one table that a browser shows and sorts."""
    rows = [
        {"claim": finding.claim.id, "verdict": verdict(finding)} | row
        for finding in findings
        for row in _rows(finding.outcomes)
    ]
    with atomic(path) as temporary:
        temporary.write_text(page(pd.DataFrame(rows), "What holds"), encoding="utf-8")


_LEGEND = """\
Numbers are percent and percentage points, if nothing else is said. A check *holds* if its whole
95 % interval lies in the wanted range, is *contradicted* if none of the interval does, and is
*inconclusive* otherwise. Intervals are Student's, over seeds. The effect is the observed value in
standard deviations over seeds."""


def _verdicts(findings: list[Finding]) -> str:
    rows = [
        {
            "claim": f"`{finding.claim.id}`",
            "table": ", ".join(finding.claim.tables),
            "statement": finding.claim.statement,
            "verdict": f"**{verdict(finding)}**",
            "checks": _count(finding.outcomes),
        }
        for finding in findings
    ]
    return pd.DataFrame(rows).to_markdown(index=False)


def _count(outcomes: list[Outcome]) -> str:
    """'3 hold, 1 undecided'."""
    words = [outcome.word for outcome in outcomes]
    present = [word for word in (HOLDS, INCONCLUSIVE, CONTRADICTED, NOT_RUN) if word in words]
    return ", ".join(
        f"{n} {'hold' if word == HOLDS and n > 1 else word}"
        for word in present
        if (n := words.count(word))
    )


def checks_table(outcomes: list[Outcome]) -> str:
    return pd.DataFrame(_rows(outcomes)).to_markdown(index=False)


def _rows(outcomes: list[Outcome]) -> list[dict[str, str]]:
    return [
        {
            "check": outcome.check.what,
            "wanted": wanted(outcome),
            "observed": observed(outcome),
            "effect": effect(outcome),
            "outcome": outcome.word,
            "evidence": outcome.evidence,
            "why this range": outcome.check.reason,
        }
        for outcome in outcomes
    ]


def effect(outcome: Outcome) -> str:
    """'+2.1': only a difference has one."""
    found = outcome.estimate
    if not outcome.check.difference or found is None or found.effect is None:
        return ""
    return f"{found.effect:+.1f}"


def wanted(outcome: Outcome) -> str:
    """'82.4 ± 1.5', '> 0', '< 5'."""
    check = outcome.check
    if check.expected is not None:
        return f"{check.expected:g} ± {check.high - check.expected:.2g}"
    bounds = [f"> {check.low:g}"] * isfinite(check.low) + [f"< {check.high:g}"] * isfinite(
        check.high
    )
    return " and ".join(bounds)


def observed(outcome: Outcome) -> str:
    """'81.9 [81.4, 82.4]'; without the interval where there is none."""
    found = outcome.estimate
    if found is None:
        return ""
    sign = "+" if outcome.check.difference else ""
    text = f"{found.value:{sign}.1f}"
    if found.interval:
        low, high = found.interval
        text += f" [{low:{sign}.1f}, {high:{sign}.1f}]"
    return text
