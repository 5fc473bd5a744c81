"""Why each class of ops is where it is: its time there, what else could run it, and what cannot and why not."""

from __future__ import annotations

from math import hypot, log, log1p
from typing import Any

from mapper.errors import MapperError, did_you_mean
from mapper.hw.work import TICKS_PER_SECOND, Cost
from mapper.ir.plan import Objective, Option, Plan
from mapper.report.bands import ENERGY_BAND


def reasons(plan: Plan, wanted: str | None) -> list[dict[str, Any]]:
    """For each class, phase and kind of unit that it runs on: how many, its time there, and the alternatives."""
    counts: dict[tuple[str, str, str, int, str], list[str]] = {}
    for task in plan.tasks or ():
        cluster, place = plan.cluster[task.cluster], plan.place[task.name]
        if wanted is not None and wanted not in cluster.name:
            continue
        key = (cluster.repeat, task.phase, plan.target.unit[place.unit].kind, place.replicas, place.shard)
        counts.setdefault(key, []).append(place.unit)
    if wanted is not None and not counts:
        names = [c.name for c in plan.clusters or ()]
        raise MapperError(f"no op '{wanted}' in the plan; {did_you_mean(wanted, names[:200])}")
    rows = []
    for (repeat, phase, kind, replicas, shard), units in counts.items():
        here = _option(plan, repeat, phase, kind, replicas, shard)
        if not here.cost(phase).ticks and wanted is None:
            continue  # a view of a value: free wherever it is
        rows.append(
            {
                "op": repeat,
                "like_it": len(units),
                "phase": phase,
                "unit_kind": kind,
                "units": sorted(set(units)),
                "replicas": replicas,
                "time_s": here.cost(phase).ticks / TICKS_PER_SECOND,
                "limited_by": here.cost(phase).limited_by,
                "band": here.cost(phase).band,
                "validated": here.cost(phase).validated,
                "alternatives": alternatives_of(plan, repeat, phase, here),
                "refused": refused_by(plan, repeat, phase),
            }
        )
    return rows


def _option(plan: Plan, repeat: str, phase: str, kind: str, replicas: int, shard: str) -> Option:
    return next(
        o
        for o in plan.options_of[repeat]
        if plan.target.unit[o.units[0]].kind == kind and (o.replicas, o.shard) == (replicas, shard) and o.serves(phase)
    )


def refused_by(plan: Plan, repeat: str, phase: str) -> list[dict[str, str]]:
    """Each kind of unit that refuses the class in a phase, with its first reason."""
    found: dict[str, str] = {}
    for r in plan.refusals or ():
        if r.repeat == repeat and r.phase in ("", phase):
            found.setdefault(r.unit_kind, r.reason)
    return [{"unit_kind": kind, "reason": reason} for kind, reason in found.items()]


def alternatives_of(plan: Plan, repeat: str, phase: str, here: Option) -> list[dict[str, Any]]:
    """The best option on each other kind of unit: how many times as slow, and as much energy inside the unit, and
    whether the error bands leave open which of the two is the better one by itself.

    A ratio to nothing is None.
    """
    best: dict[str, Option] = {}
    kind = plan.target.unit[here.units[0]].kind
    for option in plan.options_of[repeat]:
        other = plan.target.unit[option.units[0]].kind
        if other != kind and option.serves(phase):
            best[other] = min(best.get(other, option), option, key=lambda o: _wanted(plan, o.cost(phase)))
    mine = here.cost(phase)
    return [
        {
            "unit_kind": other,
            "times_as_slow": _ratio(option.cost(phase).ticks, mine.ticks),
            "times_the_energy": _ratio(option.cost(phase).total_pj, mine.total_pj),
            "inside_band": _flips(plan, phase, here, option),
        }
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


def open_decisions(rows: list[dict[str, Any]]) -> int:
    """Of how many of the reasons the bands leave open whether another kind of unit is better."""
    return sum(any(a["inside_band"] for a in row["alternatives"]) for row in rows)
