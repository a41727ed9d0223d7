"""How a claim is judged: by checks, each with an outcome, that together make a verdict."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from math import inf

import pandas as pd

from ossum.claims import Claim
from ossum.claims.statistics import Estimate, Samples, estimate
from ossum.figures.tables import once

REPRODUCED, PARTLY, NOT_REPRODUCED = "reproduced", "partly", "not reproduced"
NOT_RUN = "not run"
HOLDS, UNDECIDED, FAILS = "holds", "undecided", "fails"


class NotRunError(LookupError):
    """A check needs results that are not in the tables; the message says which."""


@dataclass(frozen=True)
class Check:
    """One quantity, and the range in which it has to lie for the claim to be borne out.

    what: the quantity in words.
    measure: gives its samples, or raises NotRunError.
    reason: why the range is what it is.
    low, high: the range, in the unit of the samples.
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
        """It holds if the whole 95 % interval lies in the range, and fails if none of it does."""
        try:
            samples = self.measure()
            found = estimate(samples)
        except NotRunError as missing:
            return Outcome(self, NOT_RUN, str(missing))
        if found.interval is None:
            return Outcome(self, NOT_RUN, f"{samples.evidence}: too few for an interval", found)
        low, high = found.interval
        if self.low < low and high < self.high:
            word = HOLDS
        elif high <= self.low or self.high <= low:
            word = FAILS
        else:
            word = UNDECIDED
        return Outcome(self, word, samples.evidence, found)


@dataclass(frozen=True)
class Outcome:
    """What a check found. evidence: which networks it rests on, or what is missing."""

    check: Check
    word: str
    evidence: str
    estimate: Estimate | None = None


@dataclass(frozen=True)
class Finding:
    """A claim with the outcomes of its checks."""

    claim: Claim
    outcomes: list[Outcome]

    @property
    def verdict(self) -> str:
        """reproduced: every check was run and holds. partly: some hold. not reproduced: none of
        those that were run holds, because they fail or because their intervals leave it open."""
        words = {outcome.word for outcome in self.outcomes}
        if words == {HOLDS}:
            return REPRODUCED
        if words == {NOT_RUN}:
            return NOT_RUN
        return PARTLY if HOLDS in words else NOT_REPRODUCED


def judge(claim: Claim, tables: Mapping[str, pd.DataFrame | None]) -> Finding:
    """The claim with its outcomes on the tables that there are, by name.

    Grids with options of their own do not count: a claim is about the settings of the paper.
    """
    module, function = claim.checks.rsplit(".", 1)
    checks_of = getattr(import_module(f"ossum.claims.{module}"), function)
    found = [tables.get(name) for name in claim.tables]
    if any(table is None for table in found):
        unseen = checks_of(*found)
        return Finding(claim, [Outcome(c, NOT_RUN, "its table was not made") for c in unseen])
    usual = [once(table[table["options"] == ""]) for table in found]
    return Finding(claim, [check.judge() for check in checks_of(*usual)])
