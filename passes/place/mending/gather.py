"""Gather: exchange alike units so that neighbouring clusters share one.

Alike units are interchangeable to the placement problem: it does not care which of four equal chiplets holds which
layer. The machine does: a request that stays on a chiplet for a few layers, and never comes back, takes room in its
buffer for a short time, so more requests can be in flight.
"""

from __future__ import annotations

from mapper.errors import MapperError
from mapper.ir.plan import Option, Plan
from mapper.solve.placement import problem as pb
from passes.place.translate import Translation

LONGER = 0.005
"""How much longer (relative) the busiest resource may take: the shares of gathered units are not quite equal."""


def gathered(plan: Plan, t: Translation, solution: pb.Solution) -> pb.Solution | None:
    """The solution with each group of alike units refilled in the order of the clusters, every unit to an equal share
    of the group's weights. A group stays as it is where that breaks a rule or makes the busiest resource longer. None
    when nothing changes."""
    most = pb.totals(t.problem, solution).interval * (1 + LONGER)
    found = solution
    for units in sorted({t.meaning[i][o][1].units for i, o in enumerate(solution.choice)}):
        if len(units) > 1:
            tried = _refilled(plan, t, found, units)
            if tried != found and keeps_rules(t, tried) and pb.totals(t.problem, tried).interval <= most:
                found = tried
    return found if found != solution else None


def _refilled(plan: Plan, t: Translation, solution: pb.Solution, units: tuple[str, ...]) -> pb.Solution:
    """The solution with one group of alike units refilled."""
    chosen = [t.meaning[i][o] for i, o in enumerate(solution.choice)]
    home = _homes(plan, t, chosen, units)
    named = {}
    for task, (unit, option) in zip(t.tasks, chosen, strict=True):
        if task.name in plan.task:
            there = home[plan.holder[task.cluster]] if unit in units else unit
            named[task.name] = (there, option.source, option.replicas, option.shard)
    return t.solution(named)  # receivers of states go with those that read them


def keeps_rules(t: Translation, solution: pb.Solution) -> bool:
    """Whether a solution keeps all rules of its problem."""
    try:
        pb.verify(t.problem, solution)
    except MapperError:
        return False
    return True


def _homes(plan: Plan, t: Translation, chosen: list[tuple[str, Option]], units: tuple[str, ...]) -> dict[str, str]:
    """For each cluster on one of these units, the unit that it gets: shares by weight, by time where there is none."""
    weight: dict[str, float] = {}
    for task, (unit, option) in zip(t.tasks, chosen, strict=True):
        if unit in units and task.name in plan.task:
            size = option.footprint_bytes * option.replicas
            busy = option.cost(task.phase).ticks * plan.phase[task.phase].calls
            holder = plan.holder[task.cluster]
            weight[holder] = max(weight.get(holder, 0.0), float(size if _resident(plan, option) else busy))
    total = sum(weight.values())
    homes: dict[str, str] = {}
    filled = 0.0
    for cluster in plan.clusters or ():
        if cluster.name in weight:
            middle = filled + weight[cluster.name] / 2
            homes[cluster.name] = units[min(len(units) - 1, int(middle * len(units) / total) if total else 0)]
            filled += weight[cluster.name]
    return homes


def _resident(plan: Plan, option: Option) -> bool:
    unit = plan.target.unit[option.units[0]]
    return option.source >= 0 and plan.target.memory[unit.weights[option.source]].unit == unit.name
