"""Room for values: tasks ask for it where they run, in memories that might be short, no more than calls take."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from real_plans import run
from tiny_machines import Abacus, layers, machine, prepared, sketch

from mapper.cost.check import check
from mapper.errors import Infeasible
from mapper.ir.goal import Objective
from mapper.ir.plan import Plan
from mapper.ir.rules_memory import arenas
from mapper.solve.placement import problem as pb
from passes.place.translate import Translation, translate

LINES = ("a = matmul(x, w0)", "b = matmul(a, w1)", "y = matmul(b, w2)")
WIDE = sketch(*LINES, shapes={"w2": (8, 64), "y": (4, 64)})
"""Two products of 4 x 8 values, 64 bytes each, and a last one that leaves 512 bytes; weights of 128, 128 and 1024."""

SHORT = 2100
"""Less than all weights, 1280 bytes, and the largest value twice."""


def placed(
    capacity: int, *units: str, objective: Objective = Objective.LATENCY
) -> tuple[Plan, Translation, pb.Solution]:
    """The three products on two alike units, each with so much memory; for a time, as no task is in tiles there."""
    plan = prepared(machine(Abacus(), Abacus(), capacities=(capacity, capacity)), WIDE, passes="partition-ops,options")
    plan = replace(plan, objective=objective)
    t = translate(plan)
    sources = {(task.name, u): o.source for task, m in zip(t.tasks, t.meaning, strict=True) for u, o in m}
    names = [task.name for task in t.tasks]
    return plan, t, t.solution({n: (u, sources[n, u], 1) for n, u in zip(names, units, strict=True)})


def room(t: Translation, solution: pb.Solution) -> list[int]:
    """Bytes of the room for values in each memory."""
    needed = {k for i, o in enumerate(solution.choice) for k in t.problem.items[i].options[o].needs} & t.room
    return [
        sum(t.problem.residents[k].bytes for k in needed if t.problem.residents[k].memory == m)
        for m in range(len(t.problem.memories))
    ]


def test_a_memory_keeps_room_for_the_largest_task_that_runs_there() -> None:
    _, t, all_on_one = placed(SHORT, "u0", "u0", "u0")
    assert room(t, all_on_one) == [64 + 512, 0]
    _, t, apart = placed(SHORT, "u0", "u0", "u1")
    assert room(t, apart) == [64 + 64, 64 + 512]
    assert t.problem.capacities == (SHORT, SHORT)


def test_a_task_that_can_be_in_tiles_asks_for_the_room_of_a_single_row() -> None:
    _, t, apart = placed(SHORT, "u0", "u0", "u1", objective=Objective.THROUGHPUT)
    assert room(t, apart) == [16 + 16, 16 + 128]


def test_where_all_fits_anyway_no_task_asks_for_room() -> None:
    _, t, solution = placed(10_000, "u0", "u0", "u1")
    assert not t.room
    assert room(t, solution) == [0, 0]
    assert t.problem.capacities == (10_000 - 2 * 512,) * 2


def test_no_call_takes_less_than_the_room_that_its_tasks_ask_for() -> None:
    judged = 0
    for units, goal in product(product(("u0", "u1"), repeat=3), (Objective.LATENCY, Objective.THROUGHPUT)):
        plan, t, solution = placed(SHORT, *units, objective=goal)
        try:
            found = run(t.apply(plan, solution), "schedule{effort=0},memory")
        except Infeasible:
            continue
        judged += 1
        taken = arenas(found)
        for memory, asked in zip(t.problem.memories, room(t, solution), strict=True):
            assert asked <= sum(size for (_, name), size in taken.items() if name == memory)
    assert judged


def test_tasks_ask_for_no_more_than_was_kept_free_for_all() -> None:
    plan = prepared(machine(Abacus(), capacities=(200,)), layers(1))
    t = translate(replace(plan, objective=Objective.LATENCY))
    assert sum(t.problem.residents[k].bytes for k in t.room) == 200 // 2  # of the 128 bytes that it reads and leaves


def test_no_plan_in_tiles_is_below_the_bound() -> None:
    """Whole tasks would take more room than is left beside all weights, so a bound on them is 10 times as high."""
    graph = sketch(*LINES, shape=(16, 8), shapes={"w2": (8, 64), "y": (16, 64)})
    target = machine(Abacus(ticks_per_element=500_000), Abacus(ticks_per_element=1), capacities=(1 << 20, 2400))
    plan = prepared(target, graph, passes="partition-ops,options")
    (bound,) = run(plan, "bounds").bounds or ()
    t = translate(plan)
    all_small = t.apply(plan, t.solution({task.name: ("u1", 0, 1) for task in t.tasks}))
    tiled = replace(all_small, placement=tuple(replace(p, tiles=4) for p in all_small.placement or ()))
    verdict = check(replace(run(replace(tiled, bounds=(bound,)), "schedule,memory,judge"), blocks=()))
    assert verdict.value(plan.objective) < 2 * bound.value
