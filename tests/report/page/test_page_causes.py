"""Where energy and time go: in sum what the judge counts, whatever it is divided by."""

from __future__ import annotations

from typing import Any

import pytest
from real_plans import finished

from mapper.cost.judge import Verdict, judge
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.report.limit_lines import energy_by_kind
from mapper.report.page import roofs
from mapper.report.page.causes import section
from mapper.report.summary import summarise


@pytest.fixture(scope="module", params=["edge-npu", "superhet"])
def verdict(request: pytest.FixtureRequest) -> Verdict:
    return judge(finished("gpt2-tiny", request.param))


@pytest.fixture(scope="module")
def data(verdict: Verdict) -> dict[str, Any]:
    found = section(verdict, {})
    assert found is not None
    return dict(found.data)


def test_energies_add_up_to_those_of_each_cause(verdict: Verdict, data: dict[str, Any]) -> None:
    sums: dict[str, float] = {}
    for *_, cause, joules in data["energy"]:
        sums[data["words"][cause]] = sums.get(data["words"][cause], 0.0) + joules
    judged = {cause: pj / PJ_PER_J for cause, pj in energy_by_kind(verdict).items() if pj}
    assert sums == pytest.approx(judged, rel=1e-4, abs=1e-15)


def test_times_of_a_unit_add_up_to_the_interval(verdict: Verdict, data: dict[str, Any]) -> None:
    sums: dict[str, float] = {}
    for where, _, _, seconds in data["time"]:
        sums[data["words"][where]] = sums.get(data["words"][where], 0.0) + seconds
    assert sums == pytest.approx(dict.fromkeys(verdict.plan.target.unit, verdict.interval / TICKS_PER_SECOND), rel=0.01)


def test_what_is_not_waiting_is_the_busy_time_of_the_summary(verdict: Verdict, data: dict[str, Any]) -> None:
    busy = dict.fromkeys(verdict.plan.target.unit, 0.0)
    for where, what, _, seconds in data["time"]:
        busy[data["words"][where]] += seconds if data["words"][what] != "waiting" else 0.0
    units = summarise(verdict, {}, {})["units"]
    assert busy == pytest.approx({name: row["busy_s"] for name, row in units.items()}, rel=1e-4, abs=1e-15)


def test_the_rooflines_of_the_page_have_all_that_computes_and_moves(verdict: Verdict) -> None:
    found = roofs.section(verdict, {})
    assert found is not None
    for chart in found.data["charts"]:
        drawn = sum(point[7] for point in chart["points"])
        assert drawn + sum(seconds for _, seconds in chart["without"]) == pytest.approx(chart["seconds"], rel=1e-3)
        assert all(point[5] > 0 for point in chart["points"])
