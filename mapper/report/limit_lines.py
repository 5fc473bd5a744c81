"""What limits a plan as lines of text: the chain of resources, the critical path, or the causes of energy."""

from __future__ import annotations

from collections import Counter, defaultdict

from mapper.cost.judge import Verdict
from mapper.hw.target import Target
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.goal import TIMES, Objective
from mapper.report.chain import Limit
from mapper.report.limits import resource_words, waiting
from mapper.report.stretches import Stretch
from mapper.report.units import listed, percent, shorten, si

WHAT = 66
"""Columns of the words for a class of activities."""


HARDLY = 0.05
"""What is less busy limits nothing soon."""


SMALL = 0.01
"""Causes of less of the energy are told together."""


def limit_lines(verdict: Verdict, limits: list[Limit], path: list[Stretch]) -> list[str]:
    """What the objective is limited by, then the others in brief."""
    objective = verdict.plan.objective
    if objective in TIMES:
        return [*path_lines(verdict, path, 10), "", *chain_lines(verdict, limits[:2])]
    if objective is Objective.THROUGHPUT:
        return [*chain_lines(verdict, limits), "", *path_lines(verdict, path, 4)]
    return [*idle_lines(verdict), "", *path_lines(verdict, path, 4), "", *chain_lines(verdict, limits[:2])]


def chain_lines(verdict: Verdict, limits: list[Limit]) -> list[str]:
    """Each limit with what fills it, and what relieving it would bring at most."""
    every = si(verdict.interval / TICKS_PER_SECOND, "s")
    flight = f", {verdict.plan.inflight} in flight" if verdict.plan.inflight else ""
    what = f"batch of {verdict.plan.batch} requests" if verdict.plan.batch else "request"
    lines = [f"  a new {what} every {every}{flight}; the busiest resources:"]
    for k, limit in enumerate((x for i, x in enumerate(limits) if not i or x.busy >= HARDLY), start=1):
        names = listed(list(map(resource_words, limit.resources)), 60)
        lines.append(f"  {k}  {shorten(names, 62)} ({shorten(limit.kind, 28)}): {percent(limit.busy)} busy")
        shown = [s for s in limit.fills if s.part >= 0.005]
        lines += [f"       {shorten(s.what, WHAT):<{WHAT}} {percent(s.part):>7}" for s in shown]
        lines += _relief(verdict, k, limit)
    return [*lines, *(f"  {words}" for words in waiting(verdict))]


def _relief(verdict: Verdict, k: int, limit: Limit) -> list[str]:
    """What the k-th limit of the chain hides."""
    then = shorten(resource_words(limit.then), 46)
    if limit.relieved is None:
        return []
    if k > 1:
        if verdict.loads[limit.then] < HARDLY * verdict.interval:
            return [f"     all others are less than {percent(HARDLY)} busy"]
        return [f"     {'1 and 2' if k == 2 else f'1 to {k}'} relieved: at most {gained(limit.relieved)}, then {then}"]
    twice = f"     twice as fast: at most {gained(limit.twice)} requests/s with this placement"
    if limit.relieved <= limit.twice * 1.01:
        return [f"{twice}, as then {then} limits"]
    return [twice, f"     if it took no time: at most {gained(limit.relieved)}, then {then} limits"]


def gained(part: float | None) -> str:
    """A gain in percent, or as a factor where it is large: +38 %, 3.3x."""
    if part is None:
        return "any"
    return f"+{percent(part)}" if part < 9 else f"{1 + part:,.0f}x"


def path_lines(verdict: Verdict, path: list[Stretch], most: int) -> list[str]:
    """The critical path by classes of activities, and what a faster unit would bring at most."""
    total = sum(s.ticks for s in path) or 1
    of = {Objective.TTFT: "until the first token", Objective.TPOT: "for all later tokens"}
    what = of.get(verdict.plan.objective, f"for a {'batch' if verdict.plan.batch else 'request'} alone")
    lines = [f"  the critical path takes {si(total / TICKS_PER_SECOND, 's')} {what}:"]
    for s in path[:most]:
        each = si(s.ticks / s.times / TICKS_PER_SECOND, "s") if s.times else ""
        lines.append(
            f"     {shorten(s.what, WHAT):<{WHAT}} {percent(s.ticks / total):>7}   {f'{s.times} x {each}':>16}"
        )
        why = [
            (s.queued, "in which what comes next waits for the unit, not for this result"),
            (s.shared, "waits for a shared memory"),
        ]
        lines += [f"       of it {percent(t / total)} {words}" for t, words in why if t >= total / 1000]
    rest = sum(s.ticks for s in path[most:])
    if rest:
        lines.append(f"     {f'{len(path) - most} more':<{WHAT}} {percent(rest / total):>7}")
    by: defaultdict[str, int] = defaultdict(int)
    for s in path:
        by[s.where] += s.ticks
    where, ticks = max(by.items(), key=lambda row: (row[1], row[0]))
    if where:
        saved = percent(ticks / total / 2)
        lines.append(f"  most of it on {shorten(where, 50)}: twice as fast, it would save at most {saved}")
    return lines


def idle_lines(verdict: Verdict) -> list[str]:
    """Energy by cause, and what the part that flows without work is made of."""
    total, per_run = verdict.energy or 1, verdict.plan.requests_per_run
    rows = sorted(energy_by_kind(verdict).items(), key=lambda r: (-r[1], r[0]))
    shown = [(cause, pj) for cause, pj in rows if pj >= SMALL * total][:10]
    rest = sum(pj for _, pj in rows) - sum(pj for _, pj in shown)
    if rest:
        shown.append((f"{sum(1 for _, pj in rows if pj) - len(shown)} more", rest))
    lines = []
    for cause, pj in shown:
        lines.append(
            f"     {shorten(cause, WHAT):<{WHAT}} {percent(pj / total):>7}   {si(pj / PJ_PER_J / per_run, 'J'):>10}"
        )
        if cause == "idle":
            every = si(verdict.interval / TICKS_PER_SECOND, "s")
            watts = [f"{name} {si(w, 'W')}" for name, w in idle_parts(verdict)]
            lines.append(f"       what is switched on for {every}: {listed(watts, 76)}")
    return lines


def energy_by_kind(verdict: Verdict) -> dict[str, int]:
    """Energy by cause, the memories of one kind together, and the links."""
    words = cause_words(verdict.plan.target)
    found: defaultdict[str, int] = defaultdict(int)
    for cause, pj in verdict.energy_by_cause.items():
        found[words.get(cause, cause)] += pj
    return dict(found)


def cause_words(target: Target) -> dict[str, str]:
    """What the energy of a memory or link is told as, by its cause: '4 links ucie-advanced' where there are several of
    its kind."""
    kinds = {f"memory {m.name}": ("memories", m.kind) for m in target.memories}
    kinds |= {f"link {k.name}": ("links", k.kind) for k in target.links}
    many = Counter(kinds.values())
    return {
        cause: f"{many[sort, kind]} {sort} {kind}" if many[sort, kind] > 1 else cause
        for cause, (sort, kind) in kinds.items()
    }


def idle_parts(verdict: Verdict) -> list[tuple[str, float]]:
    """Watts that flow without work, by kind of unit, memory and link, most first."""
    target = verdict.plan.target
    sums: defaultdict[str, float] = defaultdict(float)
    for unit in target.units:
        sums[unit.kind] += unit.count * unit.model.idle_power_w
    for memory in target.memories:
        sums[memory.kind] += memory.idle_power_w
    for link in target.links:
        sums[link.kind] += link.idle_power_w
    sums["the rest"] += target.rest_power_w
    return sorted(((name, w) for name, w in sums.items() if w), key=lambda row: (-row[1], row[0]))
