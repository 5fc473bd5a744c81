"""The explanation of a plan: the bottleneck, the bound, why each class of ops is where it is, every fallback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mapper.cost.judge import Verdict
from mapper.errors import MapperError, did_you_mean
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.plan import Option, Plan
from mapper.report.limits import largest_costs, waiting
from mapper.report.screen import band, energy_lines
from mapper.report.summary import fallbacks, value_and_bound
from mapper.report.units import percent, shorten, si, times


@dataclass(frozen=True)
class Explanation:
    """The same explanation as text and as data."""

    text: str
    data: dict[str, Any]


def explain(verdict: Verdict, op: str | None = None) -> Explanation:
    """Why the plan is as it is; with `op`, only why the clusters whose name contains it are where they are."""
    plan = verdict.plan
    rows = _reasons(plan, op)
    if op is not None:
        return Explanation("\n".join(_reason_lines(rows)), {"ops": rows})
    value, bound, gap = value_and_bound(verdict)
    limits = [(s.what, s.part) for s in largest_costs(verdict, 6)]
    fell = [{"op": name, "wanted": kind, "reason": why} for name, kind, why in fallbacks(plan)]
    data = {
        "objective": plan.objective.value,
        "value": value,
        "bound": bound,
        "bound_name": plan.bounds[0].name if plan.bounds else None,
        "gap": gap,
        "busiest": verdict.steady.busiest,
        "busiest_utilisation": verdict.steady.utilisation,
        "limits": [{"what": what, "part": part} for what, part in limits],
        "band": band(verdict),
        "energy_j": {cause: pj / PJ_PER_J for cause, pj in verdict.energy_by_cause.items()},
        "ops": rows,
        "fallbacks": fell,
    }
    blocks = [
        [
            "what limits it",
            *(f"  {shorten(what, 70):<70}  {percent(part):>7}" for what, part in limits),
            *_flow(verdict),
        ],
        ["how far from the best", *_bound_lines(plan, value, bound, gap)],
        [f"where the energy goes (± {band(verdict):.0%})", *(f"  {line}" for line in energy_lines(verdict)[:10])],
        ["why each op is where it is (by class of equal ops; alternatives by their cost alone)", *_reason_lines(rows)],
        [f"fallbacks: {len(fell)}", *_grouped(fell)],
    ]
    return Explanation("\n\n".join("\n".join(lines) for lines in blocks), data)


def _flow(verdict: Verdict) -> list[str]:
    loads = sorted(verdict.loads.items(), key=lambda r: -r[1])[:5]
    interval = verdict.interval or 1
    lines = [f"  a new request every {si(verdict.interval / TICKS_PER_SECOND, 's')}; the busiest resources:"]
    lines += [f"    {shorten(name, 68):<68}  {percent(ticks / interval):>7} busy" for name, ticks in loads]
    lines += [f"  {words}" for words in waiting(verdict)]
    if verdict.plan.inflight:
        lines.append(f"  {verdict.plan.inflight} requests in flight; one alone takes {si(verdict.latency / 1e12, 's')}")
    return lines


def _bound_lines(plan: Plan, value: float, bound: float | None, gap: float | None) -> list[str]:
    if bound is None or gap is None or not plan.bounds:
        return ["  no bound is known"]
    return [
        f"  value {value:.6g}, bound {bound:.6g}, gap {percent(gap)}",
        f"  proved by: {plan.bounds[0].name}, over this target's options: a cluster whole on one unit per phase",
        f"  found by: {plan.search.method if plan.search else 'unknown'}",
    ]


def _reasons(plan: Plan, wanted: str | None) -> list[dict[str, Any]]:
    """For each class, phase and kind of unit that it runs on: how many, its time there, and the alternatives."""
    counts: dict[tuple[str, str, str, int], list[str]] = {}
    for task in plan.tasks or ():
        cluster, place = plan.cluster[task.cluster], plan.place[task.name]
        if wanted is not None and wanted not in cluster.name:
            continue
        key = (cluster.repeat, task.phase, plan.target.unit[place.unit].kind, place.replicas)
        counts.setdefault(key, []).append(place.unit)
    if wanted is not None and not counts:
        names = [c.name for c in plan.clusters or ()]
        raise MapperError(f"no op '{wanted}' in the plan; {did_you_mean(wanted, names[:200])}")
    rows = []
    for (repeat, phase, kind, replicas), units in counts.items():
        here = _option(plan, repeat, kind, replicas)
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
                "alternatives": _alternatives(plan, repeat, phase, kind, here),
                "refused": _refused(plan, repeat, phase),
            }
        )
    return rows


def _option(plan: Plan, repeat: str, kind: str, replicas: int) -> Option:
    return next(
        o for o in plan.options_of[repeat] if plan.target.unit[o.units[0]].kind == kind and o.replicas == replicas
    )


def _refused(plan: Plan, repeat: str, phase: str) -> list[dict[str, str]]:
    """Each kind of unit that refuses the class in a phase, with its first reason."""
    found: dict[str, str] = {}
    for r in plan.refusals or ():
        if r.repeat == repeat and r.phase in ("", phase):
            found.setdefault(r.unit_kind, r.reason)
    return [{"unit_kind": kind, "reason": reason} for kind, reason in found.items()]


def _alternatives(plan: Plan, repeat: str, phase: str, kind: str, here: Option) -> list[dict[str, Any]]:
    """The best option on each other kind of unit: how many times as slow, and as much energy inside the unit.

    A ratio to nothing is None.
    """
    best: dict[str, Option] = {}
    for option in plan.options_of[repeat]:
        other = plan.target.unit[option.units[0]].kind
        if (
            other != kind
            and option.serves(phase)
            and (other not in best or option.cost(phase).ticks < best[other].cost(phase).ticks)
        ):
            best[other] = option
    mine = here.cost(phase)
    return [
        {
            "unit_kind": other,
            "times_as_slow": _ratio(option.cost(phase).ticks, mine.ticks),
            "times_the_energy": _ratio(option.cost(phase).total_pj, mine.total_pj),
        }
        for other, option in best.items()
    ]


def _ratio(other: int, mine: int) -> float | None:
    return other / mine if mine else None


def _compared(alternative: dict[str, Any]) -> str:
    slow, energy = alternative["times_as_slow"], alternative["times_the_energy"]
    words = [f"{times(ratio)} the {what}" for what, ratio in (("time", slow), ("energy", energy)) if ratio is not None]
    return f"{alternative['unit_kind']} {', '.join(words) or 'is free too'}"


def _reason_lines(rows: list[dict[str, Any]]) -> list[str]:
    lines = []
    for row in rows:
        units = ", ".join(row["units"])
        copies = f", {row['replicas']} copies" if row["replicas"] > 1 else ""
        many = f" and {row['like_it'] - 1} like it" if row["like_it"] > 1 else ""
        lines.append(
            f"  {row['op']}{many} in {row['phase']}: {units}{copies}, {si(row['time_s'], 's')} ({row['limited_by']})"
        )
        others = [_compared(a) for a in row["alternatives"]]
        others += [f"not {r['unit_kind']}: {r['reason']}" for r in row["refused"]]
        lines += [f"      {other}" for other in others]
    return lines


def _grouped(fell: list[dict[str, str]]) -> list[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for row in fell:
        groups.setdefault((row["wanted"], row["reason"]), []).append(row["op"])
    return [
        f"  {len(ops)} not on {kind}: {why}\n      {', '.join(ops[:4])}{' ...' if len(ops) > 4 else ''}"
        for (kind, why), ops in groups.items()
    ]
