"""What each unit, memory and link is busy with and holds, as tables with bars."""

from __future__ import annotations

from typing import Any

from mapper.cost.judge import Verdict
from mapper.report.holdings import holdings
from mapper.report.page.shell import Section


def section(verdict: Verdict, summary: dict[str, Any]) -> Section:
    """The tables of units, memories and links."""
    return Section("units", "Units", {
        "units": _units(verdict, summary),
        "memories": _memories(verdict, summary),
        "links": _links(verdict, summary),
    })  # fmt: skip


def _units(verdict: Verdict, summary: dict[str, Any]) -> list[dict[str, Any]]:
    held, total = holdings(verdict), summary["energy_j"] or 1.0
    units = verdict.plan.target.unit
    return [
        {"name": name, "kind": row["kind"], "count": units[name].count, "utilisation": row["utilisation"],
         "energy": row["energy_j"] / total, "weight_bytes": row["weight_bytes"], "holds": ", ".join(held.get(name, []))}
        for name, row in summary["units"].items()
    ]  # fmt: skip


def _memories(verdict: Verdict, summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Every memory; utilisation is that of its bandwidth, where transfers are held against it."""
    return [
        {"name": m.name, "kind": m.kind, "peak_bytes": summary["memories"][m.name]["peak_bytes"],
         "capacity_bytes": m.capacity_bytes, "bandwidth": m.bandwidth_bytes_per_s,
         "utilisation": _busy(verdict, m.name)}
        for m in verdict.plan.target.memories
    ]  # fmt: skip


def _links(verdict: Verdict, summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Every link; utilisation is that of its busier direction."""
    directions: dict[str, float] = {}
    for resource in verdict.loads:
        link = resource.rpartition(":")[0]
        directions[link] = max(directions.get(link, 0.0), _busy(verdict, resource))
    return [
        {"name": k.name, "kind": k.kind, "ends": f"{k.a} – {k.b}", "bandwidth": k.bandwidth_bytes_per_s,
         "bytes": summary["links"][k.name]["bytes"], "utilisation": directions.get(k.name, 0.0)}
        for k in verdict.plan.target.links
    ]  # fmt: skip


def _busy(verdict: Verdict, resource: str) -> float:
    """The part of the interval for which a resource is taken."""
    return verdict.loads.get(resource, 0) / verdict.interval if verdict.interval else 0.0
