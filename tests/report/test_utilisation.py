"""How busy units are over time."""

from __future__ import annotations

from functools import cache

import pytest
from real_plans import finished

from mapper.cost.judge import WATCHED, Verdict, judge
from mapper.cost.window import window
from mapper.report.summary import summarise
from mapper.report.utilisation import utilisation_over_time

PLANS = (("gpt2-tiny", "edge-npu"), ("bert-tiny", "superhet"), ("gpt2-tiny", "dgx-a100"))


@cache
def watched(model: str, target: str) -> Verdict:
    return judge(finished(model, target), watched=WATCHED)


@pytest.mark.parametrize("plan", PLANS)
def test_in_the_mean_units_are_as_busy_as_the_summary_says(plan: tuple[str, str]) -> None:
    verdict = watched(*plan)
    units = summarise(verdict, {}, {})["units"]
    found = utilisation_over_time(verdict, window(verdict, 10), bins=7)
    assert found.keys() == units.keys()
    for name, parts in found.items():
        assert sum(parts) / 7 == pytest.approx(units[name]["utilisation"], abs=0.03)


@pytest.mark.parametrize("plan", PLANS)
def test_no_part_is_busier_than_all_the_time_and_finer_parts_are_the_same_in_sum(plan: tuple[str, str]) -> None:
    verdict = watched(*plan)
    stretch = window(verdict, 2)
    fine, coarse = (utilisation_over_time(verdict, stretch, bins) for bins in (60, 6))
    for name, parts in fine.items():
        assert all(0 <= part <= 1 + 1e-9 for part in parts)
        assert [sum(parts[10 * k : 10 * k + 10]) / 10 for k in range(6)] == pytest.approx(coarse[name], abs=1e-9)
