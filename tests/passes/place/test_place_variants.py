"""Variants of a placement: what a plan that is placed again is worth, by few looks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from real_plans import run
from tiny_machines import Abacus, Loom, machine, prepared, sketch

from mapper.cost.program import Spelling
from mapper.cost.steady import EVENTS
from mapper.ir.plan import Objective, Plan
from mapper.pipeline.pass_ import Context, Effort
from passes.memory.memory import PROBE
from passes.place.mending.looks import looked_at, looked_longer
from passes.place.mending.refine import Candidate
from passes.place.translate import Translation, translate
from passes.place.variants import Variants

CTX = Context(effort=Effort.QUICK)
TIGHT, ROOMY = 4 * 128 + 3000, 1 << 20


def a_line_of_looms(room: int, objective: Objective = Objective.THROUGHPUT) -> tuple[Plan, Translation, Candidate]:
    """Four products of 64 rows on engines of their own beside one memory, in which calls may take turns."""
    target = machine(Abacus(), Loom(ticks_per_element=1000), capacities=(1 << 20, room), link=1e8)
    graph = sketch(*(f"h{i} = matmul({f'h{i - 1}' if i else 'x'}, w{i})" for i in range(4)), shape=(64, 8))
    plan = replace(prepared(target, graph, passes="partition-ops,options"), objective=objective)
    t = translate(plan)
    return plan, t, ("a line", t.solution({task.name: ("u1", 0, 1) for task in t.tasks}))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("room", [TIGHT, ROOMY])
def test_a_longer_look_at_what_was_seen_finds_what_a_long_look_does(room: int, last: bool) -> None:
    plan, t, (_, solution) = a_line_of_looms(room)
    placed = t.apply(plan, solution)
    probe = looked_at(placed, Spelling(placed), CTX, PROBE, last)
    assert looked_longer(probe, EVENTS, last) == looked_at(placed, Spelling(placed), CTX, EVENTS, last)


def test_calls_that_take_turns_are_given_more_room_and_the_plan_is_worth_what_the_judge_derives() -> None:
    plan, t, line = a_line_of_looms(TIGHT)
    looks = Variants(plan, t, CTX)
    whole, best = looks.in_full(line), looks.best([line], 0.0)
    assert whole is not None
    assert best is not None
    assert best.value < 0.8 * whole.value
    assert any(p.tiles for p in best.verdict.plan.placement or ())
    assert dict(run(best.verdict.plan, "judge").figures or ()) == dict(best.verdict.figures)


def test_where_nothing_waits_for_room_all_stays_whole() -> None:
    plan, t, line = a_line_of_looms(ROOMY)
    best = Variants(plan, t, CTX).best([line], 0.0)
    assert best is not None
    assert not any(p.tiles for p in best.verdict.plan.placement or ())


def test_a_time_of_one_request_is_no_matter_of_room_for_more() -> None:
    plan, t, line = a_line_of_looms(TIGHT, Objective.LATENCY)
    looks = Variants(plan, t, CTX)
    whole, best = looks.in_full(line), looks.best([line], 0.0)
    assert whole is not None
    assert best is not None
    assert best.judged == whole.judged


def test_what_does_not_fit_is_none() -> None:
    target = machine(Abacus(refuses=("matmul",)), Abacus(ticks_per_element=1), capacities=(1 << 20, 2984), link=1e8)
    lines = ("q = matmul(x, wq)", "k = matmul(x, wk)", "v = matmul(x, wv)", "s = add(q, k)", "y = add(s, v)")
    plan = prepared(target, sketch(*lines, shape=(64, 8)), passes="partition-ops,options")
    t, far = translate(plan), "qkv"
    units = {x.name: ("u1" if x.cluster in far else "u0", 0 if x.cluster in far else -1, 1) for x in t.tasks}
    looks, crowded = Variants(plan, t, CTX), ("crowded", t.solution(units))
    assert looks.in_full(crowded) is None
    assert looks.best([crowded], 0.0) is None
