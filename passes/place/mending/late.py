"""Late: bring an operand a second time, just before it is used, instead of keeping it in a scarce memory meanwhile.

A value that two tasks of a unit read, or one leaves for a later one, lies in the unit's memory from the first to the
second. Where that memory has room for the buffers of fewer calls than there are requests in flight, the call keeps its
turn there as long, and the others wait. Fetched again from another memory, the value gives way in between (spilling, as
in register allocation: Chaitin 1982; here nothing is written back, as values do not change).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mapper.cost.estimate import Estimator
from mapper.cost.judge import Verdict, arena_slots
from mapper.cost.liveness import Life, lives, segments
from mapper.cost.program import Program, Spelling
from mapper.cost.replay import Call
from mapper.cost.steady import loads_per_request
from mapper.errors import InvalidPlan
from mapper.ir.plan import Place, Plan

LONGER = 4
"""An operand comes late where it would lie unused for so many times as long as bringing it takes."""

STARVED = 0.97
"""From this utilisation of the busiest resource on, room is not what limits."""

TURNS = 0.1
"""A memory whose turns calls would take for a smaller part of the time, were each alone, does not limit. Among others
a call waits for units while it keeps its turn, many times as long."""


def brought_late(verdict: Verdict) -> tuple[Place, ...] | None:
    """The placement of a judged plan with operands brought late that lie unused for long in memories in which calls
    take turns; None where none does, or the busiest resource is busy all the same."""
    plan = verdict.plan
    late: dict[str, set[str]] = {}
    for program, call, memories in taking_turns(verdict):
        for life in lives(program, call):
            if life.memory in memories:
                for task, value in lying(plan, program, call, life):
                    late.setdefault(task, set()).add(value)
    late = {task: values for task, values in late.items() if not values <= set(plan.place[task].late)}
    if not late:
        return None
    return added(plan, late)


def taking_turns(verdict: Verdict) -> Iterator[tuple[Program, Call, set[str]]]:
    """The phases of a judged plan in which calls take turns in memories for much of the time, and these memories; none
    where the busiest resource is busy all the same."""
    if verdict.steady.utilisation >= STARVED:
        return
    plan = verdict.plan
    slots = {key: n for key, n in arena_slots(plan).items() if n < (plan.inflight or 1)}
    for program, call in zip(verdict.programs, verdict.calls, strict=True):
        here = {memory: n for (phase, memory), n in slots.items() if phase == program.phase}
        memories = _taken(program, call, here, verdict.interval / plan.phase[program.phase].calls)
        if memories:
            yield program, call, memories


def _taken(program: Program, call: Call, slots: Mapping[str, int], interval: float) -> set[str]:
    """The memories whose turns, so many at once, a call alone takes for much of the ticks between calls."""
    held = dict.fromkeys(slots, 0)
    for segment in segments(program, call, frozenset(slots)) if slots else ():
        for memory, users in segment.users:
            held[memory] += max(call.ends[i] for i in users) - min(call.starts[i] for i in users)
    return {memory for memory, ticks in held.items() if ticks >= TURNS * slots[memory] * interval}


def lying(plan: Plan, program: Program, call: Call, life: Life) -> Iterator[tuple[str, str]]:
    """(task, value) of the readers before which a value lies unused for much longer than bringing it again takes: where
    it was moved to, or made and moved from before."""
    if life.maker < 0:
        return
    maker = program.activities[life.maker]
    value = next(name for name, memory, _ in maker.makes if memory == life.memory)
    moves = [i for i in life.readers if program.activities[i].kind == "move"]
    if value not in plan.graph.producer or (maker.kind != "move" and not moves):
        return
    bringing = maker.ticks if maker.kind == "move" else min(program.activities[i].ticks for i in moves)
    used = call.ends[life.maker]
    for reader in sorted(life.readers, key=lambda i: (call.starts[i], i)):
        activity = program.activities[reader]
        again = maker.kind == "move" or min(moves) < reader  # it lies elsewhere before
        if activity.kind == "task" and again and call.starts[reader] - used > LONGER * bringing:
            yield activity.task, value
        used = max(used, call.ends[reader])


def added(plan: Plan, late: Mapping[str, set[str]], estimator: Estimator | None = None) -> tuple[Place, ...] | None:
    """The plan's placement with these operands of tasks brought late too; None where one lies in no other memory, as
    wide, before."""
    found = tuple(replace(p, late=tuple(sorted({*p.late, *late.get(p.task, ())}))) for p in plan.placement or ())
    try:
        Spelling(replace(plan, placement=found), estimator).programs()
    except InvalidPlan:
        return None
    return found


def with_late(plan: Plan, placement: tuple[Place, ...] = ()) -> Plan:
    """A placed plan with operands brought late and tasks in tiles as in a placement, or as it has them, their loads
    added to what the search counted: of whole tasks at the prices of their options, and of values brought once."""
    placement = placement or plan.placement or ()
    bare = tuple(replace(place, late=(), tiles=0) for place in placement)
    if plan.search is None or placement == bare:
        return plan if plan.placement == placement else replace(plan, placement=placement)
    calls = [p.calls for p in plan.phases]
    late = replace(plan, placement=placement)
    before, after = (loads_per_request(Spelling(p).programs(), calls) for p in (replace(plan, placement=bare), late))
    loads = dict(plan.search.loads)
    for resource, ticks in after.items():
        loads[resource] = loads.get(resource, 0) + ticks - before.get(resource, 0)
    counted = tuple(sorted((resource, ticks) for resource, ticks in loads.items() if ticks))
    return replace(late, search=replace(plan.search, loads=counted))
