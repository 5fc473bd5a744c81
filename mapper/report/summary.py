"""The summary of a plan as data: the stable fields that tools and the regression read."""

from __future__ import annotations

from collections.abc import Mapping
from math import fsum, prod
from typing import Any

from mapper.cost.exchanges import ranks_of
from mapper.cost.judge import Verdict
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND, Role
from mapper.ir.goal import Objective
from mapper.ir.graph import Phase, bind
from mapper.ir.plan import Plan
from mapper.ir.request import decoding, reads_cache
from mapper.report.bands import Bands, bands
from mapper.report.deployment import deployment
from mapper.report.reasons import open_decisions, reasons
from mapper.report.wear import wears

SCHEMA = 1


def summarise(
    verdict: Verdict,
    seconds: Mapping[str, Any],
    versions: Mapping[str, str],
    work: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """All fields of summary.json. Times in seconds, energies in joules; energies, busy times and bytes are per request,
    those of phases per request in one call. Of plans with a batch, `latency_s` is that of a run, which serves as many
    requests as the batch, `interval_s` the time between runs, and a phase's `latency_s` that of a call.

    Under the throughput objective `value` and `bound` are requests per second (the bound is an upper one), otherwise
    the objective's own unit (a lower one). gap: how far the value is from the bound, as a part of the better of the
    two. ranks, of a rank graph only: how many there are, all alike; energies and units are those of one. work: of the
    searches, in deterministic seconds by solver, the same on every machine; empty for a plan that was only read.
    """
    plan = verdict.plan
    value, bound, gap = value_and_bound(verdict)
    ranks = ranks_of(plan.graph)
    deploy_s, deploy_j = deployment(plan)
    rows, per_run = reasons(plan), plan.requests_per_run
    return {
        "schema": SCHEMA,
        "model": plan.graph.name,
        "target": plan.target.name,
        **({"ranks": ranks} if ranks > 1 else {}),
        "objective": plan.objective.value,
        "status": plan.search.status.value if plan.search else "feasible",
        "value": value,
        "bound": bound,
        "bound_name": plan.bounds[0].name if plan.bounds else None,
        "gap": gap,
        **_goal(verdict),
        "latency_s": verdict.latency / TICKS_PER_SECOND,
        **_tokens(verdict),
        "interval_s": verdict.interval / TICKS_PER_SECOND,
        "throughput_per_s": per_run * TICKS_PER_SECOND / verdict.interval if verdict.interval else 0.0,
        "tokens_per_s": tokens(plan) * TICKS_PER_SECOND / verdict.interval if verdict.interval else 0.0,
        "energy_j": verdict.energy / PJ_PER_J / per_run,
        "energy_per_token_j": verdict.energy / PJ_PER_J / max(1, tokens(plan)),
        "energy_by_cause_j": {cause: pj / PJ_PER_J / per_run for cause, pj in verdict.energy_by_cause.items()},
        "bands": band_data(bands(verdict), per_run),
        "decisions": {"placed": len(rows), "inside_band": open_decisions(rows)},
        "average_power_w": verdict.energy / verdict.interval if verdict.interval else 0.0,  # 1 pJ per tick = 1 W
        "deploy_s": deploy_s,
        "deploy_j": deploy_j,
        "phases": _phases(verdict),
        "units": _units(verdict),
        "links": _links(verdict),
        "memories": {
            m.name: {"capacity_bytes": m.capacity_bytes, "peak_bytes": verdict.peaks[m.name]}
            for m in plan.target.memories
        },
        "wear": [
            {"unit": w.unit, "endurance": w.endurance, "writes_per_s": w.writes_per_s, "lifetime_years": w.years}
            for w in wears(verdict)
        ],
        "ops": _ops(plan),
        "fallbacks": [{"op": op, "wanted": kind, "reason": why} for op, kind, why in fallbacks(plan)],
        "seconds": dict(seconds),
        "work": {} if work is None else {"deterministic_s": round(fsum(work.values()), 6), "by_solver_s": dict(work)},
        "versions": dict(versions),
    }


def _goal(verdict: Verdict) -> dict[str, Any]:
    """The limits and what the plan makes of them, and the batch, of plans that have any."""
    plan = verdict.plan
    limits = [
        {"quantity": x.quantity.value, "limit": x.value, "found": verdict.measured(x.quantity)} for x in plan.limits
    ]
    return {**({"limits": limits} if limits else {}), **({"batch": plan.batch} if plan.batch else {})}


def _tokens(verdict: Verdict) -> dict[str, float | None]:
    """Time to the first token, and of each later one where a phase makes later ones."""
    later = any(decoding(verdict.plan))
    return {
        "ttft_s": verdict.time(Objective.TTFT),
        "tpot_s": verdict.time(Objective.TPOT) if later else None,
    }


def band_data(found: Bands, per_run: int = 1) -> dict[str, dict[str, float]]:
    """The bands of the totals: from `low` to `high`, `relative` to the value, and the part of it that is
    `unvalidated`. per_run: requests that a run serves."""
    rows = {
        "throughput_per_s": (found.throughput, float(per_run)),
        "latency_s": (found.latency, 1.0),
        "energy_j": (found.energy, 1.0 / per_run),
    }
    return {
        name: {"low": b.low * by, "high": b.high * by, "relative": b.relative, "unvalidated": b.unvalidated}
        for name, (b, by) in rows.items()
    }


def value_and_bound(verdict: Verdict) -> tuple[float, float | None, float | None]:
    """The objective's value as people say it, its bound and the gap between them (0 to 1)."""
    plan = verdict.plan
    cost = verdict.value(plan.objective)
    bound = next((b.value for b in plan.bounds or () if b.objective == plan.objective.value), None)
    gap = None if bound is None else max(0.0, (cost - bound) / cost) if cost else 0.0
    if plan.objective is Objective.THROUGHPUT:
        return spoken(plan.objective, cost), (1 / bound if bound else None), gap
    return cost, bound, gap


def spoken(objective: Objective, value: float) -> float:
    """A value of an objective as people say it: requests per second for seconds of one interval, others as they are."""
    if objective is not Objective.THROUGHPUT:
        return value
    return 1 / value if value else 0.0


def tokens(plan: Plan) -> int:
    """Tokens that one request yields: new tokens of the phases that read a cache, of all phases when none does, and
    as many as the batch when the model reads no tokens."""
    counts = {p.name: _new_tokens(plan, p) * p.calls for p in plan.phases}
    cached = [p.name for p in plan.phases if reads_cache(plan, p)]
    return sum(counts[name] for name in cached or counts)


def _new_tokens(plan: Plan, phase: Phase) -> int:
    binding = phase.bindings()[0]
    values = [v for v in plan.graph.values if not phase.results or v.name in plan.values_of[phase.name]]
    for value in values:
        if value.role is Role.INPUT and not value.dtype.is_float and len(value.shape) == 2:
            return prod(bind(value.shape, binding))
    first = next((v for v in values if v.role is Role.INPUT and v.shape), None)
    return bind(first.shape, binding)[0] if first else 1


def _phases(verdict: Verdict) -> dict[str, Any]:
    found = {}
    for phase, program, call in zip(verdict.plan.phases, verdict.programs, verdict.calls, strict=True):
        pj = sum(e for a in program.activities for _, e in a.energy_pj)
        found[phase.name] = {
            "calls": phase.calls,
            "latency_s": call.ticks / TICKS_PER_SECOND,
            "energy_j": pj / PJ_PER_J / verdict.plan.requests_per_run,
        }
    return found


def _units(verdict: Verdict) -> dict[str, Any]:
    """Figures by unit, per request. busy_s counts the part of the unit that a task engages, and the time that transfers
    take of the units at their ends; a utilisation is a run's busy time over its interval, in the mean of the sets of
    ranks that a team is."""
    plan = verdict.plan
    per_run = plan.requests_per_run
    busy = dict.fromkeys(plan.target.unit, 0.0)
    energy = dict.fromkeys(plan.target.unit, 0)
    for phase, program in zip(plan.phases, verdict.programs, strict=True):
        for activity in program.activities:
            if activity.where in busy:
                busy[activity.where] += phase.calls * activity.ticks * activity.share
                energy[activity.where] += phase.calls * sum(pj for _, pj in activity.energy_pj)
            elif activity.kind == "move":
                for end in busy.keys() & dict(activity.exclusive).keys():
                    busy[end] += phase.calls * activity.hold
    weights = unit_weights(plan)
    found = {}
    for unit in plan.target.units:
        idle = unit.count * unit.model.idle_power_w * verdict.interval
        found[unit.name] = {
            "kind": unit.kind,
            "busy_s": busy[unit.name] / TICKS_PER_SECOND / per_run,
            "utilisation": busy[unit.name] / unit.sets / verdict.interval if verdict.interval else 0.0,
            "energy_j": (energy[unit.name] + idle) / PJ_PER_J / per_run,
            "weight_bytes": weights[unit.name],
        }
    return found


def unit_weights(plan: Plan) -> dict[str, int]:
    """Bytes of weights that each unit computes with, all copies, each weight once."""
    sizes: dict[str, dict[object, int]] = {name: {} for name in plan.target.unit}
    for task in plan.tasks or ():
        place = plan.place[task.name]
        if place.weights:
            option = plan.chosen(task.name)
            sizes[place.unit][plan.holder[task.cluster], place.weights, place.replicas] = (
                option.footprint_bytes * place.replicas
            )
    return {name: sum(rows.values()) for name, rows in sizes.items()}


def _links(verdict: Verdict) -> dict[str, Any]:
    """Bytes and busy seconds of both directions of each link, per request."""
    found: dict[str, Any] = {link.name: {"bytes": 0, "busy_s": 0.0} for link in verdict.plan.target.links}
    for phase, program in zip(verdict.plan.phases, verdict.programs, strict=True):
        for activity in program.activities:
            if activity.kind != "move":
                continue
            for resource, _ in activity.exclusive:
                row = found.get(resource.rpartition(":")[0])
                if row is None:  # a unit at an end, which the link's overhead takes
                    continue
                row["bytes"] += phase.calls * activity.bytes
                row["busy_s"] += phase.calls * activity.hold / TICKS_PER_SECOND
    per_run = verdict.plan.requests_per_run
    if per_run == 1:
        return found  # bytes stay whole
    return {name: {what: amount / per_run for what, amount in row.items()} for name, row in found.items()}


def _ops(plan: Plan) -> dict[str, Any]:
    """How many ops each kind of unit runs (in the first phase where they differ), and in which types."""
    by_kind: dict[str, int] = {}
    types: dict[str, int] = {}
    seen = set()
    for task in plan.tasks or ():
        if task.cluster in seen:
            continue
        seen.add(task.cluster)
        unit = plan.target.unit[plan.place[task.name].unit]
        by_kind[unit.kind] = by_kind.get(unit.kind, 0) + len(plan.cluster[task.cluster].ops)
        for dtype in plan.chosen(task.name).types:
            types[dtype.value] = types.get(dtype.value, 0) + 1
    return {
        "total": len(plan.graph.ops),
        "by_unit_kind": dict(sorted(by_kind.items())),
        "types": dict(sorted(types.items())),
    }


def fallbacks(plan: Plan) -> list[tuple[str, str, str]]:
    """Ops that could not go where the clusters around them went: (op, the wanted kind of unit, its reason).

    A cluster falls back when a cluster that it reads from or feeds runs, in the same phase, on a kind of unit that
    refuses it.
    """
    refused = {(r.repeat, r.unit_kind, r.phase): r.reason for r in plan.refusals or ()}
    owner = {op: c.name for c in plan.clusters or () for op in c.ops}
    kinds = {(t.cluster, t.phase): plan.target.unit[plan.place[t.name].unit].kind for t in plan.tasks or ()}
    found: dict[tuple[str, str, str], None] = {}
    for cluster in plan.clusters or ():
        ops = [plan.graph.op[name] for name in cluster.ops]
        near = {owner[plan.graph.producer[n].name] for op in ops for n in op.inputs if n in plan.graph.producer}
        near |= {owner[u.name] for op in ops for n in op.outputs for u in plan.graph.users.get(n, ())}
        for phase in plan.phases:
            for kind in sorted(
                {kinds[name, phase.name] for name in near - {cluster.name} if (name, phase.name) in kinds}
            ):
                for scope in ("", phase.name):
                    reason = refused.get((cluster.repeat, kind, scope))
                    if reason is not None:
                        found[cluster.name, kind, f"{reason}" + (f" (in {scope})" if scope else "")] = None
    return list(found)
