"""The answer on one screen: what a plan costs, which unit does what, what limits it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from mapper.cost.judge import Verdict
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.plan import Objective, Plan
from mapper.report.limits import largest_costs
from mapper.report.summary import fallbacks
from mapper.report.units import bar, percent, si

WIDTH = 118


def screen(verdict: Verdict, summary: dict[str, Any]) -> str:
    """The summary as text of at most a screen; `summary` is what `summarise` made of the verdict."""
    blocks = [[_headline(verdict, summary)], _figures(verdict, summary), _units(verdict, summary), _words(verdict)]
    return "\n\n".join("\n".join(f"  {line}"[:WIDTH].rstrip() for line in lines) for lines in blocks if lines)


def _headline(verdict: Verdict, s: dict[str, Any]) -> str:
    plan = verdict.plan
    value = {
        Objective.THROUGHPUT: f"{si(s['throughput_per_s'])} requests/s ({si(s['tokens_per_s'])} tokens/s)",
        Objective.LATENCY: f"{si(s['latency_s'], 's')} a request",
        Objective.ENERGY: f"{si(s['energy_j'], 'J')} a request",
        Objective.EDP: f"{si(s['value'], 'J s')}",
    }[plan.objective]
    gap = f" · gap {percent(s['gap'])} to the proven bound" if s["gap"] is not None else " · no bound"
    total = f" · {s['seconds']['total']:.1f} s" if s["seconds"].get("total") else ""
    interrupted = " · interrupted: best so far" if s["status"] == "interrupted" else ""
    return f"{plan.graph.name} on {plan.target.name} · {plan.objective.value} · {value}{gap}{interrupted}{total}"


def _figures(verdict: Verdict, s: dict[str, Any]) -> list[str]:
    plan = verdict.plan
    phases = list(zip(plan.phases, verdict.calls, strict=True))
    left = [
        (f"{p.name}" + (f" x {p.calls}" if p.calls > 1 else ""), si(c.ticks / TICKS_PER_SECOND, "s")) for p, c in phases
    ]
    limit = f" of {plan.target.power_limit_w:g} W" if plan.target.power_limit_w else ""
    right = [
        ("latency of a request", si(s["latency_s"], "s")),
        ("energy per request", f"{si(s['energy_j'], 'J')} ± {band(verdict):.0%}"),
        ("power", f"{s['average_power_w']:.1f} W{limit}"),
        ("in flight", str(plan.inflight)),
        (
            "deploy once",
            f"{si(s['deploy_s'], 's')}, {si(s['deploy_j'], 'J')}" if s["deploy_s"] else "nothing to program",
        ),
    ]
    decode = [p for p in plan.phases if p.calls > 1]
    if decode:
        right.insert(2, ("energy per token", si(s["energy_j"] / max(1, sum(p.calls for p in decode)), "J")))
    cells = [*left, *right]
    rows = [cells[i : i + 3] for i in range(0, len(cells), 3)]
    return ["".join(f"{name:<21}{value:<18}" for name, value in row) for row in rows]


def band(verdict: Verdict) -> float:
    """The error band of the totals: of each estimate, weighted by its energy."""
    weight = total = 0.0
    for phase, program in zip(verdict.plan.phases, verdict.programs, strict=True):
        for activity in program.activities:
            pj = phase.calls * sum(e for _, e in activity.energy_pj)
            weight += pj
            total += pj * (activity.band or 0.3)
    return total / weight if weight else 0.0


def _units(verdict: Verdict, s: dict[str, Any]) -> list[str]:
    total = s["energy_j"] or 1.0
    wide = max([4, *(len(n) for n in s["units"])])
    kinds = max([4, *(len(u["kind"]) for u in s["units"].values())])
    lines = [f"{'unit':<{wide}}  {'kind':<{kinds}}  {'busy':<24}        energy  holds"]
    held = holdings(verdict.plan)
    for name, unit in s["units"].items():
        share = percent(unit["energy_j"] / total)
        weights = f"  {si(unit['weight_bytes'], 'B')}" if unit["weight_bytes"] else ""
        what = held.get(name, "nothing")
        lines.append(
            f"{name:<{wide}}  {unit['kind']:<{kinds}}  {bar(unit['utilisation'])} {percent(unit['utilisation']):>6}"
            f" {share:>6}  {what}{weights}"
        )
    return lines


def holdings(plan: Plan) -> dict[str, str]:
    """In a few words, what each unit runs: '12 attention, 25 norm'."""
    found: dict[str, Counter[str]] = {}
    seen = set()
    for task in plan.tasks or ():
        place = plan.place[task.name]
        if (task.cluster, place.unit) in seen:
            continue
        seen.add((task.cluster, place.unit))
        cluster = plan.cluster[task.cluster]
        op = plan.graph.op.get(cluster.name) or plan.graph.op[cluster.ops[0]]
        found.setdefault(place.unit, Counter())[op.kind] += 1
    return {
        unit: ", ".join(f"{n} {kind}" for kind, n in counts.most_common(3)) + (" ..." if len(counts) > 3 else "")
        for unit, counts in found.items()
    }


def _words(verdict: Verdict) -> list[str]:
    plan = verdict.plan
    costs = largest_costs(verdict)
    lines = [f"{'limited by' if k == 0 else '':<13}{c.what} {percent(c.part)}" for k, c in enumerate(costs)]
    if plan.objective is Objective.THROUGHPUT and verdict.steady.busiest:
        lines[0] += f" of the busiest: {verdict.steady.busiest}"
    groups: Counter[tuple[str, str, str]] = Counter()
    for op, kind, why in fallbacks(plan):
        groups[plan.graph.op[op].kind if op in plan.graph.op else "op", kind, _without_numbers(why)] += 1
    for k, ((what, kind, why), count) in enumerate(groups.most_common(3)):
        lines.append(f"{'fallbacks' if k == 0 else '':<13}{count} {what} not on {kind}: {why}")
    if len(groups) > 3:
        lines.append(
            f"{'':<13}and {sum(groups.values()) - sum(n for _, n in groups.most_common(3))} more: mapper explain"
        )
    return lines


def _without_numbers(reason: str) -> str:
    """The reason's first clause, so that equal causes group together."""
    return re.split(r"[;:(]", reason, maxsplit=1)[0].strip()


def energy_lines(verdict: Verdict) -> list[str]:
    """Energy per request by cause, largest first."""
    total = verdict.energy or 1
    rows = sorted(verdict.energy_by_cause.items(), key=lambda r: -r[1])
    return [f"{cause:<28}{si(pj / PJ_PER_J, 'J'):>10}  {percent(pj / total):>6}" for cause, pj in rows if pj]
