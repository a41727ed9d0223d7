"""Findings as a table for programs (Parquet) and for people (Markdown)."""

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
    Check,
    Finding,
    Outcome,
)
from ossum.storage.files import atomic

# Of a question that the paper does not ask.
_ANSWERS = {
    REPRODUCED: "yes",
    MIXED: "partly",
    CONTRADICTED: "no",
    INCONCLUSIVE: "inconclusive",
    NOT_RUN: NOT_RUN,
}


_FLOATS = ("low", "high", "expected", "observed", "interval_low", "interval_high", "effect")
_FLOATS += ("p_value", "p_holm")


def as_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """A row for each check, with the verdict of its claim.

    qualified: the verdict as people read it (`verdict`). p_holm, verdict_holm: with all checks of
    the paper's claims together (`check.with_holm`).
    """
    table = pd.DataFrame(
        {
            "claim": finding.claim.id,
            "statement": finding.claim.statement,
            "table": finding.claim.table,
            "of_paper": not finding.claim.ours,
            "verdict": finding.verdict,
            "qualified": verdict(finding),
            "check": outcome.check.what,
            "low": outcome.check.low,
            "high": outcome.check.high,
            "expected": outcome.check.expected,
            "reason": outcome.check.reason,
            "unit": outcome.check.unit,
            "outcome": outcome.word,
            "observed": found.value if (found := outcome.estimate) else None,
            "interval_low": found.interval[0] if found and found.interval else None,
            "interval_high": found.interval[1] if found and found.interval else None,
            "effect": found.effect if found and outcome.check.difference else None,
            "n_seeds": found.n_seeds if found else 0,
            "n_candidates": found.n_candidates if found else 0,
            "p_value": outcome.p_value,
            "p_holm": outcome.p_holm,
            "verdict_holm": finding.verdict_holm,
            "evidence": outcome.evidence,
        }
        for finding in findings
        for outcome in finding.outcomes
    )
    return table.astype(dict.fromkeys(_FLOATS, float))  # where all are None, too


def verdict(finding: Finding) -> str:
    """The verdict, in words that fit who asked, and what qualifies it."""
    text = _ANSWERS[finding.verdict] if finding.claim.ours else finding.verdict
    words = [outcome.word for outcome in finding.outcomes]
    if (lead := finding.largest_lead) is not None:
        text += f": no lead above {lead:.1f} points" if lead > 0 else ": no lead"
    if finding.verdict != NOT_RUN and NOT_RUN in words:
        text += f" ({words.count(NOT_RUN)} of {len(words)} checks not run)"
    return text


def explained(finding: Finding) -> str:
    """Why the verdict is what it is, in plain sentences."""
    outcomes = finding.outcomes
    if finding.verdict == NOT_RUN:
        return f"These results cannot tell: {outcomes[0].evidence}."
    n_holding = sum(outcome.word == HOLDS for outcome in outcomes)
    if n_holding == len(outcomes):
        count = {1: "Its check holds", 2: "Both checks hold"}
        first = outcomes[0]
        begin = count.get(n_holding, f"All {n_holding} checks hold")
        return f"{begin}. {first.check.what}: it is {observed(first)}."
    verb = "hold" if n_holding > 1 else "holds"
    said = [f"{n_holding or 'None'} of {len(outcomes)} checks {verb}."]
    for word in (CONTRADICTED, INCONCLUSIVE):
        found = [outcome for outcome in outcomes if outcome.word == word]
        for first in found[:1]:
            should = _range(first.check)
            end = (
                f"it should be {should}"
                if word == CONTRADICTED
                else f"whether it is {should} is open"
            )
            also = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            said.append(f"{first.check.what}: it is {observed(first)}; {end}{also}.")
    return " ".join(said)


def _range(check: Check) -> str:
    """'above 0', 'below 5', '62 ± 4'."""
    if check.expected is not None:
        return wanted(check)
    return wanted(check).replace(">", "above").replace("<", "below")


def tally(verdicts: Iterable[str]) -> str:
    """'6 reproduced, 5 mixed, ...': how many claims have each verdict, good ones first."""
    verdicts = list(verdicts)
    words = (REPRODUCED, MIXED, INCONCLUSIVE, CONTRADICTED, NOT_RUN)
    return ", ".join(f"{n} {word}" for word in words if (n := verdicts.count(word)))


# What people read first where no claim is judged, as in the smoke tier.
NOTHING_JUDGED = """\
No claim is judged by these results, and this is not an error. The claims are about networks of
1,000 neurons and more on MNIST and CIFAR-10, with several seeds. The smoke tier has smaller ones on
other data: it shows that every step runs. To judge claims, run `figures` with
`--configfile config/quick.yaml` (real data, some of the claims), with
`--configfile config/reference.yaml` (all claims, from the numbers that come with the code), or
without either (the whole paper)."""


def none_judged(findings: Iterable[Finding]) -> bool:
    return all(finding.verdict == NOT_RUN for finding in findings)


def write_parquet(findings: Iterable[Finding], path: str | Path) -> None:
    with atomic(path) as temporary:
        as_table(findings).to_parquet(temporary, index=False)


def write_markdown(findings: Iterable[Finding], path: str | Path, sources: Iterable[str]) -> None:
    """The verdicts in one table, then every check. sources: the files that they come from."""
    findings = list(findings)
    named = ", ".join(f"`{source}`" for source in sources) or "no table: no figure is configured"
    parts = [f"# What holds\n\nComputed from {named}.\n"]
    if none_judged(findings):
        parts.append(f"{NOTHING_JUDGED}\n")
    of_paper = [finding for finding in findings if not finding.claim.ours]
    ours = [finding for finding in findings if finding.claim.ours]
    for heading, chosen in (("The paper's claims", of_paper), ("Beyond the paper", ours)):
        if chosen:
            parts.append(f"## {heading}\n\n{_verdicts(chosen)}\n")
    parts.append(f"## Every check\n\n{_LEGEND}\n")
    parts += [
        f"### `{finding.claim.id}`: {verdict(finding)}\n\n{statement(finding)}\n\n"
        f"{explained(finding)} {finding.claim.note}\n\n{checks_table(finding.outcomes)}\n"
        for finding in findings
    ]
    with atomic(path) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8")


def statement(finding: Finding) -> str:
    """The claim as a sentence. A statement lacks its full stop, a question has its mark."""
    return finding.claim.statement + "." * (not finding.claim.ours)


_LEGEND = """\
A check *holds* if its whole 95 % interval lies in the wanted range, is *contradicted* if none of
the interval does, and is *inconclusive* otherwise. Intervals are Student's, over seeds; that of the
best of several allows for their number. The effect is the observed value in standard deviations
over seeds. An asterisk (*) marks a check that does not survive a correction for all checks of the
paper's claims together (Holm)."""


def _verdicts(findings: list[Finding]) -> str:
    rows = [
        {
            "claim": f"`{finding.claim.id}`",
            "table": finding.claim.table,
            "statement": finding.claim.statement,
            "verdict": f"**{verdict(finding)}**",
            "checks": counts(finding.outcomes),
        }
        for finding in findings
    ]
    return pd.DataFrame(rows).to_markdown(index=False)


def counts(outcomes: list[Outcome]) -> str:
    """'3 hold, 1 inconclusive'."""
    words = [outcome.word for outcome in outcomes]
    return ", ".join(
        f"{n} {'hold' if word == HOLDS and n > 1 else word}"
        for word in (HOLDS, INCONCLUSIVE, CONTRADICTED, NOT_RUN)
        if (n := words.count(word))
    )


def checks_table(outcomes: list[Outcome]) -> str:
    return pd.DataFrame(rows(outcomes)).to_markdown(index=False)


def rows(outcomes: list[Outcome]) -> list[dict[str, str]]:
    """A row for each check, as people read it."""
    return [
        {
            "check": outcome.check.what,
            "wanted": wanted(outcome.check),
            "observed": observed(outcome),
            "unit": outcome.check.unit,
            "effect": effect(outcome),
            "outcome": outcome.word + "*" * (outcome.word != outcome.word_holm),
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


def wanted(check: Check) -> str:
    """'82.4 ± 1.5', '> 0', '< 5'."""
    if check.expected is not None:
        return f"{check.expected:g} ± {check.high - check.expected:.2g}"
    bounds = [f"> {check.low:g}"] * isfinite(check.low)
    bounds += [f"< {check.high:g}"] * isfinite(check.high)
    return " and ".join(bounds).replace("-", "−")


def observed(outcome: Outcome) -> str:
    """'81.9 [81.4, 82.4]'; without the interval where there is none."""
    found = outcome.estimate
    if found is None:
        return ""
    low, high = found.interval or (found.value, found.value)
    places = 1 if max(abs(low), abs(high)) >= 1 else 2
    spelled = [f"{x:{'+' * outcome.check.difference}.{places}f}" for x in (found.value, low, high)]
    text = f"{spelled[0]} [{spelled[1]}, {spelled[2]}]" if found.interval else spelled[0]
    return text.replace("-", "−")
