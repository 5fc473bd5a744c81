"""What limits a plan: the chain of busiest resources, the critical path of a request, the causes of energy."""

from __future__ import annotations

from typing import Any

from mapper.cost.judge import Verdict
from mapper.ir.goal import TIMES, Objective
from mapper.report.chain import chain
from mapper.report.limit_lines import HARDLY, idle_parts
from mapper.report.limits import largest_costs, resource_words, waiting
from mapper.report.page.shell import Section
from mapper.report.stretches import stretches

STRETCHES = 8
CAUSES = 8
NAMES = 12
"""So many are shown, the largest ones."""


def section(verdict: Verdict, summary: dict[str, Any]) -> Section | None:
    """The parts in the order in which they matter to the objective; nothing for a plan in which nothing takes time."""
    if not verdict.loads:
        return None
    plan = verdict.plan
    of = {Objective.TTFT: "until the first token", Objective.TPOT: "for all later tokens"}
    data: dict[str, Any] = {
        "interval_s": summary["interval_s"],
        "inflight": plan.inflight,
        "batch": plan.batch,
        "waiting": waiting(verdict),
        "path_of": of.get(plan.objective, f"of a {'batch' if plan.batch else 'request'} alone"),
        "chain": _chain(verdict),
        "path": _path(verdict),
    }
    if plan.objective is Objective.THROUGHPUT:
        data["order"] = ("chain", "path")
    elif plan.objective in TIMES:
        data["order"] = ("path", "chain")
    else:
        data["order"] = ("energy", "path", "chain")
        data["energy"] = [{"what": s.what, "part": s.part} for s in largest_costs(verdict, CAUSES)]
        data["idle_w"] = idle_parts(verdict)
    return Section("limits", "What limits it", data)


def _chain(verdict: Verdict) -> list[dict[str, Any]]:
    """Each limit with what fills it; alike resources beyond the first ones as their number."""
    rows = []
    for k, limit in enumerate(chain(verdict)):
        if k == 0 or limit.busy >= HARDLY:
            row = limit.data()
            names = [resource_words(name) for name in limit.resources[:NAMES]]
            more = max(0, len(limit.resources) - NAMES)
            rows.append(row | {"resources": names, "more": more, "then": resource_words(limit.then)})
    return rows


def _path(verdict: Verdict) -> dict[str, Any]:
    """The critical path: its longest stretches, the others as a part, and the kind of unit that most of it is on."""
    found = stretches(verdict)
    total = sum(s.ticks for s in found)
    by: dict[str, int] = {}
    for s in found:
        by[s.where] = by.get(s.where, 0) + s.ticks
    where = max(by, key=lambda name: (by[name], name), default="")
    return {
        "stretches": [s.data(total) for s in found[:STRETCHES]],
        "more": len(found[STRETCHES:]),
        "rest": sum(s.ticks for s in found[STRETCHES:]) / total if total else 0.0,
        "where": where,
        "part": by[where] / total if total else 0.0,
    }
