"""Memories and links at a glance: what lies in them, what goes over them, how busy they are."""

from __future__ import annotations

from typing import Any

from mapper.cost.judge import Verdict
from mapper.report.glance.section import Section, busiest, others
from mapper.report.units import bar, percent, shorten, si

MOST = 16
"""So many of a kind have a line."""


def memories(verdict: Verdict) -> Section:
    """Each memory: bytes at its peak by what they are, and how much of its bandwidth a request takes."""
    rows = {m.name: _memory(verdict, m.name) for m in verdict.plan.target.memories}
    parts = {n: max(r["peak_bytes"] / r["capacity_bytes"], r["channel_utilisation"]) for n, r in rows.items()}
    shown, rest = busiest(parts, MOST)
    lines = [f"{'memory':<20}{'filled at most':<32}{'of':>9}   {'weights':>8} {'states':>8} {'buffers':>8}   channel"]
    for name in shown:
        r = rows[name]
        held = (r["weights_bytes"], r["states_bytes"], r["buffers_bytes"])
        sizes = " ".join(f"{si(size, 'B') if size else '':>8}" for size in held)
        part = r["peak_bytes"] / r["capacity_bytes"]
        lines.append(
            f"{shorten(name, 19):<20}{bar(part)} {percent(part):>7}{si(r['capacity_bytes'], 'B'):>9}   {sizes}"
            f"   {bar(r['channel_utilisation'], 8)} {percent(r['channel_utilisation'])}"
        )
    return Section("memories", (*lines, *others(rest, "memories")), rows)


def _memory(verdict: Verdict, name: str) -> dict[str, Any]:
    plan = verdict.plan
    kept = [r for r in plan.residency or () if r.memory == name]
    weights = sum(r.bytes for r in kept if not r.per_request)
    copies = plan.target.copies_at[name]
    requests = copies * -(-(plan.inflight or 1) // copies)
    states = requests * sum(r.bytes for r in kept if r.per_request)
    interval = verdict.interval or 1
    return {
        "kind": plan.target.memory[name].kind,
        "capacity_bytes": plan.target.memory[name].capacity_bytes,
        "peak_bytes": verdict.peaks[name],
        "weights_bytes": weights,
        "states_bytes": states,
        "buffers_bytes": verdict.peaks[name] - weights - states,
        "channel_utilisation": verdict.loads.get(name, 0) / interval,
    }


def links(verdict: Verdict) -> Section | None:
    """Each direction of a link: how busy it is, bytes of a request that go over it, and transfers of a run."""
    plan, found = verdict.plan, dict[str, dict[str, Any]]()
    names = {link.name: link.kind for link in plan.target.links}
    for phase, program in zip(plan.phases, verdict.programs, strict=True):
        for activity in program.activities:
            for resource, _ in activity.exclusive if activity.kind in ("move", "exchange") else ():
                link = resource.rpartition(":")[0] or resource
                if resource in plan.target.unit:
                    continue
                row = found.setdefault(resource, {"kind": names.get(link, "links"), "bytes": 0, "times": 0})
                row["bytes"] += phase.calls * activity.bytes
                row["times"] += phase.calls
    if not found:
        return None
    for resource, row in found.items():
        if plan.requests_per_run > 1:
            row["bytes"] /= plan.requests_per_run
        row["utilisation"] = verdict.loads.get(resource, 0) / (verdict.interval or 1)
    shown, rest = busiest({n: r["utilisation"] for n, r in found.items()}, MOST)
    of = " of a batch" if plan.batch else ""
    lines = [f"{'link':<46}{'busy':<32}  a request"]
    for name in sorted(shown, key=lambda n: (-found[n]["utilisation"], n)):
        r = found[name]
        lines.append(
            f"{shorten(name, 45):<46}{bar(r['utilisation'])} {percent(r['utilisation']):>7}  "
            f"{si(r['bytes'], 'B')} in {r['times']} transfer{'s' * (r['times'] > 1)}{of}"
        )
    return Section("links", (*lines, *others(rest, "links")), found)
