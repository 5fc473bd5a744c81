"""Widen: give weights more copies where arrays are left over.

A placement for throughput stops adding copies once another resource is the busiest. Copies still shorten a request's
course, and a shorter course needs fewer requests in flight, and so less room for their buffers.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from mapper.ir.plan import Option, Plan
from mapper.solve.placement import problem as pb
from passes.place.translate import Translation


@dataclass(frozen=True, slots=True)
class _Step:
    """More copies for one cluster on one unit: the options its tasks there get, the ticks saved and bytes taken."""

    options: tuple[tuple[int, Option], ...]
    saved: int
    bytes: int


def widened(plan: Plan, t: Translation, solution: pb.Solution) -> pb.Solution | None:
    """The solution with copies added where they save most time per byte, until the arrays are full; None if none is."""
    chosen = [t.meaning[i][o] for i, o in enumerate(solution.choice)]
    room = _room(t, solution)
    tasks: dict[tuple[str, str], list[int]] = {}
    for i, (unit, option) in enumerate(chosen):
        if option.source >= 0:
            tasks.setdefault((plan.holder[t.tasks[i].cluster], unit), []).append(i)
    heap: list[tuple[float, tuple[str, str]]] = []
    for key, members in tasks.items():
        _push(heap, plan, t, chosen, key, members)
    changed = False
    while heap:
        _, key = heapq.heappop(heap)
        step = _next(plan, t, chosen, tasks[key])
        memory = plan.target.unit[key[1]].weights[chosen[tasks[key][0]][1].source]
        if step is None or step.bytes > room[memory]:
            continue
        room[memory] -= step.bytes
        for i, option in step.options:
            chosen[i] = (key[1], option)
        changed = True
        _push(heap, plan, t, chosen, key, tasks[key])
    if not changed:
        return None
    return pb.Solution(tuple(t.meaning[i].index(pair) for i, pair in enumerate(chosen)))


def _push(
    heap: list[tuple[float, tuple[str, str]]],
    plan: Plan,
    t: Translation,
    chosen: list[tuple[str, Option]],
    key: tuple[str, str],
    members: list[int],
) -> None:
    step = _next(plan, t, chosen, members)
    if step is not None and step.saved > 0:
        heapq.heappush(heap, (-step.saved / max(1, step.bytes), key))


def _next(plan: Plan, t: Translation, chosen: list[tuple[str, Option]], members: list[int]) -> _Step | None:
    """The next larger number of copies for a cluster's tasks on one unit; None when there is none or they differ."""
    unit, option = chosen[members[0]]
    if any((chosen[i][1].replicas, chosen[i][1].source) != (option.replicas, option.source) for i in members):
        return None
    ways = [_larger(plan, t, i, unit, chosen[i][1]) for i in members]
    copies = min(set(ways[0]).intersection(*ways), default=None)
    if copies is None:
        return None
    wider = [way[copies] for way in ways]
    saved = sum(
        (chosen[i][1].cost(phase).ticks - new.cost(phase).ticks) * plan.phase[phase].calls
        for i, new in zip(members, wider, strict=True)
        for phase in (t.tasks[i].phase,)
    )
    size = max(chosen[i][1].footprint_bytes for i in members)
    return _Step(tuple(zip(members, wider, strict=True)), saved, size * (copies - option.replicas))


def _larger(plan: Plan, t: Translation, i: int, unit: str, option: Option) -> dict[int, Option]:
    """The same option of an item with more copies, by how many."""
    return {
        o.replicas: o
        for o in plan.options_of[option.repeat]
        if unit in o.units
        and (o.source, o.shard) == (option.source, option.shard)
        and o.replicas > option.replicas
        and o.serves(t.tasks[i].phase)
    }


def _room(t: Translation, solution: pb.Solution) -> dict[str, int]:
    """Bytes left in each memory."""
    problem = t.problem
    left = dict(zip(problem.memories, problem.capacities, strict=True))
    needed = {k for i, o in enumerate(solution.choice) for k in problem.items[i].options[o].needs}
    for k in needed:
        left[problem.memories[problem.residents[k].memory]] -= problem.residents[k].bytes
    return left
