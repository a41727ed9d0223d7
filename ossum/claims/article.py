"""The numbers of the article (docs/paper/paper.typ), as one JSON file.

`claims`: by id, the statement, the verdict and the checks. A check's name is made from its words:
"MNIST: PAB − Norm, any sparsity" is "mnist-pab-norm-any-sparsity". A check has `value`, `low` and
`high` (its 95 % interval), `n` (seeds), `unit`, `outcome`, `expected` (the paper's number, if it
gives one), `wanted` and `evidence`.

`accuracies`: by "table/data set/architecture/method/stage/sparsity", of tanh networks with uniform
weights and without options of a grid's own, of learning curves at the last epoch: `value`, `sd` (in
percent) and `n` (seeds).

`readings`: a row for each claim under each reading, with its checks. `facts`: of the run, as on the
report's first page. `verdicts`: how many claims have each. What was not run is null.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from ossum.claims.check import Finding, Outcome
from ossum.claims.readings import Judged
from ossum.claims.table import counts, explained, none_judged, verdict, wanted
from ossum.config.grids import spell_sparsity
from ossum.figures.tables import last_epochs, once

_NAMED_BY = ["dataset", "architecture", "method", "stage", "sparsity"]


def article(
    findings: Sequence[Finding],
    judged: Iterable[Judged],
    tables: Mapping[str, pd.DataFrame],
    facts: Mapping[str, str],
) -> dict[str, object]:
    """What the JSON file holds. tables: those of the figures, by name."""
    verdicts = [finding.verdict for finding in findings if not finding.claim.ours]
    return {
        "claims": {finding.claim.id: _claim(finding) for finding in findings},
        "verdicts": {word: verdicts.count(word) for word in sorted(set(verdicts))},
        "nothing_judged": none_judged(findings),
        "accuracies": {
            f"{name}/{key}": value
            for name, table in tables.items()
            if {"accuracy", "correct"} <= set(table.columns)
            for key, value in _accuracies(table)
        },
        "readings": [_reading(each) for each in judged],
        "facts": dict(facts),
    }


def check_name(what: str) -> str:
    """'MNIST: PAB − Norm, any sparsity' -> 'mnist-pab-norm-any-sparsity'."""
    return re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-")


def _claim(finding: Finding) -> dict[str, object]:
    words = [outcome.word for outcome in finding.outcomes]
    return {
        "statement": finding.claim.statement,
        "of_paper": not finding.claim.ours,
        "verdict": finding.verdict,
        "qualified": verdict(finding),
        "explained": explained(finding),
        "largest_lead": finding.largest_lead,
        "survives_holm": finding.verdict == finding.verdict_holm,
        "n_checks": len(words),
        "n_holding": words.count("holds"),
        "checks": {check_name(o.check.what): _check(o) for o in finding.outcomes},
    }


def _check(outcome: Outcome) -> dict[str, object]:
    found = outcome.estimate
    low, high = found.interval if found and found.interval else (None, None)
    return {
        "what": outcome.check.what,
        "value": found.value if found else None,
        "low": low,
        "high": high,
        "n": found.n_seeds if found else 0,
        "unit": outcome.check.unit,
        "outcome": outcome.word,
        "expected": outcome.check.expected,
        "wanted": wanted(outcome.check),
        "evidence": outcome.evidence,
    }


def _accuracies(table: pd.DataFrame) -> Iterable[tuple[str, dict[str, object]]]:
    usual = (table["activation"] == "tanh") & (table["distribution"] == "uniform")
    usual &= (table["options"] == "") & table["sparsity"].notna() & table["method"].notna()
    rows = once(table[usual])
    rows = last_epochs(rows) if "epoch" in rows else rows
    by = rows.groupby(_NAMED_BY)["accuracy"]
    for key, row in by.agg(["mean", "std", "count"]).iterrows():
        *names, sparsity = key
        sd = None if pd.isna(row["std"]) else 100 * row["std"]
        value = {"value": 100 * row["mean"], "sd": sd, "n": int(row["count"])}
        yield "/".join([*names, spell_sparsity(sparsity)]), value


def _reading(each: Judged) -> dict[str, object]:
    finding = each.finding
    return {
        "claim": finding.claim.id,
        "reading": each.reading,
        "what": each.what,
        "verdict": finding.verdict,
        "qualified": verdict(finding),
        "counts": counts(finding.outcomes),
        "checks": {check_name(o.check.what): _check(o) for o in finding.outcomes},
    }
