"""What limits a plan: the busiest resource, and which classes of ops fill it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mapper.cost.activity import Activity
from mapper.cost.judge import Verdict, arena_slots
from mapper.ir.goal import TIMES, Objective
from mapper.ir.request import runs
from mapper.report.holdings import kind_of
from mapper.report.units import percent

BUSY = 0.95
"""From this utilisation on, the busiest resource itself is what limits."""


@dataclass(frozen=True, slots=True)
class Share:
    """A cause and the part (0 to 1) that it has in what is being limited."""

    what: str
    part: float


def largest_costs(verdict: Verdict, most: int = 3) -> list[Share]:
    """The largest causes of the objective's value, largest first.

    throughput: what fills the busiest resource. latency, ttft, tpot: what that time is spent on. energy, edp: causes of
    energy.
    """
    objective = verdict.plan.objective
    if objective is Objective.THROUGHPUT:
        shares = _busiest(verdict)
    elif objective in TIMES:
        shares = _time(verdict)
    else:
        total = verdict.energy or 1
        shares = [Share(cause, pj / total) for cause, pj in verdict.energy_by_cause.items()]
    return sorted(shares, key=lambda s: (-s.part, s.what))[:most]


_ARRAYS = re.compile(r"(?P<unit>[^/]+)/(?P<cluster>.+) x\d+")


def resource_words(resource: str) -> str:
    """A resource as people say it: units, links and memories by their names, of a unit of arrays those that hold one
    cluster's weights ('cim//h.0/fc x2')."""
    found = _ARRAYS.fullmatch(resource)
    return f"the arrays of {found['cluster']} on {found['unit']}" if found else resource


def waiting(verdict: Verdict) -> list[str]:
    """Under the throughput objective, why even the busiest resource idles; nothing when it hardly does."""
    plan, flow = verdict.plan, verdict.steady
    inflight = plan.inflight or 1
    if plan.objective is not Objective.THROUGHPUT or not flow.busiest or flow.utilisation >= BUSY:
        return []
    begin = f"the busiest, {resource_words(flow.busiest)}, is {percent(flow.utilisation)} busy: "
    if inflight == 1:
        return [f"{begin}one request at a time, and its tasks wait for one another"]
    tight = sorted((n, memory, phase) for (phase, memory), n in arena_slots(plan).items() if n < inflight)
    rooms = [f"{memory} for {n} {phase} call{'s' if n > 1 else ''}" for n, memory, phase in tight[:2]]
    words = f"{inflight} in flight" + (f"; room in {', in '.join(rooms)}" if rooms else "")
    return [f"{begin}requests wait for one another", f"({words})"]


def _busiest(verdict: Verdict) -> list[Share]:
    return fills(verdict, verdict.steady.busiest)


def fills(verdict: Verdict, resource: str) -> list[Share]:
    """What fills a resource, largest first: the part of its load that each class of activities has. Of what several
    units use alike units count as one."""
    total = verdict.loads.get(resource, 0) or 1
    calls = [p.calls for p in verdict.plan.phases]
    own = resource.partition("/")[0] in verdict.plan.target.unit
    found = _grouped(verdict, calls, total, lambda loads, ticks: dict(loads).get(resource, 0), own)
    return sorted(found, key=lambda s: (-s.part, s.what))


def _time(verdict: Verdict) -> list[Share]:
    counted = runs(verdict.plan, verdict.plan.objective).counts
    total = sum(n * c.ticks for n, c in zip(counted, verdict.calls, strict=True))
    return _grouped(verdict, counted, total or 1, lambda loads, ticks: ticks)


def _grouped(verdict: Verdict, counts: Sequence[int], total: int, measure: object, named: bool = True) -> list[Share]:
    """named: whether units have their own names in the labels."""
    assert callable(measure)
    sums: dict[str, int] = {}
    for phase, count, program in zip(verdict.plan.phases, counts, verdict.programs, strict=True):
        for activity in program.activities:
            amount = measure(activity.loads, activity.ticks)
            if amount and count:
                a = activity
                label = (
                    label_of(verdict, phase.name, a.kind, a.task, a.where, a.limited_by)
                    if named
                    else label_by_kind(verdict, phase.name, a)
                )
                sums[label] = sums.get(label, 0) + count * amount
    return [Share(label, ticks / total) for label, ticks in sums.items()]


def label_by_kind(verdict: Verdict, phase: str, activity: Activity) -> str:
    """As `label_of`, with the kinds of units and memories in place of their names: what is alike gets one label."""
    target = verdict.plan.target
    ends = activity.where.split(" > ")
    if activity.where in target.unit:
        where = target.unit[activity.where].kind
    elif all(name in target.memory for name in ends):
        where = " > ".join(target.memory[name].kind for name in ends)
    else:
        where = activity.where
    return label_of(verdict, phase, activity.kind, activity.task, where, activity.limited_by)


def label_of(verdict: Verdict, phase: str, kind: str, task: str, where: str, limited_by: str) -> str:
    """Words for a class of activities: 'attention on gpu0 in decode (memory)'."""
    several = f" in {phase}" if len(verdict.plan.phases) > 1 else ""
    if kind != "task":
        on = "on " if kind == "cast" and " > " not in where else ""
        return f"{kind}s {on}{where}{several}"
    reason = f" ({limited_by})" if limited_by else ""
    return f"{kind_of(verdict, task)} on {where}{several}{reason}"
