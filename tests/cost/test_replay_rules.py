"""The judge's machine: each rule of a schedule, broken by one slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from cost_builders import activity, program, slots

from mapper.cost.program import Program
from mapper.cost.replay import replay
from mapper.errors import InvalidPlan
from mapper.ir.plan import Slot


def refused(program: Program, slots: Mapping[str, Slot]) -> str:
    with pytest.raises(InvalidPlan) as error:
        replay(program, slots)
    return error.value.rule


def test_a_call_lasts_until_its_last_end_and_loads_add_up() -> None:
    two = program(activity("a", 10), activity("b", 5, after=(0,)))
    call = replay(two, slots(two, 0, 12))
    assert (call.ticks, call.starts, call.ends, call.loads) == (17, (0, 12), (10, 17), (("u", 15),))


def test_a_call_without_activities_takes_no_time() -> None:
    assert replay(program(), {}).ticks == 0


def test_every_activity_has_a_slot() -> None:
    assert refused(program(activity("a", 10)), {}) == "schedule-complete"


def test_an_activity_runs_where_the_plan_says() -> None:
    one = program(activity("a", 10))
    assert refused(one, {"a": Slot("a", "elsewhere", 0, 10)}) == "schedule-places"


def test_nothing_starts_before_its_call() -> None:
    one = program(activity("a", 10))
    assert refused(one, slots(one, -1)) == "schedule-times"


def test_nothing_starts_before_its_operands_are_there() -> None:
    two = program(activity("a", 10, "u"), activity("b", 5, "w", after=(0,)))
    assert refused(two, slots(two, 0, 9)) == "schedule-precedence"
    replay(two, slots(two, 0, 10))


@pytest.mark.parametrize("end", [9, 11])
def test_a_slot_is_as_long_as_its_work(end: int) -> None:
    one = program(activity("a", 10))
    assert refused(one, slots(one, 0, a=end)) == "schedule-duration"


def test_with_a_memory_channel_a_slot_may_be_up_to_twice_as_long() -> None:
    one = program(activity("a", 10, channels=(("m", 600),)))
    replay(one, slots(one, 0, a=20))
    assert refused(one, slots(one, 0, a=21)) == "schedule-duration"
    assert refused(one, slots(one, 0, a=9)) == "schedule-duration"


def test_a_unit_runs_one_task_at_a_time() -> None:
    two = program(activity("a", 10), activity("b", 5))
    assert refused(two, slots(two, 0, 9)) == "schedule-capacity"
    replay(two, slots(two, 0, 10))


def test_copies_of_the_weights_run_side_by_side() -> None:
    three = program(activity("a", 10), activity("b", 10), activity("c", 10), u=2)
    replay(three, slots(three, 0, 0, 10))
    assert refused(three, slots(three, 0, 0, 9)) == "schedule-capacity"


def test_a_resource_is_free_after_the_hold_not_the_result() -> None:
    move = activity("move", 10, "route", hold=4, exclusive=(("link", 1),))
    two = program(move, replace(move, name="next"))
    replay(two, slots(two, 0, 4))
    assert refused(two, slots(two, 0, 3)) == "schedule-capacity"


def test_a_memory_channel_is_shared_by_stretching() -> None:
    a, b = (activity(n, 10, n, channels=(("m", 1000),)) for n in "ab")
    both = program(a, b)
    assert refused(both, slots(both, 0, 0)) == "schedule-capacity"
    replay(both, slots(both, 0, 0, a=20, b=20))
    replay(both, slots(both, 0, 10))


def test_work_without_ticks_takes_nothing() -> None:
    three = program(activity("a", 10), activity("view", 0), activity("b", 5))
    replay(three, slots(three, 0, 5, 10))


def test_a_stretched_slot_frees_its_unit_at_its_very_end() -> None:
    """In floats 12000 * (12862 / 12000) is a little above 12862."""
    add = activity("add", 12_000, channels=(("m", 1000),))
    two = program(add, activity("next", 10))
    replay(two, slots(two, 2_210_070, 2_222_932, add=2_222_932))


@pytest.mark.parametrize("ticks", [3, 7, 12_000, 849_000, 10**15 + 1])
def test_stretched_slots_touch_for_any_length(ticks: int) -> None:
    for more in (1, 2, ticks // 3, ticks // 2 + 1, ticks):
        two = program(activity("a", ticks, channels=(("m", 1000),)), activity("b", 1))
        replay(two, slots(two, 0, ticks + more, a=ticks + more))
