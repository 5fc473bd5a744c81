"""Tiles where room is scarce: tasks on a memory that is too small go through their rows in several smaller runs.

A call that keeps whole values in a small memory needs all of it, or more than it has. In tiles (as loops are blocked
for caches: Wolf and Lam 1991) it needs a part at a time, at the price of weights that stream in for each tile, so the
fewest tiles that fit are taken and the judge decides.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import replace

from mapper.cost.estimate import Estimator
from mapper.cost.judge import Verdict, fixed_bytes
from mapper.cost.liveness import Life, lives
from mapper.cost.program import Program, Spelling
from mapper.cost.replay import Call, replay
from mapper.cost.tiles import tiling
from mapper.ir.graph import Phase
from mapper.ir.plan import Place, Plan
from passes.place.mending.late import added, lying, taking_turns
from passes.schedule.schedule import slots

TILES = (0, 2, 3, 4, 6, 8, 12, 16)
"""Counts of tiles that are tried, the fewest first; 0 stands for whole tasks."""

MORE_CALLS = (4, 8)
"""Counts of tiles that are tried where whole tasks fit and calls take turns."""

TIMES = (1, 2, 4, 8)
"""Multiples of the most tiles that a task of the plan goes in at least, which are tried where there are such tasks."""

MOST_NEEDED = 64
"""Tasks that need more tiles than this set no count for the others, whose tiles would be tiny and their moves many."""

MOST_TASKS = 600
"""Tiles are tried for so many tasks at most: each count takes prices, programs and schedules of all of them."""


SURE = 0.9
"""Of the number of tiles that is wanted by two others: rows are whole, so a tile may be larger than its part."""


def that_fit(plan: Plan, memories: Collection[str], estimator: Estimator | None = None) -> Iterator[tuple[Place, ...]]:
    """Placements of a placed plan with operands brought late and, of tasks that keep their values in these memories, so
    many tiles that one call's buffers may fit there; the fewest tiles first. None where the goal counts the time of a
    request, on which tiles have no bound, where there are very many tasks, and where no number would be enough; numbers
    that would not are left out."""
    if plan.goal.counts_time or len(plan.tasks or ()) > MOST_TASKS:
        return
    prices = Spelling(plan, estimator).estimator
    whole = replace(plan, placement=tuple(replace(place, tiles=0) for place in plan.placement or ()))
    roomy = replace(plan, placement=_late(whole, prices, memories))
    least = needed_tiles(plan)
    known, seen, wanted = dict[tuple[Place, ...], int](), list[tuple[int, int]](), 0.0
    crowd = Crowd()
    for tiles in (0, *(least * times for times in TIMES)) if least else TILES:
        if 0 < tiles < wanted:
            continue
        placement = in_tiles(roomy, prices, memories, tiles)
        new = placement not in known
        placed = replace(plan, placement=placement)
        lacking = _lacking(placed, prices, memories, crowd) if new else known[placement]
        known[placement] = lacking
        if new and not lacking:
            yield placement
        seen = [*seen[-1:], (tiles, lacking)] if tiles and lacking else []
        if len(seen) > 1:
            wanted = SURE * _enough(*seen)
            if wanted == math.inf:
                return


def _enough(few: tuple[int, int], many: tuple[int, int]) -> float:
    """The number of tiles at which nothing is lacking, at least, by what is lacking at two numbers; infinite where none
    is enough. k times as many tiles leave a k-th of what tiles divide, and the rest stays: at each moment what is
    lacking is a line of 1 / tiles, the most of all moments is convex, and so above the line through any two points."""
    (tiles, lacking), (more, less) = few, many
    rest = (more * less - tiles * lacking) / (more - tiles)
    return math.inf if rest >= 0 else more * (1 - less / rest)


def for_more_calls(verdict: Verdict, tiles: int, estimator: Estimator | None = None) -> tuple[Place, ...] | None:
    """The placement of a judged plan with tasks in so many tiles where calls take turns in the memory of their values,
    so that it has room for the buffers of more calls; None where they do not, or no task can be in tiles."""
    plan = verdict.plan
    scarce = {memory for _, _, memories in taking_turns(verdict) for memory in memories}
    if not scarce or plan.goal.counts_time or len(plan.tasks or ()) > MOST_TASKS:
        return None
    prices, least = estimator or Spelling(plan).estimator, needed_tiles(plan)
    found = in_tiles(plan, prices, scarce, tiles)
    if found == plan.placement and least:  # all that can be in tiles there is in more
        found = in_tiles(plan, prices, scarce, tiles // MORE_CALLS[0] * 2 * least)
    return found if found != plan.placement else None


def in_tiles(plan: Plan, estimator: Estimator, memories: Collection[str], tiles: int) -> tuple[Place, ...]:
    """The plan's placement with so many tiles for each task that keeps its values in these memories and can be in as
    many, of others as many as it needs at least."""
    found = []
    for place in plan.placement or ():
        task, unit, option = plan.task[place.task], plan.target.unit[place.unit], plan.chosen(place.task)
        can, least = None, option.least_tiles(task.phase)
        if tiles > least and unit.data in memories:
            can = tiling(estimator, plan.cluster[task.cluster], unit, option, plan.phase[task.phase], tiles)
        found.append(replace(place, tiles=tiles if can else least))
    return tuple(found)


def needed_tiles(plan: Plan) -> int:
    """The most tiles that a task of a placed plan goes in at least, of those that do with MOST_NEEDED; what all need
    where none does."""
    needs = {plan.chosen(p.task).least_tiles(plan.task[p.task].phase) for p in plan.placement or ()}
    return max((need for need in needs if need <= MOST_NEEDED), default=0) or min((n for n in needs if n), default=0)


def _calls(plan: Plan, estimator: Estimator) -> list[tuple[Program, Call]]:
    """The programs of a placed plan with a quick schedule."""
    return [_call(program) for program in Spelling(plan, estimator).programs()]


def _call(program: Program) -> tuple[Program, Call]:
    return program, replay(program, {s.what: s for s in slots(program)})


Crowd = dict[tuple[str, tuple[Place, ...]], dict[str, int]]
"""What a phase's call keeps in each memory at most, by how its tasks are placed, of placements that differ in tiles and
late operands alone."""


def _lacking(plan: Plan, estimator: Estimator, memories: Collection[str], known: Crowd) -> int:
    """Bytes by which the buffers of one call of each phase, as much as is alive at once, are more than one of the
    memories has beside what stays there, at most; 0 where they fit."""
    needed = fixed_bytes(replace(plan, inflight=1))
    spelling = Spelling(plan, estimator)
    for phase in plan.phases:
        key = phase.name, tuple(p for p in plan.placement or () if plan.task[p.task].phase == phase.name)
        if key not in known:
            known[key] = _alive(spelling, phase, memories)
        for memory, size in known[key].items():
            needed[memory] += size
    return max([0, *(needed[m] - plan.target.memory[m].capacity_bytes for m in memories)])


def _alive(spelling: Spelling, phase: Phase, memories: Collection[str]) -> dict[str, int]:
    """The most bytes of a phase's call that are alive at once in each of the memories."""
    program, call = _call(spelling.program(phase))
    alive = [life for life in lives(program, call) if life.memory in memories]
    return {m: _most_alive([life for life in alive if life.memory == m]) for m in memories}


def _most_alive(found: Collection[Life]) -> int:
    changes = sorted([(x.start, x.size) for x in found] + [(x.end, -x.size) for x in found])
    most = level = 0
    for _, size in changes:
        level += size
        most = max(most, level)
    return most


def _late(plan: Plan, estimator: Estimator, memories: Collection[str]) -> tuple[Place, ...]:
    """The placement with operands brought late that would lie in these memories for long unused: where they were moved
    to, or where they were made and are moved from for others too."""
    late: dict[str, set[str]] = {}
    for program, call in _calls(plan, estimator):
        for life in lives(program, call):
            if life.memory in memories:
                for task, value in lying(plan, program, call, life):
                    late.setdefault(task, set()).add(value)
    return added(plan, late, estimator) or plan.placement or ()
