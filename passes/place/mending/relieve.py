"""Relieve: the placement problem without what crowds a memory.

The problem counts what stays in a memory, and of the buffers that come and go no more than all plans need. Where a
solution's buffers do not fit, the search is asked again with more of the memory left free, or without the options that
put the largest buffers there. What is proven is proven of the problem itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from mapper.cost.estimate import Estimator
from mapper.cost.offers import working_set_bytes
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context
from mapper.solve.placement import problem as pb
from passes.memory.memory import Memory, NoRoom
from passes.place.translate import Translation
from passes.schedule.schedule import Schedule

SHARES = (0.25, 0.0)
"""How much of a crowded memory one task's values may take: first a quarter, then nothing."""

FREED = 2
"""Searches that leave more free, at most."""


def freed(t: Translation, lacking: Mapping[str, int]) -> Translation:
    """The translation with less of these memories for what stays there: twice the bytes that were lacking, as the
    buffers of another placement are others."""
    capacities = zip(t.problem.memories, t.problem.capacities, strict=True)
    left = tuple(max(0, room - 2 * lacking.get(memory, 0)) for memory, room in capacities)
    return replace(t, problem=replace(t.problem, capacities=left))


def relieved(plan: Plan, t: Translation, memories: Collection[str], share: float) -> Translation:
    """The translation without options on units of these memories whose values take more than a share of them.

    A task keeps all its options when none would be left.
    """
    estimator = Estimator(plan.target, plan.graph, plan.phases, plan.precision)
    items, meanings = [], []
    for task, item, meaning in zip(t.tasks, t.problem.items, t.meaning, strict=True):
        cluster, phase = plan.cluster[task.cluster], plan.phase[task.phase]
        kept = []
        for o, (name, _) in enumerate(meaning):
            unit = plan.target.unit[name]
            room = share * plan.target.memory[unit.data].capacity_bytes
            if unit.data not in memories or working_set_bytes(estimator, cluster, unit, phase) <= room:
                kept.append(o)
        kept = kept or list(range(len(meaning)))
        items.append(replace(item, options=tuple(item.options[o] for o in kept)))
        meanings.append(tuple(meaning[o] for o in kept))
    return replace(t, problem=replace(t.problem, items=tuple(items)), meaning=tuple(meanings))


def widen_back(narrow: Translation, t: Translation, solution: pb.Solution) -> pb.Solution:
    """A solution of the narrower problem as one of the whole problem."""
    pairs = zip(narrow.meaning, t.meaning, solution.choice, strict=True)
    return pb.Solution(tuple(whole.index(few[o]) for few, whole, o in pairs))


def lacking_in(plan: Plan, t: Translation, solution: pb.Solution, ctx: Context) -> Mapping[str, int]:
    """The bytes that the memories have too few that are too small for one request under a solution."""
    try:
        Memory().run(Schedule().run(t.apply(plan, solution), ctx), ctx)
    except NoRoom as error:
        return error.lacking
    return {}
