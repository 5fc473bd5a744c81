"""Looks: what the judge says of a placed plan, in the variant of it that a probe likes best.

What the placement problem does not see, the room for buffers, is mended here: operands come late, and tasks go through
their rows in tiles, where calls take turns in a scarce memory or do not fit it at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

from mapper.cost.estimate import Estimator
from mapper.cost.judge import Verdict, flow, judge, peaks
from mapper.cost.program import Spelling
from mapper.errors import Infeasible
from mapper.ir.goal import Objective
from mapper.ir.plan import Place, Plan
from mapper.pipeline.pass_ import Context
from passes.memory.memory import PROBE, WORTHWHILE, Memory, NoRoom
from passes.memory.memory import TIMES as MULTIPLES
from passes.place.mending.late import brought_late
from passes.place.mending.tiled import MORE_CALLS, for_more_calls, needed_tiles, that_fit
from passes.schedule.schedule import Schedule

STEADY = (Objective.THROUGHPUT, Objective.ENERGY, Objective.EDP)
"""Objectives in which the interval between requests counts."""

FAR = 1.5
"""How many times the least value so far a probe may find for variants to be tried."""


def looked_at_best(
    placed: Plan,
    ctx: Context,
    events: int,
    last: bool = False,
    rival: float = inf,
    estimator: Estimator | None = None,
) -> Verdict:
    """What the judge says of a placed plan after the default schedule and memory passes; in tiles where its buffers do
    not fit, with operands brought late and in tiles where a probe finds that better. Where the objective is a time of
    one request alone, only limits ask how many are in flight, and what the steady state is. rival: the least value so
    far; what a probe finds far worse is not mended. estimator: of the plan's target, if there is one."""
    most = most_events(placed, events)
    prices = estimator or Estimator(placed.target, placed.graph, placed.phases, placed.precision)

    def judged(placement: tuple[Place, ...] | None, events: int) -> Verdict:
        plan = replace(placed, placement=placement)
        return looked_at(plan, Spelling(plan, prices), ctx, events, last)

    try:
        probe = judged(placed.placement, min(PROBE, most))
    except NoRoom as crowded:
        if not needed_tiles(placed):
            return _in_tiles(placed, crowded, lambda placement: judged(placement, most), prices)
        probe = _in_tiles(placed, crowded, lambda placement: judged(placement, min(PROBE, most)), prices)
    if placed.objective in STEADY and probe.value(placed.objective) < FAR * rival:
        probe = _with_less_room(probe, lambda placement: judged(placement, min(PROBE, most)), prices)
    return probe if most <= PROBE else looked_longer(probe, most, last)


def most_events(placed: Plan, events: int) -> int:
    """So many activities, or as good as none where only one request alone is asked for."""
    return 1 if placed.objective not in STEADY and not placed.limits else events


def looked_longer(seen: Verdict, events: int, last: bool = False) -> Verdict:
    """What the judge says of a plan that it has seen after a longer look: schedule and buffers stay as they are, so
    only requests in flight and the steady state are looked at anew."""
    packed = replace(seen.plan, inflight=1)
    plan = _memory(packed, events, last).filled(packed, seen.programs, seen.calls)
    return replace(seen, plan=plan, steady=flow(plan, seen.programs, seen.calls, events), peaks=peaks(plan))


def _with_less_room(probe: Verdict, judged: Callable[[tuple[Place, ...]], Verdict], estimator: Estimator) -> Verdict:
    """The best of a probe's plan and variants of it that leave room for the buffers of more calls, as long as calls
    take turns for want of it; better by more than a longer look may take back."""
    goal = probe.plan.objective
    for tiles in (0, *MORE_CALLS):
        placement = for_more_calls(probe, tiles, estimator) if tiles else brought_late(probe)
        if placement is None:
            continue
        try:
            other = judged(placement)
        except Infeasible:
            continue
        if (other.excess, other.value(goal) * WORTHWHILE) < (probe.excess, probe.value(goal)):
            probe = other
    return probe


def looked_at(plan: Plan, spelling: Spelling, ctx: Context, events: int, last: bool = False) -> Verdict:
    """What the judge says of a placed plan, spelled out, after the default schedule and memory passes. As many requests
    are in flight as the memory pass tries at most: it chooses fewer only where that is as good, by several simulations.
    A long look under limits takes its choice, and so does the `last` one, which decides between a search and baselines
    that come close: what it finds is what the finished plan is worth."""
    return looked_at_with(_memory(plan, events, last), plan, spelling, ctx, events)


def looked_at_with(memory: Memory, plan: Plan, spelling: Spelling, ctx: Context, events: int) -> Verdict:
    """What the judge says of a placed plan, spelled out, after the default schedule pass and this memory pass."""
    scheduled = Schedule().scheduled(plan, spelling.programs(), ctx)
    return judge(memory.packed(scheduled, spelling.programs(), ctx), spelling, events)


def _memory(plan: Plan, events: int, last: bool) -> Memory:
    """The memory pass of a look."""
    return Memory() if (plan.limits or last) and events > PROBE else Memory(min_times=max(MULTIPLES))


def _in_tiles(
    placed: Plan, crowded: NoRoom, judged: Callable[[tuple[Place, ...]], Verdict], estimator: Estimator
) -> Verdict:
    """The verdict on a plan whose buffers do not fit, with the fewest tiles that do."""
    for placement in that_fit(placed, crowded.memories, estimator):
        try:
            return judged(placement)
        except NoRoom:
            continue
    raise crowded
