"""What limits a plan: what its objective's value is made of, which resources are busiest, what they wait for."""

from __future__ import annotations

from typing import Any

from mapper.cost.judge import Verdict
from mapper.hw.target import Target
from mapper.hw.work import TICKS_PER_SECOND
from mapper.report.limits import largest_costs, waiting
from mapper.report.page.shell import Section

CAUSES = 8
RESOURCES = 8
"""So many are shown, the largest ones."""


def section(verdict: Verdict, summary: dict[str, Any]) -> Section | None:
    """The causes and the busiest resources; nothing for a plan in which nothing takes time."""
    causes = largest_costs(verdict, CAUSES)
    if not causes:
        return None
    plan, flow = verdict.plan, verdict.steady
    data = {
        "objective": plan.objective.value,
        "causes": [{"what": s.what, "part": s.part} for s in causes],
        "busiest": flow.busiest,
        "utilisation": flow.utilisation,
        "interval_s": summary["interval_s"],
        "resources": _resources(verdict),
        "waiting": waiting(verdict),
    }
    return Section("limits", "What limits it", data)


def _resources(verdict: Verdict) -> list[dict[str, Any]]:
    """The busiest resources with the time that one request takes of each, the longest first."""
    largest = sorted(verdict.loads.items(), key=lambda r: (-r[1], r[0]))[:RESOURCES]
    return [
        {"name": name, "kind": _kind(verdict.plan.target, name), "load_s": ticks / TICKS_PER_SECOND,
         "utilisation": ticks / verdict.interval if verdict.interval else 0.0}
        for name, ticks in largest
    ]  # fmt: skip


def _kind(target: Target, resource: str) -> str:
    """What a resource is: the kind of a unit or a memory, a direction of a link, or a part of a unit."""
    if resource in target.unit:
        return target.unit[resource].kind
    if resource in target.memory:
        return target.memory[resource].kind
    link = target.link.get(resource.rpartition(":")[0])
    return link.kind if link else ""
