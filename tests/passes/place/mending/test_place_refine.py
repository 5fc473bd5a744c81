"""Gather and widen: what makes a solution better that the problem does not see, and never a bit worse."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_plans import unplaced
from tiny_machines import Abacus, Loom, layers, machine, prepared, sketch

from mapper.ir.graph import Phase
from mapper.ir.plan import Plan
from mapper.solve.placement import problem as pb
from passes.place.baselines import starts
from passes.place.mending.gather import gathered
from passes.place.mending.widen import widened
from passes.place.translate import Translation, translate

WIDE = [("bert-tiny", "rram-cim"), ("gpt2-tiny", "rram-cim"), ("bert-tiny", "superhet")]


def _on(t: Translation, units: list[str]) -> pb.Solution:
    """The solution with each task on a unit, with one copy of its weights."""
    return t.solution({task.name: (unit, 0, 1) for task, unit in zip(t.tasks, units, strict=True)})


def _units(t: Translation, solution: pb.Solution) -> list[str]:
    return [t.meaning[i][o][0] for i, o in enumerate(solution.choice)]


def _ready(plan: Plan) -> tuple[Plan, Translation]:
    return plan, translate(plan)


def test_neighbours_are_gathered_on_one_unit() -> None:
    plan, t = _ready(prepared(machine(Loom(), Loom()), layers(4)))
    found = gathered(plan, t, _on(t, ["u1", "u0", "u1", "u0"]))
    assert found is not None
    assert _units(t, found) == ["u0", "u0", "u1", "u1"]


def test_what_is_gathered_already_stays() -> None:
    plan, t = _ready(prepared(machine(Loom(), Loom()), layers(4)))
    assert gathered(plan, t, _on(t, ["u0", "u0", "u1", "u1"])) is None


def test_units_stay_as_they_are_where_gathering_keeps_one_busy_for_longer() -> None:
    rows = {"x": 2, "a": 2, "y": 4, "b": 4, "z": 2, "c": 2}
    lines = ("a = matmul(x, w0)", "b = matmul(y, w1)", "c = matmul(z, w2)")
    graph = sketch(*lines, shapes={name: (n, 8) for name, n in rows.items()})
    slow = Abacus(ticks_per_element=100_000)
    plan, t = _ready(prepared(machine(slow, slow), graph, passes="partition-ops,options"))
    assert gathered(plan, t, _on(t, ["u0", "u1", "u0"])) is None
    assert gathered(plan, t, _on(t, ["u1", "u0", "u0"])) is not None


def test_units_that_differ_exchange_nothing() -> None:
    plan, t = _ready(prepared(machine(Loom(), Abacus()), layers(4)))
    assert gathered(plan, t, _on(t, ["u1", "u0", "u1", "u0"])) is None


def test_gathered_weights_must_fit() -> None:
    plan, t = _ready(prepared(machine(Abacus(), Abacus(), Abacus()), layers(6)))
    tight = Translation(_with_capacities(t.problem, (128, 4 * 128, 128)), t.meaning, t.tasks)
    assert gathered(plan, tight, _on(t, ["u0", "u1", "u1", "u1", "u1", "u2"])) is None


def _with_capacities(problem: pb.Problem, capacities: tuple[int, ...]) -> pb.Problem:
    return replace(problem, capacities=capacities)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_gathering_equal_shares_keeps_the_busiest_engines_load(data: st.DataObject) -> None:
    count, each = data.draw(st.integers(2, 4)), data.draw(st.integers(1, 3))
    plan, t = _ready(prepared(machine(*[Abacus()] * count), layers(count * each)))
    units = data.draw(st.permutations([f"u{i}" for i in range(count)] * each))
    before = _on(t, units)
    after = gathered(plan, t, before) or before
    names = t.problem.resources
    old, new = pb.totals(t.problem, before).loads, pb.totals(t.problem, after).loads
    engines = [i for i, n in enumerate(names) if n in plan.target.unit]
    assert max(new[i] for i in engines) == max(old[i] for i in engines)
    changes = [a != b for a, b in zip(_units(t, after), _units(t, after)[1:], strict=False)]
    assert sum(changes) == count - 1


@pytest.mark.parametrize(("model", "target"), WIDE)
def test_widening_never_breaks_a_capacity_and_never_slows_a_task(model: str, target: str) -> None:
    plan, t = _ready(unplaced(model, target))
    changed = 0
    for _, solution in starts(t, plan):
        wide = widened(plan, t, solution)
        if wide is None:
            continue
        changed += 1
        pb.verify(t.problem, wide)
        assert _units(t, wide) == _units(t, solution)
        for i, (old, new) in enumerate(zip(solution.choice, wide.choice, strict=True)):
            options = t.problem.items[i].options
            assert options[new].ticks <= options[old].ticks
            assert t.meaning[i][new][1].replicas >= t.meaning[i][old][1].replicas
    assert changed


def test_copies_fill_the_arrays_and_no_more() -> None:
    plan, t = _ready(prepared(machine(Loom(copies=4), capacities=(1024,)), layers(1)))
    wide = widened(plan, t, _on(t, ["u0"]))
    assert wide is not None
    copies = t.meaning[0][wide.choice[0]][1].replicas
    assert copies == max(n for n in (1, 2, 4) if n * 128 <= t.problem.capacities[0])


def test_full_arrays_are_left_as_they_are() -> None:
    plan, t = _ready(prepared(machine(Loom(copies=4)), layers(2)))
    tight = Translation(_with_capacities(t.problem, (2 * 128,)), t.meaning, t.tasks)
    assert widened(plan, tight, _on(t, ["u0", "u0"])) is None


def test_weights_outside_arrays_are_never_copied() -> None:
    plan, t = _ready(prepared(machine(Abacus(copies=4)), layers(2)))
    assert widened(plan, t, _on(t, ["u0", "u0"])) is None


def test_the_phases_of_a_cluster_get_equal_copies() -> None:
    phases = (Phase("prefill", (), 1, (("seq", (16,)),)), Phase("decode", (), 8, (("seq", (1,)),)))
    graph = sketch("a = matmul(x, w0)", "y = matmul(a, w1)", shape=("seq", 8))
    plan, t = _ready(prepared(machine(Loom(copies=8)), graph, phases))
    wide = widened(plan, t, _on(t, ["u0"] * 4))
    assert wide is not None
    copies = [t.meaning[i][o][1].replicas for i, o in enumerate(wide.choice)]
    assert copies == [8, 8, 8, 8]
