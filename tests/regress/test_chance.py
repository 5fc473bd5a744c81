"""Chance: a loss that another run of the search may find is told apart from costs, and from a search that got worse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mapper.regress.chance import LEAST, search
from mapper.regress.record import Ended, Record
from mapper.regress.said import Said
from mapper.regress.suite import Tolerance
from mapper.regress.verdicts import verdict

METRICS = {"throughput_per_s": 98.0, "value": 98.0, "bound": 100.0, "gap": 0.02, "latency_s": 0.5, "work": 9.0}
BEFORE = Record("a", "k0", Ended.FOUND, METRICS, placed="p")


def moved(value: float = 98.0, bound: float = 100.0, **metrics: float) -> Record:
    more = {"value": value, "throughput_per_s": value, "bound": bound, "gap": 1 - value / bound}
    return replace(BEFORE, key="k1", placed="q", metrics=METRICS | more | metrics)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (moved(), Said.SAME),
        (moved(latency_s=0.9), Said.CHANGED),  # nobody searched for a short latency
        (moved(value=96.9), Said.CHANGED),  # 1.1 % less, and 2 % were open
        (moved(value=95.0), Said.WORSE),  # 3 % less
        (moved(value=96.9, bound=98.9), Said.WORSE),  # the bound got as much worse: the problem is dearer
        (moved(bound=102.0), Said.GAP_WORSE),  # the proof alone is worse
        (moved(value=99.5), Said.BETTER),
        (moved(work=90.0), Said.CHANGED),
    ],
)
def test_where_tasks_moved_only_the_objective_is_judged_and_up_to_its_gap(after: Record, said: Said) -> None:
    assert verdict(BEFORE, after).said is said


def test_a_loss_within_the_gap_is_told_in_words() -> None:
    found = verdict(BEFORE, moved(value=96.9))
    assert found.words == "1.12% worse, within the accepted gap of 2.00%: tasks moved, and nothing got dearer"
    assert not found.fails


def test_what_a_suite_gives_a_tolerance_fails_beyond_it_chance_or_not() -> None:
    assert verdict(BEFORE, moved(latency_s=0.9), {"latency_s": Tolerance(relative=0.1)}).said is Said.WORSE
    assert verdict(BEFORE, moved(value=96.9), {"value": Tolerance(relative=0.01)}).said is Said.WORSE
    assert verdict(BEFORE, moved(work=90.0), {"work": Tolerance(relative=0.5)}).said is Said.WORSE


def test_the_losses_of_costs_are_judged_on_their_own_side() -> None:
    before = replace(BEFORE, metrics={"value": 1.02, "latency_s": 1.02, "bound": 1.0, "gap": 0.0196})
    worse = replace(before, placed="q", metrics={"value": 1.03, "latency_s": 1.03, "bound": 1.0, "gap": 0.0291})
    assert verdict(before, worse, objective="latency").said is Said.CHANGED
    late = replace(worse, metrics={"value": 1.2, "latency_s": 1.2, "bound": 1.0, "gap": 0.1667})
    assert verdict(before, late, objective="latency").said is Said.WORSE
    assert verdict(before, late, objective="energy").said is Said.WORSE, "the value is every objective's own"


def test_many_small_losses_are_no_chance_and_as_many_gains_and_losses_are() -> None:
    losses = [(BEFORE, moved(value=97.5 - 0.01 * k), "throughput") for k in range(LEAST)]
    found = search(losses)
    assert found.worse
    assert found.cases == LEAST
    assert found.change == pytest.approx(-0.0055, abs=1e-4)
    mixed = [(BEFORE, moved(value=98.0 + (-1) ** k * 0.5), "throughput") for k in range(2 * LEAST)]
    assert not search(mixed).worse
    assert not search(losses[:-1]).worse, "too few to tell"
    one = [(BEFORE, moved(value=80.0), "throughput"), *[(BEFORE, moved(value=98.0), "throughput")] * LEAST]
    assert not search(one).worse, "a single case says nothing of the search"


def test_cases_whose_tasks_stay_say_nothing_of_the_search() -> None:
    stays = replace(moved(value=90.0), placed="p")
    assert search([(BEFORE, stays, "throughput")] * LEAST).cases == 0
