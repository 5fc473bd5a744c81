"""The answer on one screen: what a plan costs, which unit does what, what limits it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from mapper.cost.judge import Verdict
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.goal import TIMES, Objective, Quantity
from mapper.report.arrangement import arrangement_words
from mapper.report.holdings import holdings, in_tiles
from mapper.report.limits import largest_costs, resource_words, waiting
from mapper.report.summary import fallbacks
from mapper.report.units import bar, listed, percent, shorten, si
from mapper.report.wear import wear_lines

WIDTH = 118
INDENT = 2
LABEL = 13
"""Columns of the words before 'limited by' and 'fallbacks'."""

MOST_UNITS = 32
"""So many units have a line of their own, the busiest ones."""


def screen(verdict: Verdict, summary: dict[str, Any]) -> str:
    """The summary as text of at most a screen; `summary` is what `summarise` made of the verdict.

    Names are shortened where a line would not fit; figures never are.
    """
    blocks = [[_headline(verdict, summary)], _figures(verdict, summary), _units(verdict, summary), _words(verdict)]
    return "\n\n".join("\n".join(f"{'':<{INDENT}}{line}".rstrip() for line in lines) for lines in blocks if lines)


def _headline(verdict: Verdict, s: dict[str, Any]) -> str:
    plan = verdict.plan
    value = _value(verdict, s)
    gap = f" · gap {percent(s['gap'])} to the proven bound" if s["gap"] is not None else " · no bound"
    total = f" · {s['seconds']['total']:.1f} s" if s["seconds"].get("total") else ""
    interrupted = " · interrupted: best so far" if s["status"] == "interrupted" else ""
    rest = f" · {plan.objective.value} · {value}{gap}{interrupted}{total}"
    room = WIDTH - INDENT - len(rest) - len(" on ")
    target = shorten(plan.target.name, max(8, min(len(plan.target.name), room // 2)))
    return f"{shorten(plan.graph.name, max(8, room - len(target)))} on {target}{rest}"


def _value(verdict: Verdict, s: dict[str, Any]) -> str:
    """The objective's value in words."""
    objective = verdict.plan.objective
    if objective in TIMES:
        of = {Objective.TTFT: "to the first token", Objective.TPOT: "a token"}.get(objective, "a request")
        return f"{si(s['value'], 's')} {of}"
    return {
        Objective.THROUGHPUT: f"{si(s['throughput_per_s'])} requests/s ({si(s['tokens_per_s'])} tokens/s)",
        Objective.ENERGY: f"{si(s['energy_j'], 'J')} a request",
    }.get(objective, si(s["value"], "J s"))


def _figures(verdict: Verdict, s: dict[str, Any]) -> list[str]:
    plan = verdict.plan
    left = []
    for phase, call in zip(plan.phases, verdict.calls, strict=True):
        times = f" x {phase.calls}" if phase.calls > 1 else ""
        left.append((shorten(phase.name, 20 - len(times)) + times, si(call.ticks / TICKS_PER_SECOND, "s")))
    right = [
        ("requests/s", f"{si(s['throughput_per_s'])}{_band(s, 'throughput_per_s')}"),
        ("latency of a request", f"{si(s['latency_s'], 's')}{_band(s, 'latency_s')}"),
        ("energy per request", f"{si(s['energy_j'], 'J')}{_band(s, 'energy_j')}"),
        ("power", _power(s["average_power_w"], plan.target.power_limit_w)),
        ("in flight", f"{plan.inflight} batches of {plan.batch}" if plan.batch else str(plan.inflight)),
        ("deploy once", f"{si(s['deploy_s'], 's')}, {si(s['deploy_j'], 'J')}" if s["deploy_s"] else "nothing"),
    ]
    decode = [p for p in plan.phases if p.calls > 1]
    if decode:
        right.insert(3, ("energy per token", si(s["energy_per_token_j"], "J")))
    if any(x.quantity in (Quantity.TTFT, Quantity.TPOT) for x in plan.limits) or plan.objective in TIMES[1:]:
        right += [("first token", si(s["ttft_s"], "s"))]
        right += [("later tokens", f"{si(s['tpot_s'], 's')} each")] if s["tpot_s"] else []
    ranks = [("rank", f"1 of {s['ranks']} alike")] if "ranks" in s else []
    cells = [*ranks, *left, *right]
    rows = [cells[i : i + 3] for i in range(0, len(cells), 3)]
    return ["".join(f"{name:<21}{value:<18}" for name, value in row) for row in rows]


def _power(mean: float, limit: float | None) -> str:
    """The mean power and its limit in watts, or both in kilowatts: "6.71 of 10.2 kW"."""
    if not limit:
        return si(mean, "W")
    if min(mean, limit) >= 1000:
        return f"{si(mean, 'W').removesuffix(' kW')} of {limit / 1000:g} kW"
    return f"{si(mean, 'W')} of " + (f"{limit:g} W" if limit < 1000 else f"{limit / 1000:g} kW")


def _band(s: dict[str, Any], total: str) -> str:
    return f" ± {percent(s['bands'][total]['relative'])}"


def _units(verdict: Verdict, s: dict[str, Any]) -> list[str]:
    total = s["energy_j"] or 1.0
    wide = min(14, max([4, *(len(n) for n in s["units"])]))
    kinds = min(18, max([4, *(len(u["kind"]) for u in s["units"].values())]))
    lines = [f"{'unit':<{wide}}  {'kind':<{kinds}}  {'busy':<32} energy  holds"]
    held = holdings(verdict)
    shown = sorted(s["units"], key=lambda name: -s["units"][name]["utilisation"])[:MOST_UNITS]
    for name, unit in s["units"].items():
        if name not in shown:
            continue
        share = percent(unit["energy_j"] / total)
        weights = f"  {si(unit['weight_bytes'], 'B')}" if unit["weight_bytes"] else ""
        kind = shorten(unit["kind"], kinds, end="+" in unit["kind"])  # what --set changed stands behind the name
        start = (
            f"{shorten(name, wide):<{wide}}  {kind:<{kinds}}  {bar(unit['utilisation'])} "
            f"{percent(unit['utilisation']):>7} {share:>6}  "
        )
        lines.append(start + listed(held.get(name, []), WIDTH - INDENT - len(start) - len(weights)) + weights)
    hidden = [unit["utilisation"] for name, unit in s["units"].items() if name not in shown]
    return [*lines, f"and {len(hidden)} more, at most {percent(max(hidden))} busy: mapper explain"] if hidden else lines


def _words(verdict: Verdict) -> list[str]:
    plan = verdict.plan
    rows = waiting(verdict)
    whole = " of its work" if rows else f" of the busiest: {resource_words(verdict.steady.busiest)}"
    for k, cost in enumerate(largest_costs(verdict)):
        part = f" {percent(cost.part)}"
        part += whole if k == 0 and plan.objective is Objective.THROUGHPUT and verdict.steady.busiest else ""
        rows.append(shorten(cost.what, max(20, WIDTH - INDENT - LABEL - len(part))) + part)
    kept = [f"{x} ({x.quantity.value} is {verdict.measured(x.quantity):.6g})" for x in plan.limits]
    folded = [words] if (words := arrangement_words(plan.target)) else []
    lines = [*_labelled("arranged as", folded), *_labelled("subject to", kept), *_labelled("limited by", rows)]
    lines += _labelled("in tiles", in_tiles(plan)) + _labelled("wears out", wear_lines(verdict))
    groups: Counter[tuple[str, str, str]] = Counter()
    for op, kind, why in fallbacks(plan):
        groups[plan.graph.op[op].kind if op in plan.graph.op else "op", kind, _without_numbers(why)] += 1
    most = groups.most_common(3)
    rows = [f"{count} {what} not on {kind}: {why}" for (what, kind, why), count in most]
    if len(groups) > 3:
        rows.append(f"and {sum(groups.values()) - sum(n for _, n in most)} more: mapper explain")
    return lines + _labelled("fallbacks", rows)


def _labelled(label: str, rows: list[str]) -> list[str]:
    room = WIDTH - INDENT - LABEL
    return [f"{label if k == 0 else '':<{LABEL}}{shorten(row, room, end=True)}" for k, row in enumerate(rows)]


def _without_numbers(reason: str) -> str:
    """The reason's first clause, so that equal causes group together."""
    return re.split(r"[;:(]", reason, maxsplit=1)[0].strip()


def energy_lines(verdict: Verdict) -> list[str]:
    """Energy per request by cause, largest first."""
    total, per_run = verdict.energy or 1, verdict.plan.requests_per_run
    rows = sorted(verdict.energy_by_cause.items(), key=lambda r: -r[1])
    return [f"{cause:<28}{si(pj / PJ_PER_J / per_run, 'J'):>10}  {percent(pj / total):>6}" for cause, pj in rows if pj]
