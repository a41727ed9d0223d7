"""How a claim is judged: by checks, each with an outcome, that together make a verdict."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from math import inf

import pandas as pd

from ossum.claims import Claim
from ossum.claims.statistics import LEVEL, Estimate, Samples, estimate, holm
from ossum.figures.tables import once

# Of a check: the whole 95 % interval lies where the claim says, none of it does, or some.
HOLDS, CONTRADICTED, INCONCLUSIVE = "holds", "contradicted", "inconclusive"
# Of a claim: "contradicted" and "inconclusive", too.
REPRODUCED, MIXED = "reproduced", "mixed"
NOT_RUN = "not run"


class NotRunError(LookupError):
    """A check needs results that are not in the tables; the message says which."""


@dataclass(frozen=True)
class Check:
    """One quantity, and the range in which it has to lie for the claim to be borne out.

    what: the quantity in words.
    measure: gives its samples, or raises NotRunError.
    reason: why the range is what it is.
    low, high: the range, in the unit of the samples; neither end belongs to it.
    expected: the number that the paper gives, if it gives one.
    difference: whether it is one between two things, so that an effect size means something.
    unit: of the quantity.
    """

    what: str
    measure: Callable[[], Samples]
    reason: str
    low: float = -inf
    high: float = inf
    expected: float | None = None
    difference: bool = False
    unit: str = "percentage points"

    @property
    def is_lead(self) -> bool:
        """Whether it is borne out by a quantity that is high enough."""
        return self.difference and self.unit == "percentage points" and self.low > -inf

    @classmethod
    def near(
        cls,
        what: str,
        measure: Callable[[], Samples],
        reason: str,
        expected: float,
        within: float,
        unit: str = "test accuracy (%)",
    ) -> "Check":
        """The quantity is `expected`, give or take `within`."""
        low, high = expected - within, expected + within
        return cls(what, measure, reason, low, high, expected, unit=unit)

    @classmethod
    def ahead(
        cls,
        what: str,
        measure: Callable[[], Samples],
        reason: str,
        by: float = 0,
        unit: str = "percentage points",
    ) -> "Check":
        """The difference is more than `by`."""
        return cls(what, measure, reason, low=by, difference=True, unit=unit)

    def judge(self) -> "Outcome":
        """It holds if the whole 95 % interval lies in the range; none of it: it is contradicted."""
        try:
            samples = self.measure()
            found = estimate(samples)
        except NotRunError as missing:
            return Outcome(self, NOT_RUN, str(missing))
        several = f"best of {found.n_candidates}; " if found.n_candidates > 1 else ""
        evidence = several + samples.evidence
        if found.interval is None:
            return Outcome(self, NOT_RUN, f"{evidence}: too few for an interval", found)
        low, high = found.interval
        if self.low < low and high < self.high:
            word = HOLDS
        elif high <= self.low or self.high <= low:
            word = CONTRADICTED
        else:
            word = INCONCLUSIVE
        return Outcome(self, word, evidence, found)


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    evidence: which networks it rests on, or what is missing.
    p_holm: the p value of the decision, if it allows for all other checks (`with_holm`).
    """

    check: Check
    word: str
    evidence: str
    estimate: Estimate | None = None
    p_holm: float | None = None

    @property
    def p_value(self) -> float | None:
        """Of the decision, before any correction; None if the check was not run."""
        if self.word == NOT_RUN:
            return None
        return self.estimate.p_value(self.check.low, self.check.high)

    @property
    def word_holm(self) -> str:
        """The word that is left if the check allows for all others."""
        beyond_doubt = self.p_holm is None or self.p_holm < 1 - LEVEL
        return self.word if beyond_doubt else INCONCLUSIVE


@dataclass(frozen=True)
class Finding:
    """A claim with the outcomes of its checks."""

    claim: Claim
    outcomes: list[Outcome]

    @property
    def verdict(self) -> str:
        return verdict_of(outcome.word for outcome in self.outcomes)

    @property
    def verdict_holm(self) -> str:
        """The verdict if its checks allow for those of all other claims."""
        return verdict_of(outcome.word_holm for outcome in self.outcomes)

    @property
    def largest_lead(self) -> float | None:
        """Of an inconclusive claim: the upper end of the intervals of its differences. No lead is
        likely to be larger. None if a check is not about a lead in accuracy."""
        left_open = [o for o in self.outcomes if o.word == INCONCLUSIVE]
        if self.verdict != INCONCLUSIVE or not all(o.check.is_lead for o in left_open):
            return None
        return max(o.estimate.interval[1] for o in left_open)


def verdict_of(words: Iterable[str]) -> str:
    """The verdict on a claim whose checks came out like this.

    reproduced: all hold. mixed: some hold. contradicted: none holds, and the data rule out at least
    one. inconclusive: the data leave all of them open. A check that was not run keeps a claim from
    being reproduced, and says nothing else.
    """
    words = set(words)
    if words == {NOT_RUN}:
        return NOT_RUN
    if words == {HOLDS}:
        return REPRODUCED
    if HOLDS in words:
        return MIXED
    return CONTRADICTED if CONTRADICTED in words else INCONCLUSIVE


def judge(
    claim: Claim, tables: Mapping[str, pd.DataFrame | None], *, own_options: bool = False
) -> Finding:
    """The claim with its outcomes on the tables that there are, by name.

    Grids with options of their own do not count, unless `own_options`: a claim is about the
    settings of the paper, as we read it.
    """
    module, function = claim.checks.rsplit(".", 1)
    checks_of = getattr(import_module(f"ossum.claims.{module}"), function)
    table = tables.get(claim.table)
    if table is None:
        unseen = checks_of(None)
        return Finding(claim, [Outcome(c, NOT_RUN, "its table was not made") for c in unseen])
    usual = once(table if own_options else table[table["options"] == ""])
    return Finding(claim, [check.judge() for check in checks_of(usual)])


def with_holm(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with p values as if all checks of the paper's claims have to be right at once.
    Our own questions have none."""
    findings = list(findings)
    counted = [
        outcome
        for finding in findings
        for outcome in finding.outcomes
        if not finding.claim.ours and outcome.word != NOT_RUN
    ]
    p_holm = dict(zip(map(id, counted), holm([o.p_value for o in counted]), strict=True))
    return [
        replace(f, outcomes=[replace(o, p_holm=p_holm.get(id(o))) for o in f.outcomes])
        for f in findings
    ]
