"""Every placed task as a row of data: where it runs, what that costs, what else could run it, and why it fell back."""

from __future__ import annotations

from typing import Any

from mapper.cost.judge import Verdict
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.plan import Plan
from mapper.report.holdings import kind_of
from mapper.report.reasons import alternatives_of, refused_by
from mapper.report.summary import fallbacks
from mapper.report.units import times


def placement_rows(verdict: Verdict) -> list[dict[str, Any]]:
    """One row for each task (a cluster in a phase), in the order of the plan.

    time_s and energy_j are of one call, memory traffic included, start_s is within the call; class is the name that
    equal clusters share. alternatives: the best way on each other kind of unit in a few words. fallback: why it is not
    where the clusters around it are, empty where it is.
    """
    plan = verdict.plan
    costs, fell = _costs(verdict), _fell(plan)
    known: dict[object, list[str]] = {}
    rows = []
    for task in plan.tasks or ():
        cluster, place, option = plan.cluster[task.cluster], plan.place[task.name], plan.chosen(task.name)
        cost = option.cost(task.phase)
        ticks, pj, start = costs.get(task.name, (0, 0, 0))
        kind = plan.target.unit[place.unit].kind
        key = (cluster.repeat, task.phase, kind, place.replicas, place.shard, place.weights)
        if key not in known:
            known[key] = _others(plan, cluster.repeat, task.phase, task.name)
        rows.append(
            {
                "op": cluster.name,
                "ops": list(cluster.ops),
                "class": cluster.repeat,
                "kind": kind_of(verdict, task.name),
                "phase": task.phase,
                "calls": plan.phase[task.phase].calls,
                "unit": place.unit,
                "unit_kind": kind,
                "start_s": start / TICKS_PER_SECOND,
                "time_s": ticks / TICKS_PER_SECOND,
                "energy_j": pj / PJ_PER_J,
                "limited_by": cost.limited_by,
                "band": cost.band,
                "validated": cost.validated,
                "alternatives": known[key],
                "fallback": fell.get((cluster.name, task.phase), fell.get((cluster.name, ""), "")),
                "weights_memory": place.weights,
                "weight_bytes": option.footprint_bytes * place.replicas if place.weights else 0,
                "copies": place.replicas,
                "shard": place.shard,
                "tiles": place.tiles,
                "types": sorted({dtype.value for dtype in option.types}),
            }
        )
    return rows


def _costs(verdict: Verdict) -> dict[str, tuple[int, int, int]]:
    """Ticks, picojoules and first tick of each task in one call, tiles together."""
    found: dict[str, tuple[int, int, int]] = {}
    for program, call in zip(verdict.programs, verdict.calls, strict=True):
        for activity, start in zip(program.activities, call.starts, strict=True):
            if activity.kind == "task":
                ticks, pj, first = found.get(activity.task, (0, 0, start))
                pj += sum(e for _, e in activity.energy_pj)
                found[activity.task] = (ticks + activity.ticks, pj, min(first, start))
    return found


def _fell(plan: Plan) -> dict[tuple[str, str], str]:
    """Why clusters fell back, by cluster and phase ('' where it is so in all)."""
    found: dict[tuple[str, str], str] = {}
    names = [p.name for p in plan.phases]
    for cluster, kind, why in fallbacks(plan):
        phase = next((n for n in names if why.endswith(f" (in {n})")), "")
        found.setdefault((cluster, phase), f"not {kind}: {why}")
    return found


def _others(plan: Plan, repeat: str, phase: str, task: str) -> list[str]:
    here = plan.chosen(task)
    words = []
    for other in alternatives_of(plan, repeat, phase, here):
        pairs = ((other.times_as_slow, "time"), (other.times_the_energy, "energy"))
        ratios = [f"{times(ratio)} {what}" for ratio, what in pairs if ratio is not None]
        unsure = " (in the band)" if other.inside_band else ""
        words.append(f"{other.unit_kind} {', '.join(ratios) or 'free'}{unsure}")
    return words + [f"not {kind}: {why}" for kind, why in refused_by(plan, repeat, phase)]
