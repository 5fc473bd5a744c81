"""How far a plan is from the best there can be: its value, the proven bound, and what that rests on."""

from __future__ import annotations

from typing import Any

from mapper.cost.judge import Verdict
from mapper.ir.goal import Objective
from mapper.ir.plan import Plan
from mapper.report.arrangement import arrangement_words
from mapper.report.page.shell import Section
from mapper.report.summary import spoken

_BANDS = {Objective.THROUGHPUT: "throughput_per_s", Objective.LATENCY: "latency_s", Objective.ENERGY: "energy_j"}
_UNITS = {Objective.THROUGHPUT: "requests/s", Objective.ENERGY: "J", Objective.EDP: "J s"}

_LEAD = "The error band is that of the cost models: the value and the bound move with them together."


def section(verdict: Verdict, summary: dict[str, Any]) -> Section:
    """The value on a scale with the bound and the error band."""
    plan = verdict.plan
    data = {
        "objective": plan.objective.value,
        "unit": _UNITS.get(plan.objective, "s"),
        "value": summary["value"],
        "bound": summary["bound"],
        "gap": summary["gap"],
        "band": summary["bands"].get(_BANDS.get(plan.objective, "")),
        "bounds": [
            {"objective": b.objective, "value": spoken(Objective(b.objective), b.value), "name": b.name,
             "unit": _UNITS.get(Objective(b.objective), "s")}
            for b in plan.bounds or ()
        ],
        "facts": _facts(plan, summary),
    }  # fmt: skip
    return Section("bound", "Bound", data, _LEAD)


def _facts(plan: Plan, summary: dict[str, Any]) -> list[tuple[str, str]]:
    """What the bound holds for and who found the plan, in words."""
    folded = arrangement_words(plan.target)
    whole = f"unit or team, in all arrangements (here {folded})" if folded else "unit"
    options = plan.options or ()
    classes = len({o.repeat for o in options})
    rows = []
    if plan.bounds:
        rows.append(("proved by", plan.bounds[0].name))
        rows.append(("holds for", f"every placement that runs each cluster of ops, in each phase, on one {whole}"))
    rows.append(
        ("options", f"{len(options)} ways to run {classes} classes of ops in {len(plan.clusters or ())} clusters")
    )
    if plan.search:
        rows.append(("found by", plan.search.method))
    decisions = summary["decisions"]
    rows.append((
        "inside the error band",
        f"{decisions['inside_band']} of {decisions['placed']} decisions have an alternative that may be the better one",
    ))  # fmt: skip
    return rows
