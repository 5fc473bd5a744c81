"""Operands brought late: a call gives room back between two uses of a value, and loses nothing that a bound counts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from real_plans import finished, in_plan
from tiny_machines import Abacus, machine, prepared, sketch

from mapper.cost.check import check
from mapper.cost.judge import judge
from mapper.cost.liveness import lives
from mapper.cost.program import Spelling
from mapper.cost.replay import replay
from mapper.cost.steady import loads_per_request
from mapper.errors import InvalidPlan
from mapper.ir.plan import Plan
from mapper.ir.verify import verify
from mapper.pipeline.pass_ import Context, Effort
from passes.memory.memory import Memory
from passes.place.mending.late import added, brought_late, lying, with_late
from passes.place.translate import translate
from passes.schedule.schedule import Schedule, slots


def _second_uses(plan: Plan) -> dict[str, tuple[str, ...]]:
    """The moved operands of each task that another task of its memory reads before."""
    found: dict[str, tuple[str, ...]] = {}
    for program in Spelling(plan).programs():
        seen: set[tuple[int, str]] = set()
        for activity in program.activities:
            if activity.kind != "task":
                continue
            moved = [key for key in activity.reads if key[0] >= 0 and program.activities[key[0]].kind != "task"]
            again = tuple(sorted(name for key in moved for name in [key[1]] if key in seen))
            read = [name for name in again if name in plan.graph.producer]
            if read:
                found[activity.name] = tuple(read)
            seen.update(moved)
    return found


@cache
def _plans() -> tuple[Plan, Plan]:
    """A finished plan, and the same with every second use of a moved value brought late."""
    plan = finished("gpt2-tiny", "superhet")
    late = _second_uses(plan)
    assert late, "the example has values that are moved once and read twice"
    placement = tuple(replace(p, late=late.get(p.task, ())) for p in plan.placement or ())
    ctx = Context(effort=Effort.QUICK)
    return plan, Memory().run(Schedule(effort=0).run(with_late(plan, placement), ctx), ctx)


def test_a_plan_with_operands_brought_late_keeps_every_rule() -> None:
    _, late = _plans()
    verify(late)
    check(replace(late, figures=judge(late).figures))


def test_no_load_is_less_than_with_values_brought_once() -> None:
    plan, late = _plans()
    calls = [p.calls for p in plan.phases]
    once, twice = (loads_per_request(Spelling(p).programs(), calls) for p in (plan, late))
    assert all(twice.get(r, 0) >= ticks for r, ticks in once.items())
    assert sum(twice.values()) > sum(once.values())


def test_a_further_copy_comes_after_the_first_was_there() -> None:
    _, late = _plans()
    slots, found = {s.what: s for s in late.schedule or ()}, 0
    for program in Spelling(late).programs():
        call = replay(program, slots)
        for i, activity in enumerate(program.activities):
            for value, memory, _ in activity.makes if " late for " in activity.name else ():
                found += 1
                before = [j for j in range(i) if (value, memory) in [row[:2] for row in program.activities[j].makes]]
                assert before, "it was there for another task"
                assert call.starts[i] >= min(call.ends[j] for j in before)
    assert found


def test_an_operand_that_no_task_reads_is_refused() -> None:
    plan = finished("gpt2-tiny", "superhet")
    with pytest.raises(InvalidPlan, match="brought late"):
        verify(in_plan(plan, "placement", 0, late=("stranger",)))


def test_where_no_memory_is_scarce_nothing_comes_late() -> None:
    plan = finished("gpt2-tiny", "superhet")
    assert brought_late(judge(replace(plan, inflight=1))) is None


def test_without_late_operands_the_plan_stays_as_it_is() -> None:
    plan = finished("gpt2-tiny", "superhet")
    assert with_late(plan, plan.placement or ()) is plan


def _there_and_back() -> Plan:
    """a, made on u1, is read on u0, which takes long, then on u1 again."""
    target = machine(Abacus(ticks_per_element=10**6), Abacus())
    plan = prepared(target, sketch("a = matmul(x, w)", "b = relu(a)", "c = add(b, a)"), passes="partition-ops,options")
    t = translate(plan)
    units = {"a": ("u1", 0, 1), "b": ("u0", -1, 1), "c": ("u1", -1, 1)}
    return t.apply(plan, t.solution({task.name: units[task.cluster] for task in t.tasks}))


def test_a_value_left_for_a_later_task_of_the_same_unit_gives_way_too() -> None:
    plan = _there_and_back()
    (program,) = Spelling(plan).programs()
    call = replay(program, {s.what: s for s in slots(program)})
    found = {
        row for life in lives(program, call) if life.memory == "u1.mem" for row in lying(plan, program, call, life)
    }
    assert found == {("run/c", "a")}
    placement = added(plan, {"run/c": {"a"}})
    assert placement is not None
    (later,) = Spelling(replace(plan, placement=placement)).programs()
    assert "run/move a late for c -> u1.mem/f16" in [a.name for a in later.activities]
