from __future__ import annotations

from dataclasses import replace

import pytest
from real_plans import edited, finished

from mapper.cost.judge import judge
from mapper.cost.recorded import recorded
from mapper.errors import InvalidPlan


def test_what_a_plan_records_is_what_the_judge_said() -> None:
    told, judged = recorded(finished()), judge(finished())
    assert told.figures == judged.figures
    assert (told.energy, told.steady.busiest) == (judged.energy, judged.steady.busiest)
    assert told.steady.utilisation == pytest.approx(judged.steady.utilisation, rel=1e-6)


def test_nothing_is_simulated_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mapper.cost.recorded.judge", lambda *_: pytest.fail("the plan was judged anew"))
    assert recorded(finished()).calls == judge(finished()).calls


def test_figures_that_the_replay_does_not_find_are_not_believed() -> None:
    found = dict(finished().figures or ())
    for name in ("energy_pj", "latency_ticks"):
        wrong = tuple((found | {name: found[name] + 1}).items())
        assert recorded(replace(finished(), figures=wrong)).figures == judge(finished()).figures
    fast = tuple((found | {"interval_ticks": 1}).items())
    assert recorded(replace(finished(), figures=fast)).interval == judge(finished()).interval


def test_a_schedule_that_breaks_a_rule_is_refused_as_by_the_judge() -> None:
    with pytest.raises(InvalidPlan, match="before its call"):
        recorded(replace(finished(), schedule=edited(finished().schedule, 0, start=-1)))
