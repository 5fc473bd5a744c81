"""What limits a plan: the busiest resource, and which classes of ops fill it."""

from __future__ import annotations

from dataclasses import dataclass

from mapper.cost.judge import Verdict
from mapper.ir.plan import Objective


@dataclass(frozen=True, slots=True)
class Share:
    """A cause and the part (0 to 1) that it has in what is being limited."""

    what: str
    part: float


def largest_costs(verdict: Verdict, most: int = 3) -> list[Share]:
    """The largest causes of the objective's value, largest first.

    throughput: what fills the busiest resource. latency: what the time of one request is spent on. energy, edp: causes
    of energy.
    """
    match verdict.plan.objective:
        case Objective.THROUGHPUT:
            shares = _busiest(verdict)
        case Objective.LATENCY:
            shares = _time(verdict)
        case _:
            total = verdict.energy or 1
            shares = [Share(cause, pj / total) for cause, pj in verdict.energy_by_cause.items()]
    return sorted(shares, key=lambda s: (-s.part, s.what))[:most]


def _busiest(verdict: Verdict) -> list[Share]:
    resource = verdict.steady.busiest
    total = verdict.loads.get(resource, 0) or 1
    return _grouped(verdict, total, lambda loads, ticks: dict(loads).get(resource, 0))


def _time(verdict: Verdict) -> list[Share]:
    return _grouped(verdict, verdict.latency or 1, lambda loads, ticks: ticks)


def _grouped(verdict: Verdict, total: int, measure: object) -> list[Share]:
    assert callable(measure)
    sums: dict[str, int] = {}
    for phase, program in zip(verdict.plan.phases, verdict.programs, strict=True):
        for activity in program.activities:
            amount = measure(activity.loads, activity.ticks)
            if amount:
                label = label_of(verdict, phase.name, activity.kind, activity.name, activity.where, activity.limited_by)
                sums[label] = sums.get(label, 0) + phase.calls * amount
    return [Share(label, ticks / total) for label, ticks in sums.items()]


def label_of(verdict: Verdict, phase: str, kind: str, name: str, where: str, limited_by: str) -> str:
    """Words for a class of activities: 'attention on gpu0 in decode (memory)'."""
    several = f" in {phase}" if len(verdict.plan.phases) > 1 else ""
    if kind != "task":
        return f"{kind}s {where}{several}"
    cluster = verdict.plan.cluster[verdict.plan.task[name].cluster]
    op = verdict.plan.graph.op.get(cluster.name) or verdict.plan.graph.op[cluster.ops[0]]
    reason = f" ({limited_by})" if limited_by else ""
    return f"{op.kind} on {where}{several}{reason}"
