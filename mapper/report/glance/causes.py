"""Energy and time of a request by cause, as bars."""

from __future__ import annotations

from collections import defaultdict

from mapper.cost.judge import Verdict
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.report.glance.section import Section
from mapper.report.limit_lines import energy_by_kind
from mapper.report.units import bar, percent, shorten, si

MOST = 12


def energy(verdict: Verdict) -> Section:
    """Energy per request by cause, the memories of one kind together."""
    joules = {cause: pj / PJ_PER_J / verdict.plan.requests_per_run for cause, pj in energy_by_kind(verdict).items()}
    return _causes("energy of a request, by cause", joules, "J")


def time(verdict: Verdict) -> Section:
    """Time of all tasks and transfers of a request, side by side or not, by what limits them."""
    sums: defaultdict[str, int] = defaultdict(int)
    for phase, program in zip(verdict.plan.phases, verdict.programs, strict=True):
        for activity in program.activities:
            unit = verdict.plan.target.unit.get(activity.where)
            if activity.kind == "task" and unit:
                cause = f"{activity.limited_by or 'free'} of {unit.kind}"
            else:
                cause = f"{activity.kind}s" + (f" on {unit.kind}" if unit else "")
            sums[cause] += phase.calls * activity.ticks
    seconds = {cause: ticks / TICKS_PER_SECOND / verdict.plan.requests_per_run for cause, ticks in sums.items()}
    return _causes("time of all that a request does, by what limits it", seconds, "s")


def _causes(title: str, amounts: dict[str, float], unit: str) -> Section:
    total = sum(amounts.values()) or 1.0
    ordered = sorted(((c, x) for c, x in amounts.items() if x), key=lambda r: (-r[1], r[0]))
    rest = sum(x for _, x in ordered[MOST:])
    shown = [*ordered[:MOST], *([(f"{len(ordered) - MOST} more", rest)] if rest else [])]
    lines = [f"{shorten(c, 57):<58}{bar(x / total)} {percent(x / total):>7} {si(x, unit):>10}" for c, x in shown]
    return Section(title, tuple(lines), dict(ordered))
