"""How long units last whose cells are rewritten at run time, at the rate of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from mapper.cost.judge import Verdict
from mapper.hw.work import TICKS_PER_SECOND

SECONDS_PER_YEAR = 365.25 * 86400


@dataclass(frozen=True, slots=True)
class Wear:
    """A unit whose cells wear out: writes that a cell survives, and writes of each a second when all are worn alike."""

    unit: str
    endurance: float
    writes_per_s: float

    @property
    def years(self) -> float:
        """Lifetime at this rate."""
        return self.endurance / self.writes_per_s / SECONDS_PER_YEAR


def wears(verdict: Verdict) -> list[Wear]:
    """The units that the plan wears out, in the order of the target; nothing where weights are written once only."""
    plan = verdict.plan
    calls = {phase.name: phase.calls for phase in plan.phases}
    writes = dict.fromkeys(plan.target.unit, 0.0)
    for task in plan.tasks or ():
        cost = dict(plan.chosen(task.name).costs).get(task.phase)
        if cost is not None and cost.wear:
            writes[plan.place[task.name].unit] += calls[task.phase] * cost.wear
    rate = TICKS_PER_SECOND / verdict.interval if verdict.interval else 0.0
    worn = [(u, writes[u.name] * rate) for u in plan.target.units if writes[u.name] and u.model.endurance() < inf]
    return [Wear(unit.name, unit.model.endurance(), per_s) for unit, per_s in worn if per_s]


def wear_lines(verdict: Verdict) -> list[str]:
    """A line for each unit that wears out, the lifetime in the largest unit of time that it fills."""
    return [
        f"{w.unit} rewrites each cell {w.writes_per_s:.3g} times a second and lasts {_span(w.years)} "
        f"(a cell survives {w.endurance:.0e} writes)"
        for w in wears(verdict)
    ]


def _span(years: float) -> str:
    seconds = years * SECONDS_PER_YEAR
    for size, name in ((SECONDS_PER_YEAR, "years"), (86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= size:
            return f"{seconds / size:,.3g} {name}"
    return f"{seconds:.3g} seconds"
