"""Stretches: what one unit runs in a row is one event."""

from __future__ import annotations

from cost_builders import activity, program, roomy

from mapper.cost.liveness import Segment
from mapper.cost.program import Program
from mapper.cost.steady import steady
from mapper.cost.steps import Step, longest_holds, steps_of


def steps(one: Program, *others: Program, parts: tuple[Segment, ...] = ()) -> list[Step]:
    none: list[tuple[int, ...]] = [() for _ in one.activities]
    return steps_of(one, none, parts, "u", longest_holds([one, *others]))


def chain(*ticks: int) -> Program:
    return program(*(activity(f"a{i}", t, after=(i - 1,) if i else ()) for i, t in enumerate(ticks)))


def test_a_chain_on_one_unit_is_one_step_up_to_the_longest_activity_there() -> None:
    assert [s.hold for s in steps(chain(4, 3, 3, 4), chain(7))] == [7.0, 7.0]
    assert [s.hold for s in steps(chain(4, 3, 3, 4))] == [4.0, 3.0, 3.0, 4.0]


def test_a_residual_that_a_later_one_reads_does_not_break_a_stretch() -> None:
    rows = (activity("a", 1), activity("b", 1, after=(0,)), activity("c", 1, after=(0, 1)))
    (step,) = steps(program(*rows), chain(9))
    assert (step.hold, len(step.activities), step.needs, step.users, step.weight) == (3.0, 3, 0, (), 3)


def test_what_others_wait_for_or_wait_with_ends_a_stretch() -> None:
    fork = program(activity("a", 1), activity("b", 1, after=(0,)), activity("c", 1, "v", after=(0,)))
    assert [len(s.activities) for s in steps(fork, chain(9))] == [1, 1, 1]
    join = program(activity("a", 1), activity("b", 1, "v"), activity("c", 1, after=(0, 1)))
    assert [len(s.activities) for s in steps(join, chain(9))] == [1, 1, 1]


def test_what_takes_turns_in_a_scarce_memory_is_a_step_of_its_own() -> None:
    assert [len(s.activities) for s in steps(chain(1, 1), chain(9), parts=(Segment((("m", (1,)),)),))] == [1, 1]


def test_a_stretch_asks_for_the_mean_share_of_a_channel() -> None:
    a = activity("a", 3, channels=(("m", 1000),))
    b = activity("b", 1, after=(0,), channels=(("m", 200), ("n", 400)))
    (step,) = steps(program(a, b), chain(9))
    assert step.channels == (("m", 800), ("n", 100))


def test_stretches_leave_the_interval_of_a_pipeline_as_it_is() -> None:
    rows = [activity(f"a{i}", 5, "uv"[i // 4], after=(i - 1,) if i else ()) for i in range(8)]
    one, longest = program(*rows), program(activity("p", 20), activity("q", 20, "v", after=(0,)))
    found = steady([longest, one], [1, 4], [40, 40], 8, roomy(longest, one))
    assert found.interval == 100
