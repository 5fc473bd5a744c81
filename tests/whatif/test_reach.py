"""The way to a goal on a tiny plan: every way keeps its word, none is cheaper, and what cannot be is told."""

import threading
from dataclasses import replace
from functools import cache

import pytest
from real_plans import finished, run

from mapper.hw.parameters import Parameter
from mapper.hw.what_if import changed
from mapper.ir.plan import DECISIONS
from mapper.pipeline.pass_ import Effort
from mapper.whatif.answers import Asker
from mapper.whatif.levers import Lever
from mapper.whatif.reach import Reached, Stopped, Way, reach
from mapper.whatif.reach_text import data, lines
from mapper.whatif.values import values_of
from mapper.whatif.wish import parse_wish
from passes.pipelines import FINISH


@cache
def found(goal: str, *prices: str) -> Reached:
    return reach(Asker(finished(), Effort.QUICK), goal, prices)


def only(*names: str) -> list[str]:
    """Prices that leave no other figure."""
    return ["*=inf", *(f"{name}=1" for name in names)]


def test_what_holds_already_needs_no_change_and_no_search() -> None:
    reached = found("throughput=0.9x")
    assert reached.wish.holds
    assert "holds already; nothing needs to change" in lines(reached, finished())[0]


@pytest.mark.slow
def test_the_least_factor_of_one_figure_is_found_and_one_step_less_is_too_little() -> None:
    reached = found("throughput=1.3x", *only("dsa.task_overhead_s"))
    (way,) = reached.ways
    assert way.answer is not None
    assert way.answer.after is not None
    assert way.answer.after.throughput_per_s >= reached.wish.limit.value
    lever, steps = way.moves[0]
    less = Asker(finished(), Effort.QUICK).answer([lever.change(steps - 1)])
    assert less.after is not None
    assert less.after.throughput_per_s < reached.wish.limit.value


@pytest.mark.slow
def test_a_plan_made_anew_on_the_changed_target_is_no_further_off_than_the_gap() -> None:
    way = found("throughput=1.3x", *only("dsa.task_overhead_s")).ways[0]
    assert way.answer is not None
    assert way.answer.after is not None
    assert way.answer.bound is not None
    plan = finished()
    fresh = replace(plan, target=changed(plan.target, way.changes), **dict.fromkeys(DECISIONS[3:]))
    made = run(run(fresh, "options"), f"place-cpsat,{FINISH}")
    interval = dict(made.figures or ())["interval_ticks"] * 1e-12
    assert way.answer.bound * (1 - 1e-9) <= interval
    assert interval <= way.answer.after.objective * 1.01


@pytest.mark.slow
def test_two_workers_find_what_one_does() -> None:
    prices = only("dsa.task_overhead_s", "cpu.speed", "dsa.clock_hz")
    reached = [reach(Asker(finished(), Effort.QUICK), "throughput=1.3x", prices, workers=n) for n in (1, 2)]
    assert data(reached[0], finished()) == data(reached[1], finished())


def test_a_search_that_is_stopped_before_it_has_anything_says_so() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        reach(Asker(finished(), Effort.QUICK, stop), "throughput=1.3x", only("dsa.clock_hz"))


@pytest.mark.slow
def test_the_dearer_a_figure_the_later_it_is_told() -> None:
    names = ("dsa.task_overhead_s", "cpu.speed")
    plain = found("throughput=1.1x", *only(*names))
    dear = found("throughput=1.1x", *only(*names), "cpu.speed=9")
    assert plain.ways[0].moves[0][0].parameter.name == "cpu.speed"
    assert dear.ways[0].moves[0][0].parameter.name == "dsa.task_overhead_s"
    assert dear.ways[0].cost < 9 * plain.ways[0].cost


@pytest.mark.slow
def test_where_no_figure_suffices_two_together_may() -> None:
    reached = found("throughput=2.7x", *only("dsa.clock_hz", "cpu.op_overhead_s"))
    assert {lever.parameter.name for lever, _ in reached.short} == {"dsa.clock_hz", "cpu.op_overhead_s"}
    (way,) = reached.ways
    assert [lever.parameter.name for lever, _ in way.moves] == ["cpu.op_overhead_s", "dsa.clock_hz"]
    assert way.answer is not None
    assert way.answer.after is not None
    assert way.answer.after.throughput_per_s >= reached.wish.limit.value
    told = "\n".join(lines(reached, finished()))
    assert "with dsa.clock_hz" in told
    assert "cannot reach it alone, by proof" in told


@pytest.mark.slow
def test_a_goal_beyond_all_changes_at_once_is_proved_to_be() -> None:
    reached = found("throughput=2x", *only("lpddr.latency_s", "lpddr.bandwidth_bytes_per_s"))
    assert reached.out_of_reach
    assert not reached.ways
    assert reached.farthest is not None
    assert reached.wish.told(reached.farthest) < reached.wish.limit.value
    assert "out of reach" in "\n".join(lines(reached, finished()))
    assert data(reached, finished())["out_of_reach"] is True


@pytest.mark.slow
def test_a_time_that_another_plan_has_needs_no_other_target() -> None:
    slow = finished(place="place-round-robin")
    reached = reach(Asker(slow, Effort.QUICK), "latency=0.9x", only())
    assert reached.already is not None
    assert "needs no change of the target" in "\n".join(lines(reached, slow))


def test_a_goal_that_the_bound_allows_as_it_is_is_told_and_the_open_ones_are_counted() -> None:
    plan = finished()
    wish = parse_wish("throughput=1.1x", values_of(plan))
    lever = Lever(Parameter("cpu.speed", 1.0), larger=True, most=32)
    open_ = tuple(Way(((lever, k),), float(k)) for k in range(1, 31))
    text = "\n".join(lines(Reached(wish, (), open=open_, bound=wish.cost * 0.9), plan))
    assert "does not rule the goal out" in text
    assert "and 22 more" in text
    assert "does not rule" not in "\n".join(lines(Reached(wish, (), open=open_, bound=wish.cost * 1.1), plan))
