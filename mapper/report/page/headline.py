"""The answer first: the figures of a plan that everybody asks for."""

from __future__ import annotations

from typing import Any

from mapper.cost.judge import Verdict
from mapper.report.arrangement import arrangement_words
from mapper.report.holdings import in_tiles
from mapper.report.limits import largest_costs, resource_words
from mapper.report.page.shell import Section, seen
from mapper.report.wear import wear_lines

_FIGURES = (
    "objective",
    "value",
    "bound",
    "bound_name",
    "gap",
    "status",
    "throughput_per_s",
    "tokens_per_s",
    "latency_s",
    "ttft_s",
    "tpot_s",
    "energy_j",
    "energy_per_token_j",
    "average_power_w",
    "deploy_s",
    "deploy_j",
    "bands",
)


def section(verdict: Verdict, summary: dict[str, Any]) -> Section:
    """The headline of a plan's page; figures in SI units."""
    plan = verdict.plan
    data = {
        **{name: summary[name] for name in _FIGURES},
        "power_limit_w": plan.target.power_limit_w,
        "inflight": plan.inflight,
        "batch": plan.batch,
        "phases": [
            {"name": p.name, "given": " ".join(f"{d}={s}" for d, s in p.given), "calls": p.calls,
             "latency_s": summary["phases"][p.name]["latency_s"]}
            for p in plan.phases
        ],
        "limits": [
            {"text": str(x), "name": x.quantity.value, "limit": x.value, "found": verdict.measured(x.quantity)}
            for x in plan.limits
        ],
        "limited_by": [{"what": s.what, "part": s.part} for s in largest_costs(verdict, 1)],
        "busiest": {"name": resource_words(verdict.steady.busiest), "utilisation": seen(verdict.steady.utilisation)},
        "notes": _notes(verdict, summary),
    }  # fmt: skip
    return Section("headline", "", data)


def _notes(verdict: Verdict, summary: dict[str, Any]) -> list[tuple[str, str]]:
    """What must be known to read the figures, each with a word for what it is about."""
    folded = arrangement_words(verdict.plan.target)
    ranks = summary.get("ranks", 1)
    return [
        *([("rank", f"the figures are those of 1 of {ranks} ranks, all alike")] if ranks > 1 else []),
        *([("arranged as", folded)] if folded else []),
        *(("in tiles", line) for line in in_tiles(verdict.plan)),
        *(("wears out", line) for line in wear_lines(verdict)),
    ]
