"""The scaling table: jobs dealt out to slots, between the bounds that are known."""

import sys

import pytest
import yaml
from helpers import ROOT
from hypothesis import given
from hypothesis import strategies as st

from ossum.cells import RESULTS

sys.path.insert(0, str(ROOT / "benchmarks"))
from scaling import Job, makespan, plan, to_go


@st.composite
def plans(draw) -> list[Job]:
    """Jobs that wait for any of those before them; some are local and take no time."""
    jobs = []
    for i in range(draw(st.integers(1, 12))):
        stage = draw(st.sampled_from(["prune", "train", None]))
        seconds = draw(st.integers(1, 50)) if stage else 0
        after = draw(st.sets(st.integers(0, i - 1))) if i else set()
        jobs.append(Job(stage, float(seconds), tuple(after), None))
    return jobs


@given(plans(), st.integers(1, 5))
def test_a_makespan_is_between_its_bounds(jobs, slots):
    """Graham 1966: at most the work, shared out, and what is then left of the longest path."""
    seconds = [job.seconds for job in jobs]
    work, path = sum(seconds), max(to_go(jobs, seconds, notice=0))
    assert makespan(jobs, seconds, 1, notice=0) == pytest.approx(work)
    assert makespan(jobs, seconds, len(jobs), notice=0) == pytest.approx(path)
    found = makespan(jobs, seconds, slots, notice=0)
    assert max(path, work / slots) - 1e-9 <= found <= work / slots + path * (1 - 1 / slots) + 1e-9


def test_an_end_is_noticed_late_between_jobs_only():
    chain = [
        Job("prune", 10.0, (), None),
        Job("train", 20.0, (0,), None),
        Job(None, 0.0, (1,), None),
    ]
    seconds = [job.seconds for job in chain]
    assert makespan(chain, seconds, 1, notice=5) == 10 + 5 + 20 + 5
    assert max(to_go(chain, seconds, notice=5)) == 10 + 5 + 20 + 5


def test_all_that_computes_is_in_the_plan():
    """Stages as `ossum.runtime` calls them; of the smoke tier, which has them all."""
    jobs = plan(yaml.safe_load((ROOT / "config/smoke.yaml").read_text()))
    stages = {"full", "prune", "cost", *RESULTS}
    assert {job.stage for job in jobs} - {None} <= stages
    assert {"full", "prune", "cost", "pruned", "trained", "finetuned"} <= {j.stage for j in jobs}
    assert all((job.seconds > 0) == (job.stage is not None) for job in jobs)
