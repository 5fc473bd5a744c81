"""The schedule: valid, never shorter than the longest path, and never worse for being searched."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_plans import finished, run
from sweeps import examples, sweep
from tiny_machines import Abacus, Loom, layers, machine, prepared, sketch

from mapper.cost.program import Program, Spelling
from mapper.cost.replay import replay
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Effort
from mapper.solve.budget import Budget
from passes.memory.memory import Memory
from passes.schedule.schedule import Schedule, makespan_problem, slots

CASES = [("gpt2-tiny", "edge-npu"), ("bert-tiny", "superhet"), ("bert-tiny", "edge-npu")]
PLACERS = ("place-greedy", "place-round-robin")
ALTERNATING = [(PLACERS[(i + turn) % 2], *case) for turn in range(2) for i, case in enumerate(CASES)]
"""Every case, the placers in turn; then the other way round."""


def _makespan(program: Program, budget: Budget | None = None) -> int:
    found = slots(program, budget)
    assert [s.start for s in found] == sorted(s.start for s in found)
    call = replay(program, {s.what: s for s in found})
    assert call.ticks == max(s.end for s in found)
    return call.ticks


@pytest.mark.parametrize("place", ["place-greedy", "place-round-robin"])
@pytest.mark.parametrize(("model", "target"), CASES)
def test_a_call_is_valid_and_no_shorter_than_its_longest_path(model: str, target: str, place: str) -> None:
    for program in Spelling(finished(model, target, place)).programs():
        problem = makespan_problem(program)
        problem.check()
        assert _makespan(program) >= max(problem.tails)


@pytest.mark.parametrize(("place", "model", "target"), sweep(ALTERNATING, 3))
def test_searching_never_makes_a_call_longer(place: str, model: str, target: str) -> None:
    for program in Spelling(finished(model, target, place)).programs():
        alone = _makespan(program)
        searched = _makespan(program, Budget(0.05))
        assert max(makespan_problem(program).tails) <= searched <= alone


def test_a_chain_on_one_unit_takes_the_sum_of_its_times() -> None:
    plan = run(prepared(machine(Abacus()), layers(3)), "place-greedy,schedule")
    assert max(s.end for s in plan.schedule or ()) == 3 * 10 * 4 * 8


def test_tasks_of_one_unit_never_overlap() -> None:
    graph = sketch("a = softmax(x)", "b = matmul(x, w1)", "c = matmul(x, w2)", "y = matmul(b, c)", shape=(8, 8))
    plan = run(prepared(machine(Abacus()), graph), "place-greedy,schedule")
    rows = [s for s in plan.schedule or () if s.where == "u0"]
    assert len(rows) >= 4
    assert all(a.end <= b.start for a, b in pairwise(rows))


def test_tasks_in_different_arrays_run_side_by_side() -> None:
    graph = sketch("a = matmul(x, w0)", "b = matmul(x, w1)")
    apart = run(prepared(machine(Loom(ticks_per_element=10_000)), graph), "place-greedy,schedule")
    one = run(prepared(machine(Abacus(ticks_per_element=10_000)), graph), "place-greedy,schedule")
    assert max(s.end for s in apart.schedule or ()) < max(s.end for s in one.schedule or ())


@examples(5, 15)
@given(st.integers(1, 6), st.integers(1, 3), st.sampled_from(["place-round-robin", "place-heft"]))
def test_every_activity_has_one_slot(count: int, units: int, place: str) -> None:
    plan: Plan = run(prepared(machine(*[Abacus()] * units), layers(count)), f"{place},schedule{{effort=0}}")
    (program,) = Spelling(plan).programs()
    assert sorted(s.what for s in plan.schedule or ()) == sorted(a.name for a in program.activities)
    assert _makespan(program) >= max(makespan_problem(program).tails)


def test_a_plan_spelled_out_before_gets_the_same_slots_and_offsets() -> None:
    plan, ctx = finished(), Context(effort=Effort.QUICK)
    programs = Spelling(plan).programs()
    scheduled = Schedule().scheduled(plan, programs, ctx)
    assert scheduled == Schedule().run(plan, ctx)
    assert Memory().packed(scheduled, programs, ctx) == Memory().run(scheduled, ctx)
