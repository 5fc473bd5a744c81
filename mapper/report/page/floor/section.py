"""The floor plan of a plan's page: boxes and lines, each with the figures of the part that it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mapper.cost.judge import Verdict
from mapper.hw.target import Link, Target, Unit
from mapper.report.holdings import holdings
from mapper.report.page.floor.layout import layout
from mapper.report.page.floor.same import Folded
from mapper.report.page.shell import Section

MOST_WORDS = 4
"""Of what a unit holds, so many kinds of ops are named."""


def section(verdict: Verdict, summary: Mapping[str, Any]) -> Section:
    """The floor plan. boxes: [kind, name, x, y, wide, high, part]; wires: [name, part, points ...]; part: the position
    of its figures among `units`, `memories` or `links`, null where there are none. Of chips that are folded into teams
    all are drawn, each with the figures of its team."""
    target = verdict.plan.target
    whole = target.group if target.group is not None and any(u.team for u in target.units) else target
    drawing, folded = layout(whole), Folded(target, whole)
    at = {
        "unit": {u.name: k for k, u in enumerate(target.units)},
        "memory": {m.name: k for k, m in enumerate(target.memories)},
    }
    links = {link.name: k for k, link in enumerate(target.links)}
    data = {
        "wide": _rounded(drawing.wide),
        "high": _rounded(drawing.high),
        "boxes": [
            [b.kind, b.name, *map(_rounded, (b.x, b.y, b.wide, b.high)), at.get(b.kind, {}).get(folded.name(b.name))]
            for b in drawing.boxes
        ],
        "wires": [
            [w.link, links.get(folded.link(whole.link[w.link])), *(_rounded(n) for p in w.points for n in p)]
            for w in drawing.wires
        ],
        "units": _units(verdict, summary),
        "memories": [_memory(verdict, summary, name) for name in target.memory],
        "links": [_link(verdict, summary, link) for link in target.links],
        "energy_j": summary["energy_j"],
        "busiest": _busiest(verdict, at | {"link": links}),
    }
    return Section("floor", "Floor plan", data, _lead(target, whole))


def _lead(target: Target, whole: Target) -> str:
    text = (
        "Colour: how busy a part is in steady state; outlined: the busiest. Filled part of a memory: its peak. "
        "Width of a line: bandwidth."
    )
    if whole is target:
        return text
    return f"{text} Equal chips are planned as one team; each is drawn with the figures of its team."


def _busiest(verdict: Verdict, at: Mapping[str, Mapping[str, int]]) -> list[Any] | None:
    """Kind and position of the part that is busiest in steady state; None where it is none, as the power limit."""
    resource = verdict.steady.busiest
    names = {"unit": resource.partition("/")[0], "memory": resource, "link": resource.rpartition(":")[0]}
    return next(([kind, at[kind][name]] for kind, name in names.items() if name in at[kind]), None)


def _rounded(number: float) -> float:
    return round(number, 2)


def _units(verdict: Verdict, summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    target, held = verdict.plan.target, holdings(verdict)
    inside: dict[str, list[int]] = {}
    for k, memory in enumerate(target.memories):
        if memory.unit:
            inside.setdefault(memory.unit, []).append(k)
    found = []
    for unit in target.units:
        row = summary["units"][unit.name]
        found.append(
            {
                "name": unit.name,
                "kind": unit.kind,
                "busy": _part(row["utilisation"]),
                "energy_j": row["energy_j"],
                "weight_bytes": row["weight_bytes"],
                "holds": held.get(unit.name, [])[:MOST_WORDS],
                "memories": inside.get(unit.name, []),
                **_team(verdict, unit),
            }
        )
    return found


def _team(verdict: Verdict, unit: Unit) -> dict[str, Any]:
    """How a team works, and the part of the time in which its members exchange."""
    if unit.team is None:
        return {}
    exchange = _share(verdict, [f"{unit.name.rpartition('.')[0]} exchange"])
    return {"ranks": unit.ranks, "copies": unit.copies, **({"exchange": exchange} if exchange else {})}


def _memory(verdict: Verdict, summary: Mapping[str, Any], name: str) -> dict[str, Any]:
    memory = verdict.plan.target.memory[name]
    row = summary["memories"][name]
    return {
        "name": name,
        "kind": memory.kind,
        "busy": _share(verdict, [name]),
        "peak_bytes": row["peak_bytes"],
        "capacity_bytes": row["capacity_bytes"],
        "bandwidth": memory.bandwidth_bytes_per_s,
    }


def _link(verdict: Verdict, summary: Mapping[str, Any], link: Link) -> dict[str, Any]:
    ways = [f"{link.name}:{a}>{b}" for a, b in ((link.a, link.b), (link.b, link.a))]
    return {
        "name": link.name,
        "kind": link.kind,
        "ends": [link.a, link.b],
        "busy": _share(verdict, ways),
        "ways": [_share(verdict, [way]) for way in ways],
        "bytes": summary["links"][link.name]["bytes"],
        "bandwidth": link.bandwidth_bytes_per_s,
        "latency_s": link.latency_s,
    }


def _share(verdict: Verdict, resources: Iterable[str]) -> float | None:
    """The part of the time in which the busiest of these is busy in steady state."""
    if not verdict.interval:
        return None
    return _part(max(verdict.loads.get(r, 0) for r in resources) / verdict.interval)


def _part(share: float) -> float:
    return float(f"{share:.4g}")
