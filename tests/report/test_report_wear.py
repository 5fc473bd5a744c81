"""Lifetimes of units whose cells a plan rewrites."""

from __future__ import annotations

from dataclasses import replace

import pytest
from real_plans import finished

from mapper.cost.judge import Verdict, judge
from mapper.hw.work import TICKS_PER_SECOND
from mapper.report.screen import screen
from mapper.report.summary import summarise
from mapper.report.wear import SECONDS_PER_YEAR, wear_lines, wears


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return judge(finished("gpt2-tiny", "rram-cim"))


def rewriting(verdict: Verdict, wear: float) -> Verdict:
    """The verdict of a plan every task of which writes each cell of its unit so often."""
    options = tuple(
        replace(o, costs=tuple((phase, replace(cost, wear=wear)) for phase, cost in o.costs))
        for o in verdict.plan.options or ()
    )
    return replace(verdict, plan=replace(verdict.plan, options=options))


def test_weights_written_once_wear_nothing(verdict: Verdict) -> None:
    assert wears(verdict) == []
    assert summarise(verdict, {}, {})["wear"] == []


def test_the_lifetime_is_endurance_over_writes_at_the_judged_rate(verdict: Verdict) -> None:
    tasks = [t for t in verdict.plan.tasks or () if verdict.plan.place[t.name].unit.startswith("cim")]
    assert tasks
    found = wears(rewriting(verdict, 0.5))
    assert {w.unit for w in found} == {verdict.plan.place[t.name].unit for t in tasks}
    calls = {p.name: p.calls for p in verdict.plan.phases}
    writes = sum(0.5 * calls[t.phase] for t in tasks) * TICKS_PER_SECOND / verdict.interval
    assert sum(w.writes_per_s for w in found) == pytest.approx(writes)
    assert found[0].years == pytest.approx(1e6 / found[0].writes_per_s / SECONDS_PER_YEAR)


def test_a_hundred_rewrites_a_second_last_less_than_three_hours(verdict: Verdict) -> None:
    once = wears(rewriting(verdict, 1.0))[0]
    hundred = rewriting(verdict, 100 / once.writes_per_s)
    (line, *_) = wear_lines(hundred)
    assert (
        line == f"{once.unit} rewrites each cell 100 times a second and lasts 2.78 hours (a cell survives 1e+06 writes)"
    )
    assert line in screen(hundred, summarise(hundred, {}, {}))
