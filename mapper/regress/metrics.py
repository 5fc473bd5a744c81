"""Metrics: the numbers of a mapping that regressions are told by, the same whenever the same is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from mapper.ir.plan import Plan

TOTALS = ("throughput_per_s", "tokens_per_s", "latency_s", "ttft_s", "tpot_s", "energy_j", "energy_per_token_j",
          "average_power_w", "value", "bound", "gap", "deploy_s", "deploy_j")  # fmt: skip
"""Fields of summary.json that are metrics under their own names."""


def metrics_of(plan: Plan, summary: Mapping[str, Any]) -> dict[str, float]:
    """By name: totals; latency and energy of each phase; peak bytes of each memory; ops on each kind of unit; requests
    in flight; the work of the searches, in deterministic seconds. All others in seconds, joules, bytes and counts per
    request, as in summary.json."""
    found = {name: float(summary[name]) for name in TOTALS if summary.get(name) is not None}
    if work := summary.get("work"):
        found["work"] = float(work["deterministic_s"])
        found |= {f"work of {solver}": float(seconds) for solver, seconds in work["by_solver_s"].items()}
    found["inflight"] = float((plan.inflight or 1) * plan.requests_per_run)
    for name, phase in summary["phases"].items():
        found[f"latency_s of {name}"] = float(phase["latency_s"])
        found[f"energy_j of {name}"] = float(phase["energy_j"])
    for name, memory in summary["memories"].items():
        found[f"peak_bytes of {name}"] = float(memory["peak_bytes"])
    for kind, count in summary["ops"]["by_unit_kind"].items():
        found[f"ops on {kind}"] = float(count)
    return found


def timings_of(summary: Mapping[str, Any]) -> dict[str, float]:
    """Seconds by the wall clock: of the whole compilation, its import, its search and its passes."""
    seconds = summary["seconds"]
    found = {f"{name}_s": float(seconds[name]) for name in ("import", "solve", "total") if name in seconds}
    return found | {f"{name}_s of passes": float(s) for name, s in seconds.get("passes", {}).items()}


def placed_of(plan: Plan) -> str:
    """sha256 of where and how every task runs, as the plan decided: what it costs there is not in it."""
    rows = sorted(repr(astuple(place)) for place in plan.placement or ())
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
