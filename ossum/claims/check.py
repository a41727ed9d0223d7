"""How a claim is judged: by checks, each with an outcome, that together make a verdict."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from math import inf

import pandas as pd

from ossum.claims import Claim
from ossum.claims.statistics import Estimate, Samples, estimate

REPRODUCED, PARTLY, NOT_REPRODUCED = "reproduced", "partly", "not reproduced"
NOT_RUN = "not run"
HOLDS, UNDECIDED, FAILS = "holds", "undecided", "fails"


class NotRunError(LookupError):
    """Cells that a check needs are not in the tables; the message says which."""


@dataclass(frozen=True)
class Check:
    """One quantity, and the range in which it must lie for the claim to be borne out.

    what: the quantity in words. measure: its samples; raises NotRunError. reason: why the range is
    what it is. low, high: the range, in the unit of the samples. expected: the number that the
    paper gives, if it does. difference: between two things, which makes its effect size meaningful.
    """

    what: str
    measure: Callable[[], Samples]
    reason: str
    low: float = -inf
    high: float = inf
    expected: float | None = None
    difference: bool = False

    @classmethod
    def near(
        cls, what: str, measure: Callable[[], Samples], reason: str, expected: float, within: float
    ) -> "Check":
        """The quantity is `expected`, give or take `within`."""
        return cls(what, measure, reason, expected - within, expected + within, expected)

    @classmethod
    def ahead(
        cls, what: str, measure: Callable[[], Samples], reason: str, by: float = 0
    ) -> "Check":
        """The difference is more than `by`."""
        return cls(what, measure, reason, low=by, difference=True)

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
    """What a check found. evidence: which cells it rests on, or which are missing."""

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
        """reproduced: every check was run and holds. not reproduced: none of those run holds,
        be it that they fail or that their intervals leave it open."""
        words = {outcome.word for outcome in self.outcomes}
        if words == {HOLDS}:
            return REPRODUCED
        if words == {NOT_RUN}:
            return NOT_RUN
        return PARTLY if HOLDS in words else NOT_REPRODUCED


def judge(claim: Claim, tables: Mapping[str, pd.DataFrame]) -> Finding:
    """The claim with its outcomes on the tables at hand, by name."""
    module, function = claim.checks.rsplit(".", 1)
    checks = getattr(import_module(f"ossum.claims.{module}"), function)
    of_claim = [tables.get(figure) for figure in claim.tables]
    return Finding(claim, [check.judge() for check in checks(*of_claim)])
