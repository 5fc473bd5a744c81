"""Uncrowded: the pooled problem without what a stage has no room for, or only for a few calls at once.

A pool's memory is as large as those of all its stages, but a weight lies in one of them: what is left of each when no
more whole weights fit is no room. Where a memory has room for the values of few calls, calls take turns there
(docs/decisions/0002), and a call that waits elsewhere keeps its turn. A placement problem does not see that: a task
that hardly counts may hold up a whole phase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mapper.cost.estimate import Estimator
from mapper.cost.offers import working_set_bytes
from mapper.ir.plan import Option, Plan, Task
from mapper.solve.placement import problem as pb
from passes.place.folding.whole import parts, stages
from passes.place.translate import Translation

CALLS = 16
"""A stage's memory is roomy if it holds what a task reads and leaves for so many calls at once: a pipeline of many
stages has about so many requests in flight in each."""


def uncrowded(plan: Plan, t: Translation) -> Translation:
    """The translation, of a plan on a pooled target, with roomy options only, and with the room that whole weights can
    take. A task without such options keeps them all, and so do tasks that share a state and have no place left where
    all of them could keep it. A restriction: what is proven of it says nothing of the pool."""
    roomy = _Roomy(plan)
    kept: list[list[int]] = []
    for i, (task, meaning) in enumerate(zip(t.tasks, t.meaning, strict=True)):
        every = list(range(len(meaning)))
        if task.name not in plan.task:
            kept.append(every)  # a receiver takes what is sent to it
            continue
        options = t.problem.items[i].options
        kept.append([o for o in every if roomy.fits(t, options[o]) and roomy.holds(task, *meaning[o])] or every)
    for tie in t.problem.ties:
        if not set.intersection(*({t.problem.items[i].options[o].place for o in kept[i]} for i in tie)):
            for i in tie:
                kept[i] = list(range(len(t.meaning[i])))
    few = restricted(t, kept)
    return replace(few, problem=replace(few.problem, capacities=_whole(plan, few.problem)))


def restricted(t: Translation, kept: Sequence[Sequence[int]]) -> Translation:
    """The translation with some options of each item only."""
    items = tuple(
        replace(item, options=tuple(item.options[o] for o in few)) if len(few) < len(item.options) else item
        for item, few in zip(t.problem.items, kept, strict=True)
    )
    meanings = tuple(tuple(meaning[o] for o in few) for meaning, few in zip(t.meaning, kept, strict=True))
    return replace(t, problem=replace(t.problem, items=items), meaning=meanings)


class _Roomy:
    """Which options a stage has room for."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        sizes = {m.name: m.capacity_bytes for m in plan.target.memories}
        self.rooms = {m: size / stages(plan.target, m) for m, size in sizes.items()}  # of all copies of a stage
        self.rooms_of_copies = {m: size / parts(plan.target, m) for m, size in sizes.items()}
        self.estimator = Estimator(plan.target, plan.graph, plan.phases, plan.precision)
        self._known: dict[tuple[str, str, str, int], bool] = {}

    def fits(self, t: Translation, option: pb.Option) -> bool:
        """Whether each of an option's weights and states fits a stage."""
        needs = (t.problem.residents[k] for k in option.needs)
        return all(r.bytes <= self.rooms[t.problem.memories[r.memory]] for r in needs)

    def holds(self, task: Task, unit_name: str, option: Option) -> bool:
        """Whether what a task reads and leaves fits its stage's memory for `CALLS` calls."""
        plan, cluster, unit = self.plan, self.plan.cluster[task.cluster], self.plan.target.unit[unit_name]
        key = (cluster.repeat, task.phase, unit_name, id(option))
        if key not in self._known:
            layouts = option.takes, option.leaves
            size = working_set_bytes(self.estimator, cluster, unit, plan.phase[task.phase], *layouts)
            self._known[key] = size * CALLS <= self.rooms_of_copies[unit.data]
        return self._known[key]


def _whole(plan: Plan, problem: pb.Problem) -> tuple[int, ...]:
    """The capacities, less what no stage can use: whatever pieces are put in while there is room for the largest leave
    less than it, and where all are as large only whole ones count."""
    largest = [0] * len(problem.memories)
    for k in {k for item in problem.items for option in item.options for k in option.needs}:
        resident = problem.residents[k]
        largest[resident.memory] = max(largest[resident.memory], resident.bytes)
    found = []
    for name, capacity, piece in zip(problem.memories, problem.capacities, largest, strict=True):
        many = stages(plan.target, name)
        one = capacity // many
        usable = max(one // piece * piece, one - piece) if piece else one
        found.append(min(capacity, many * usable) if many > 1 else capacity)
    return tuple(found)
