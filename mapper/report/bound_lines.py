"""The bound of a plan in words: the argument that won, what it ranges over, and what else was proved."""

from __future__ import annotations

from mapper.cost.judge import Verdict
from mapper.ir.plan import Objective, Plan
from mapper.report.arrangement import arrangement_words
from mapper.report.summary import spoken, value_and_bound
from mapper.report.units import percent, shorten, si

MEASURED = {
    Objective.THROUGHPUT: ("", " requests/s"),
    Objective.LATENCY: ("s", " a request"),
    Objective.TTFT: ("s", " to the first token"),
    Objective.TPOT: ("s", " a token"),
    Objective.ENERGY: ("J", " a request"),
    Objective.EDP: ("J s", ""),
}
"""In what the value of an objective is told, and of what."""


def headline(verdict: Verdict) -> str:
    """What the plan is and what it reaches, in one line."""
    plan = verdict.plan
    value, _, gap = value_and_bound(verdict)
    unit, of = MEASURED[plan.objective]
    told = f"gap {percent(gap)} to the proven bound" if gap is not None else "no bound"
    names = f"{shorten(plan.graph.name, 36)} on {shorten(plan.target.name, 24)}"
    return f"{names} · {plan.objective.value} · {si(value, unit)}{of} · {told}"


def bound_lines(verdict: Verdict) -> list[str]:
    """Value, bound and gap; what the bound rests on; how the plan was found."""
    plan = verdict.plan
    value, bound, gap = value_and_bound(verdict)
    won = next((b for b in plan.bounds or () if b.objective == plan.objective.value), None)
    if won is None or bound is None or gap is None:
        return ["no bound is known"]
    lines = [
        f"value {_exact(plan.objective, value)}, bound {_exact(plan.objective, bound)}, gap {percent(gap)}",
        f"proved by: {won.name}",
        f"over these options: in each phase a cluster whole on one {_holder(plan)}",
        f"considered: {_considered(plan)}",
        f"found by: {plan.search.method if plan.search else 'unknown'}",
    ]
    for other in plan.bounds or ():
        if other is not won:
            of = Objective(other.objective)
            lines.append(f"also proved: {of.value} {_exact(of, spoken(of, other.value))} by {other.name}")
    return lines


def _exact(objective: Objective, value: float) -> str:
    """A value with the digits that tell it from a bound near it: '67.3268 requests/s', '22.6750 us'."""
    number, _, unit = si(value, MEASURED[objective][0], digits=6).partition(" ")
    short = number.rstrip("0").rstrip(".") if "." in number else number
    return " ".join(filter(None, (short, unit, "requests/s" * (objective is Objective.THROUGHPUT))))


def _considered(plan: Plan) -> str:
    """How many ways to run how many classes of clusters the bound ranges over."""
    classes = {c.repeat for c in plan.clusters or ()}
    kinds = {plan.target.unit[u].kind for o in plan.options or () for u in o.units}
    phases = f" in {len(plan.phases)} phases" if len(plan.phases) > 1 else ""
    return (
        f"{len(plan.options or ())} ways to run {len(classes)} classes of {len(plan.clusters or ())} clusters on "
        f"{len(kinds)} kind{'s' * (len(kinds) > 1)} of units{phases}"
    )


def _holder(plan: Plan) -> str:
    """What a cluster runs on as a whole."""
    folded = arrangement_words(plan.target)
    return f"unit or team,\n    in all arrangements (here {folded})" if folded else "unit"
