"""Memory over time on the page: never more than is reserved, and nothing that holds bytes is left untold."""

from __future__ import annotations

from typing import Any

import pytest
from real_plans import finished

from mapper.cost.judge import Verdict, judge
from mapper.hw.work import TICKS_PER_SECOND
from mapper.report.page.occupied import section


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return judge(finished())


@pytest.fixture(scope="module")
def data(verdict: Verdict) -> dict[str, Any]:
    found = section(verdict, {})
    assert found is not None
    return dict(found.data)


def test_nothing_that_is_drawn_is_more_than_the_judge_s_peak(verdict: Verdict, data: dict[str, Any]) -> None:
    for view in data["views"]:
        for (name, capacity, peak), line in zip(data["memories"], view["lines"], strict=True):
            assert peak == verdict.peaks[name] <= capacity
            if line is not None:
                assert line["weights"] + line["states"] + max(line["buffers"]) <= peak


def test_every_memory_that_holds_something_is_drawn_or_told(verdict: Verdict, data: dict[str, Any]) -> None:
    told = {row[0] for key in ("memories", "others", "weights") for row in data[key]}
    assert told >= {name for name, peak in verdict.peaks.items() if peak}


def test_the_request_is_drawn_phase_by_phase(verdict: Verdict, data: dict[str, Any]) -> None:
    view = data["views"][1]
    assert [name for name, _, _ in view["phases"]] == [p.name for p in verdict.plan.phases]
    assert view["phases"][1][1] == verdict.calls[0].ticks / TICKS_PER_SECOND
    for line in view["lines"]:
        if line is not None:
            assert line["times"] == sorted(line["times"])
            assert line["times"][-1] <= view["length"]
