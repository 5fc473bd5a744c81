"""The answer first: the figures of a plan that everybody asks for."""

from __future__ import annotations

from typing import Any

from mapper.cost.judge import Verdict
from mapper.report.page.shell import Section


def section(verdict: Verdict, summary: dict[str, Any]) -> Section:
    """The headline of a plan's page; figures in SI units."""
    plan = verdict.plan
    return Section(
        "headline",
        "",
        {
            "objective": plan.objective.value,
            "status": summary["status"],
            "bound_name": summary["bound_name"],
            "gap": summary["gap"],
            "throughput_per_s": summary["throughput_per_s"],
            "tokens_per_s": summary["tokens_per_s"],
            "latency_s": summary["latency_s"],
            "ttft_s": summary["ttft_s"],
            "tpot_s": summary["tpot_s"],
            "energy_j": summary["energy_j"],
            "energy_per_token_j": summary["energy_per_token_j"],
            "average_power_w": summary["average_power_w"],
            "power_limit_w": plan.target.power_limit_w,
            "bands": summary["bands"],
        },
    )
