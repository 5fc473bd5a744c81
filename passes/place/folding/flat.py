"""Baselines on single chips: rivals of a folded placement, so that folding is never worse than not folding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, takewhile

from mapper.ir.goal import Objective
from mapper.ir.plan import Plan, Status
from mapper.pipeline.pass_ import Context
from passes.place.baselines import search_of
from passes.place.bounds import scale
from passes.place.folding.pooled import Pooled
from passes.place.folding.quick import SAFE, Quick, Sort
from passes.place.mending.late import with_late
from passes.place.prices import OWN, Price
from passes.place.rank import best_of_each, least_of
from passes.place.searching import every_start
from passes.place.translate import translate

PAIRS = 60_000
"""The placement problem of single chips is written where it has no more than so many pairs of a task and a unit, and of
units that values go between: about six seconds with its baselines."""

SIZES = 10
"""So many kinds of values, about, go between units in each phase."""

BY_PHASE_OPTIONS = 3_000
"""So many options of single chips at most are also placed phase after phase: equal chips make the linear programs of
its bounds degenerate; of 4,210 options (GPT-2 on eight chiplets of Corsair) they took 15 s of 26, of 1,746 (on eight
GPUs) less than one."""


def rivals(plan: Plan, ctx: Context, to_beat: float) -> Iterator[Plan]:
    """The best placement of each baseline on the chips as they are, where it may beat a value. None on targets of so
    many chips that this takes long (`PAIRS`)."""
    units = len(plan.target.units)
    if len(plan.tasks or ()) * units + SIZES * len(plan.phases) * units**2 > PAIRS:
        return
    t = translate(plan)
    known = every_start(t, plan, ctx, BY_PHASE_OPTIONS)
    for name, solution in best_of_each(plan, t, known, len(known)):
        if (least_of(plan, t, solution) or 0.0) < to_beat:
            yield with_late(replace(t.apply(plan, solution), search=search_of(t, solution, Status.FEASIBLE, name)))


def least_apart(alone: Pooled) -> float:
    """A value, in SI units, that no placement on single chips undercuts, by tasks that no two chips share; 0 where the
    objective is the time of one request, of which the pool's own bound says as much. alone: the pool of single chips.
    """
    plan, quick = alone.plan, Quick(alone.plan)
    if plan.objective not in (Objective.THROUGHPUT, Objective.ENERGY):
        return 0.0
    sorts = quick.sorts()
    if not all(sort.prices for sort in sorts.values()):
        return 0.0
    interval = _interval_of_whole_tasks(plan, list(sorts.values()))
    if plan.objective is Objective.THROUGHPUT:
        return interval * scale(plan)
    energy = sum(sort.many * min(price.cost for price in sort.prices) for sort in sorts.values())
    return (energy + plan.target.idle_power_w * interval) * (1 - SAFE) * scale(plan)


def _interval_of_whole_tasks(plan: Plan, sorts: list[Sort]) -> float:
    """Ticks that the busiest chip takes at least where each task is on one chip: of k m + 1 tasks one of m chips has
    k + 1, each no shorter than the shortest of them."""
    many = {unit.name: unit.team.pool if unit.team else 1 for unit in plan.target.units}
    tasks = Counter[int]()
    for sort in sorts:
        tasks[min(_alone(price, many) for price in sort.prices)] += sort.many
    longest = sorted(tasks.elements(), reverse=True)
    chips = sum(many.values())
    firsts = takewhile(lambda k: k * chips < len(longest), count())
    return max(((k + 1) * longest[k * chips] for k in firsts), default=0) * (1 - SAFE)


def _alone(price: Price, many: dict[str, int]) -> int:
    """The ticks of a task on one chip of its pool, of which the pool's are the share rounded down; 0 where weights
    compute in arrays of their own, many at once."""
    return 0 if OWN in price.engine else price.busy * many.get(price.engine, 1)
