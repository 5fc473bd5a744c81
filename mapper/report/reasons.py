"""Why each class of ops is where it is: its time there, what else could run it, and what cannot and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, log, log1p
from typing import Any

from mapper.errors import MapperError, did_you_mean
from mapper.hw.work import TICKS_PER_SECOND, Cost
from mapper.ir.plan import Objective, Option, Plan
from mapper.report.bands import ENERGY_BAND


@dataclass(frozen=True, slots=True)
class Alternative:
    """The best way on another kind of unit: how many times as slow, and as much energy inside the unit (a ratio to
    nothing is None), and whether the error bands leave open which of the two is the better one by itself."""

    unit_kind: str
    option: Option
    times_as_slow: float | None
    times_the_energy: float | None
    inside_band: bool

    def data(self) -> dict[str, Any]:
        """The same as JSON data, without the option."""
        names = ("unit_kind", "times_as_slow", "times_the_energy", "inside_band")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Reason:
    """Equal tasks that run in one way on units of one kind: where, how, and what else there is."""

    repeat: str
    phase: str
    tasks: tuple[str, ...]
    units: tuple[str, ...]
    unit_kind: str
    here: Option
    alternatives: tuple[Alternative, ...]
    refused: tuple[tuple[str, str], ...]

    @property
    def cost(self) -> Cost:
        """What one call of one of them costs."""
        return self.here.cost(self.phase)

    def data(self) -> dict[str, Any]:
        """The same as JSON data."""
        return {
            "op": self.repeat,
            "like_it": len(self.tasks),
            "phase": self.phase,
            "unit_kind": self.unit_kind,
            "units": sorted(set(self.units)),
            "replicas": self.here.replicas,
            "shard": self.here.shard,
            "time_s": self.cost.ticks / TICKS_PER_SECOND,
            "limited_by": self.cost.limited_by,
            "band": self.cost.band,
            "validated": self.cost.validated,
            "alternatives": [a.data() for a in self.alternatives],
            "refused": [{"unit_kind": kind, "reason": why} for kind, why in self.refused],
        }


def reasons(plan: Plan, wanted: str | None = None) -> list[Reason]:
    """One for each class, phase and kind of unit that it runs on, in the order of the plan; with `wanted` those of
    clusters whose name contains it. Raises MapperError where there is none."""
    found: dict[tuple[str, str, str, int, str], list[str]] = {}
    for task in plan.tasks or ():
        cluster, place = plan.cluster[task.cluster], plan.place[task.name]
        if wanted is not None and wanted not in cluster.name:
            continue
        key = (cluster.repeat, task.phase, plan.target.unit[place.unit].kind, place.replicas, place.shard)
        found.setdefault(key, []).append(task.name)
    if wanted is not None and not found:
        names = [c.name for c in plan.clusters or ()]
        raise MapperError(f"no op '{wanted}' in the plan; {did_you_mean(wanted, names[:200])}")
    rows = []
    for (repeat, phase, kind, _, _), tasks in found.items():
        here = plan.chosen(tasks[0])
        if not here.cost(phase).ticks and wanted is None:
            continue  # a view of a value: free wherever it is
        units = tuple(plan.place[name].unit for name in tasks)
        others = tuple(alternatives_of(plan, repeat, phase, here))
        rows.append(Reason(repeat, phase, tuple(tasks), units, kind, here, others, refused_by(plan, repeat, phase)))
    return rows


def refused_by(plan: Plan, repeat: str, phase: str) -> tuple[tuple[str, str], ...]:
    """Each kind of unit that refuses the class in a phase, with its first reason."""
    found: dict[str, str] = {}
    for r in plan.refusals or ():
        if r.repeat == repeat and r.phase in ("", phase):
            found.setdefault(r.unit_kind, r.reason)
    return tuple(found.items())


def alternatives_of(plan: Plan, repeat: str, phase: str, here: Option) -> list[Alternative]:
    """The best option on each other kind of unit."""
    best: dict[str, Option] = {}
    kind = plan.target.unit[here.units[0]].kind
    for option in plan.options_of[repeat]:
        other = plan.target.unit[option.units[0]].kind
        if other != kind and option.serves(phase):
            best[other] = min(best.get(other, option), option, key=lambda o: _wanted(plan, o.cost(phase)))
    mine = here.cost(phase)
    return [
        Alternative(
            other,
            option,
            _ratio(option.cost(phase).ticks, mine.ticks),
            _ratio(option.cost(phase).total_pj, mine.total_pj),
            _flips(plan, phase, here, option),
        )
        for other, option in best.items()
    ]


def _ratio(other: int, mine: int) -> float | None:
    return other / mine if mine else None


def _wanted(plan: Plan, cost: Cost) -> int:
    """What is compared: energy where that is the objective, else time."""
    return cost.total_pj if plan.objective is Objective.ENERGY else cost.ticks


def _flips(plan: Plan, phase: str, here: Option, other: Option) -> bool:
    """Whether another option may be the better one."""
    mine, theirs = here.cost(phase), other.cost(phase)
    bands = [
        cost.energy_band or ENERGY_BAND if plan.objective is Objective.ENERGY else cost.band for cost in (mine, theirs)
    ]
    return inside_band(_ratio(_wanted(plan, theirs), _wanted(plan, mine)), *bands)


def inside_band(ratio: float | None, mine: float, theirs: float) -> bool:
    """Whether a figure that is `ratio` times another, at least once, may be the smaller one: both are off by factors of
    up to 1 + band, independently of each other."""
    return ratio is not None and ratio >= 1 and log(ratio) < hypot(log1p(mine), log1p(theirs))


def open_decisions(rows: Sequence[Reason]) -> int:
    """Of how many of the reasons the bands leave open whether another kind of unit is better."""
    return sum(any(a.inside_band for a in row.alternatives) for row in rows)
