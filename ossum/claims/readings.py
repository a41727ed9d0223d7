"""Claims under other readings of the paper: the same checks on other results."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import pandas as pd

from ossum.claims import CLAIMS
from ossum.claims.check import CONTRADICTED, HOLDS, INCONCLUSIVE, NOT_RUN, Finding, judge
from ossum.claims.table import as_table, checks_table, counts, observed, verdict, wanted
from ossum.figures.tables import once
from ossum.storage.files import atomic

# The name of the reading that the figures of the paper are drawn from.
DEFAULT = "default"


@dataclass(frozen=True)
class Reading:
    """See `ossum.config.schema.Reading`."""

    name: str
    claims: list[str]
    figure: str
    what: str
    instead: Mapping[str, str] = field(default_factory=dict)

    def judge(self, table: pd.DataFrame) -> list[Finding]:
        """Its claims on its table, in which other methods and distributions stand for the usual.

        ValueError if the table has a result twice, with different options.
        """
        columns = ["method", "distribution"]
        usual = {other: name for name, other in self.instead.items()}
        table = table[~table[columns].isin(list(self.instead)).any(axis=1)]
        table = table.assign(**{column: table[column].replace(usual) for column in columns})
        if len(once(table)) > len(once(table.assign(options=""))):
            raise ValueError(
                f"readings.{self.name}.views: some results are there with two sets of options, and "
                "it is not said which of them count: list the methods of each view"
            )
        tables = {self.figure: table}
        return [judge(CLAIMS[claim], tables, own_options=True) for claim in self.claims]


@dataclass(frozen=True)
class Judged:
    """A claim under a reading. what: the reading in words."""

    reading: str
    what: str
    finding: Finding


def judge_all(
    claims: Iterable[str],
    readings: Iterable[Reading],
    tables: Mapping[str, pd.DataFrame],
) -> list[Judged]:
    """The claims in the default reading and in all others, ordered by claim.

    tables: by the name of the figure or of the reading. A reading without a table is not run.
    """
    found = [Judged(DEFAULT, "as in the figures", judge(CLAIMS[c], tables)) for c in claims]
    for reading in readings:
        table = tables.get(reading.name)
        findings = (
            [judge(CLAIMS[claim], {}) for claim in reading.claims]
            if table is None
            else reading.judge(table)
        )
        found += [Judged(reading.name, reading.what, finding) for finding in findings]
    order = list(CLAIMS)
    return sorted(found, key=lambda judged: order.index(judged.finding.claim.id))


def readings_table(found: Iterable[Judged]) -> pd.DataFrame:
    """A row for each check of each claim under each reading; columns as in `as_table`."""
    parts = [as_table([j.finding]).assign(reading=j.reading, what=j.what) for j in found]
    first = ["claim", "reading", "what"]
    table = pd.concat(parts, ignore_index=True).drop(columns=["p_holm", "verdict_holm"])
    return table[first + [column for column in table if column not in first]]


def write_markdown(found: Iterable[Judged], path: str | Path) -> None:
    """Verdicts by claim and reading, each check under every reading, then each check in full."""
    found = list(found)
    rows = [
        {
            "claim": f"`{judged.finding.claim.id}`",
            "reading": judged.what,
            "verdict": f"**{verdict(judged.finding)}**",
            "checks": counts(judged.finding.outcomes),
            "seeds": _seeds(judged.finding),
        }
        for judged in found
    ]
    verdicts = pd.DataFrame(rows).to_markdown(index=False)
    parts = [f"# Do verdicts depend on how the paper is read?\n\n{verdicts}\n"]
    run = [judged for judged in found if judged.finding.verdict != NOT_RUN]
    for claim, group in groupby(run, lambda judged: judged.finding.claim.id):
        if len(readings := list(group)) > 1:
            parts.append(f"## `{claim}`\n\n{_SIGNS}\n\n{_side_by_side(readings)}\n")
    parts += [
        f"## `{judged.finding.claim.id}`, {judged.what}: {verdict(judged.finding)}\n\n"
        f"{checks_table(judged.finding.outcomes)}\n"
        for judged in run
        if judged.reading != DEFAULT
    ]
    with atomic(path) as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8")


_SIGNS = "A check holds (✓), is contradicted (✗), or is inconclusive (?)."


def _side_by_side(readings: list[Judged]) -> str:
    """A claim's checks as columns, with a row for each reading."""
    signs = {HOLDS: "✓", CONTRADICTED: "✗", INCONCLUSIVE: "?", NOT_RUN: ""}
    checks = [outcome.check for outcome in readings[0].finding.outcomes]
    rows = [{"reading": "wanted", **{check.what: wanted(check) for check in checks}}]
    for judged in readings:
        cells = {o.check.what: f"{observed(o)} {signs[o.word]}" for o in judged.finding.outcomes}
        rows.append({"reading": judged.what, **cells})
    return pd.DataFrame(rows).to_markdown(index=False)


def _seeds(finding: Finding) -> str:
    """'5', or '3 to 10' if checks rest on different numbers of seeds."""
    numbers = {o.estimate.n_seeds for o in finding.outcomes if o.word != NOT_RUN}
    return " to ".join(str(n) for n in sorted({min(numbers), max(numbers)})) if numbers else ""
