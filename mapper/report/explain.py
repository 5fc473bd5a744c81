"""The explanation of a plan: the bottleneck, the bound, why each class of ops is where it is, every fallback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mapper.cost.judge import Verdict
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.plan import Objective, Plan
from mapper.report.arrangement import arrangement_words
from mapper.report.bands import Bands, bands
from mapper.report.limits import largest_costs, waiting
from mapper.report.reasons import open_decisions, reasons
from mapper.report.screen import energy_lines
from mapper.report.summary import band_data, fallbacks, value_and_bound
from mapper.report.units import percent, shorten, si, times


@dataclass(frozen=True)
class Explanation:
    """The same explanation as text and as data."""

    text: str
    data: dict[str, Any]


def explain(verdict: Verdict, op: str | None = None) -> Explanation:
    """Why the plan is as it is; with `op`, only why the clusters whose name contains it are where they are."""
    plan = verdict.plan
    rows = reasons(plan, op)
    if op is not None:
        return Explanation("\n".join(_reason_lines(rows)), {"ops": rows})
    value, bound, gap = value_and_bound(verdict)
    limits = [(s.what, s.part) for s in largest_costs(verdict, 6)]
    found = bands(verdict)
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
        "bands": band_data(found),
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
        ["how sure the figures are", *_band_lines(plan, found, rows)],
        [
            f"where the energy goes (± {percent(found.energy.relative)})",
            *(f"  {line}" for line in energy_lines(verdict)[:10]),
        ],
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
        f"  proved by: {plan.bounds[0].name}, over these options: in each phase a cluster whole on one {_holder(plan)}",
        f"  found by: {plan.search.method if plan.search else 'unknown'}",
    ]


def _holder(plan: Plan) -> str:
    """What a cluster runs on as a whole."""
    folded = arrangement_words(plan.target)
    return f"unit or team, in all arrangements (here {folded})" if folded else "unit"


def _compared(alternative: dict[str, Any]) -> str:
    slow, energy = alternative["times_as_slow"], alternative["times_the_energy"]
    words = [f"{times(ratio)} the {what}" for what, ratio in (("time", slow), ("energy", energy)) if ratio is not None]
    unsure = " (inside the error bands: may be the better one)" if alternative["inside_band"] else ""
    return f"{alternative['unit_kind']} {', '.join(words) or 'is free too'}{unsure}"


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


def _band_lines(plan: Plan, found: Bands, rows: list[dict[str, Any]]) -> list[str]:
    """Where each total may lie, how much of it no measurement stands behind, and which decisions that leaves open."""
    totals = (("requests/s", found.throughput, ""), ("latency", found.latency, "s"), ("energy", found.energy, "J"))
    lines = [
        f"  {name:<12}{si(band.value, unit):>10}, from {si(band.low, unit)} to {si(band.high, unit)}; "
        f"{percent(band.unvalidated)} of it from models that were not compared with measurements"
        for name, band, unit in totals
    ]
    by = "energy" if plan.objective is Objective.ENERGY else "time"
    return [
        *lines,
        f"  {open_decisions(rows)} of {len(rows)} placements have an alternative whose {by} may be the smaller one",
    ]


def _grouped(fell: list[dict[str, str]]) -> list[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for row in fell:
        groups.setdefault((row["wanted"], row["reason"]), []).append(row["op"])
    return [
        f"  {len(ops)} not on {kind}: {why}\n      {', '.join(ops[:4])}{' ...' if len(ops) > 4 else ''}"
        for (kind, why), ops in groups.items()
    ]
