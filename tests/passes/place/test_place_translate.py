"""Plan -> problem -> plan: the problem counts what the judge counts, and nothing is lost on the way."""

from __future__ import annotations

import random

import pytest
from real_plans import run, unplaced
from tiny_machines import ONCE, Abacus, Loom, layers, machine, prepared, sketch

from mapper.cost.judge import judge
from mapper.errors import Infeasible
from mapper.ir.graph import Phase
from mapper.ir.plan import Plan
from mapper.solve.budget import Budget
from mapper.solve.placement import driver
from mapper.solve.placement import problem as pb
from passes.place.baselines import round_robin, starts
from passes.place.translate import Translation, translate

FINISH = "schedule{effort=0},memory"
TWICE = (Phase("prefill", (), 1, (("seq", (16,)),)), Phase("decode", (), 8, (("seq", (1,)),)))
CASES = [
    pytest.param("bert-tiny", "superhet"),
    pytest.param("gpt2-tiny", "edge-npu"),
    pytest.param("bert-tiny", "rram-cim", marks=pytest.mark.slow),
    pytest.param("gpt2-tiny", "a100-80", marks=pytest.mark.slow),
    pytest.param("gpt2-tiny", "superhet", marks=pytest.mark.slow),
    pytest.param("bert-tiny", "edge-npu", marks=pytest.mark.slow),
    pytest.param("gpt2-tiny", "rram-cim", marks=pytest.mark.slow),
    pytest.param("bert-tiny", "a100-80", marks=pytest.mark.slow),
]


def _solutions(plan: Plan, t: Translation, seed: int = 0) -> list[pb.Solution]:
    """The baselines' and three that deal tasks out to shuffled units; only feasible ones."""
    random_ = random.Random(seed)
    units = [u.name for u in plan.target.units]
    found = [s for _, s in starts(t, plan)]
    for _ in range(3):
        random_.shuffle(units)
        dealt = round_robin(t, units)
        found += [dealt] if dealt is not None else []
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(("model", "target"), CASES)
def test_the_problem_counts_the_loads_and_the_energy_of_the_judge(model: str, target: str) -> None:
    plan = unplaced(model, target)
    t = translate(plan)
    judged = 0
    for solution in _solutions(plan, t):
        try:
            verdict = judge(run(t.apply(plan, solution), FINISH), events=2000)
        except Infeasible:  # no room for buffers: nothing to compare
            continue
        judged += 1
        totals = pb.totals(t.problem, solution)
        loads = {r: x for r, x in zip(t.problem.resources, totals.loads, strict=True) if x}
        assert loads == {r: x for r, x in verdict.loads.items() if x}
        assert totals.cost == verdict.energy - verdict.energy_by_cause["idle"]
        assert totals.interval <= verdict.interval
    assert judged


@pytest.mark.parametrize(("model", "target"), CASES)
def test_the_problem_counts_the_bytes_that_stay(model: str, target: str) -> None:
    plan = unplaced(model, target)
    t = translate(plan)
    for solution in _solutions(plan, t):
        wanted = {m.name: 0 for m in plan.target.memories}
        for resident in t.apply(plan, solution).residency or ():
            wanted[resident.memory] += resident.bytes
        assert _bytes(t, solution) == wanted


def _bytes(t: Translation, solution: pb.Solution) -> dict[str, int]:
    needed = {k for i, o in enumerate(solution.choice) for k in t.problem.items[i].options[o].needs}
    found = dict.fromkeys(t.problem.memories, 0)
    for k in needed - t.room:
        found[t.problem.memories[t.problem.residents[k].memory]] += t.problem.residents[k].bytes
    return found


@pytest.mark.parametrize(("model", "target"), CASES[:2])
def test_a_solution_comes_back_from_the_plan_it_was_applied_to(model: str, target: str) -> None:
    plan = unplaced(model, target)
    t = translate(plan)
    for solution in _solutions(plan, t):
        placed = t.apply(plan, solution)
        back = {}
        for place in placed.placement or ():
            unit = plan.target.unit[place.unit]
            source = unit.weights.index(place.weights) if place.weights else -1
            back[place.task] = (place.unit, source, place.replicas)
        assert t.solution(back) == solution


def test_weights_are_counted_once_for_two_phases() -> None:
    graph = sketch("y = matmul(x, w)", shape=("seq", 8))
    t = translate(prepared(machine(Abacus()), graph, TWICE))
    assert _bytes(t, pb.Solution((0, 0))) == {"u0.mem": 2 * 8 * 8}


def test_weights_in_two_memories_are_counted_in_both() -> None:
    graph = sketch("y = matmul(x, w)", shape=("seq", 8))
    t = translate(prepared(machine(Abacus(), Abacus()), graph, TWICE))
    assert _bytes(t, pb.Solution((0, 1))) == {"u0.mem": 2 * 8 * 8, "u1.mem": 2 * 8 * 8}


def test_copies_in_arrays_are_counted_each() -> None:
    t = translate(prepared(machine(Loom(copies=4)), layers(1)))
    four = next(o for o, (_, option) in enumerate(t.meaning[0]) if option.replicas == 4)
    assert _bytes(t, pb.Solution((four,))) == {"u0.mem": 4 * 2 * 8 * 8}


def test_tasks_that_share_a_state_are_tied() -> None:
    graph = sketch("y = add(x, past)", "z = matmul(past, w)", shape=(8, 8), states=[("past", "y")])
    t = translate(prepared(machine(Abacus(), Abacus()), graph, ONCE))
    assert t.problem.ties == ((0, 1),)


def test_a_phase_sends_a_state_to_where_the_next_one_keeps_it() -> None:
    graph = sketch("y = add(x, past)", shape=("seq", 8), states=[("past", "y")])
    plan = prepared(machine(Abacus(), Abacus()), graph, TWICE)
    t = translate(plan)
    assert [task.phase for task in t.tasks] == [TWICE[0].name, TWICE[1].name, TWICE[0].name]
    assert t.problem.ties == ((1, 2),)  # the task of the second phase, and what receives its state
    sent = next(net for net in t.problem.nets if net.sinks == (2,))
    assert (sent.source, sent.phase) == (0, 0)
    apart = t.solution({t.tasks[0].name: ("u0", -1, 1), t.tasks[1].name: ("u1", -1, 1)})
    pb.verify(t.problem, apart)
    together = t.solution({t.tasks[0].name: ("u0", -1, 1), t.tasks[1].name: ("u0", -1, 1)})
    assert len(pb.legs(t.problem, sent, apart)) == 1
    assert pb.legs(t.problem, sent, together) == []
    assert len(t.apply(plan, apart).residency or ()) == 2


def test_tasks_that_share_nothing_are_free() -> None:
    assert translate(prepared(machine(Abacus(), Abacus()), layers(3))).problem.ties == ()


def test_an_option_of_one_phase_is_no_option_of_the_other() -> None:
    graph = sketch("y = matmul(x, w)", shape=("seq", 8))
    t = translate(prepared(machine(Abacus(), Abacus(ticks_per_element=1), capacities=(1 << 20, 400)), graph, TWICE))
    assert [[unit for unit, _ in pairs] for pairs in t.meaning] == [["u0"], ["u0", "u1"]]


def test_a_value_goes_once_to_each_place_that_reads_it() -> None:
    graph = sketch("a = softmax(x)", "b = softmax(a)", "c = matmul(a, w)", "y = matmul(b, c)", shape=(8, 8))
    t = translate(prepared(machine(Abacus(), Abacus()), graph, ONCE))
    net = next(n for n in t.problem.nets if n.source == 0)
    there = pb.Solution(tuple(0 if i == 0 else 1 for i in range(len(t.tasks))))
    assert len(pb.legs(t.problem, net, there)) == 1


@pytest.mark.parametrize("objective", ["throughput", "energy"])
def test_weights_that_fit_in_sum_but_in_no_placement_end_the_search_and_not_the_process(objective: str) -> None:
    # ten weights of 128 bytes, of which each of three units holds two beside its values
    plan = prepared(machine(*[Abacus()] * 3, capacities=[400] * 3), layers(10))
    with pytest.raises(Infeasible):
        driver.solve(translate(plan).problem, objective, Budget(0.2))
