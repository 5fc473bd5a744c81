"""Judge: the figures of a finished plan, as the replay finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapper.cost.judge import judge
from mapper.errors import Infeasible
from mapper.ir.goal import UNIT, Limit, Quantity
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass


@dataclass(frozen=True)
class Judge(Pass):
    """Replay the plan and write down what it costs; `mapper check` derives the same figures again.

    Raises Infeasible for a plan that breaks one of its limits.
    """

    name = "judge"
    requires = ("schedule", "memory", "inflight", "placement", "residency")
    provides = ("figures",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with its figures."""
        verdict = judge(plan)
        if verdict.broken_limits:
            by = plan.search.method if plan.search else "this placement"
            raise limits_broken(plan, verdict.broken_limits, by)
        return replace(plan, figures=verdict.figures)


def limits_broken(plan: Plan, broken: Sequence[tuple[Limit, float]], by: str) -> Infeasible:
    """The error for a plan that does not keep its limits: each with what was found, nothing proved."""
    limit, found = broken[0]
    return Infeasible(
        f"{limit} is not met by {by}: {limit.quantity.value} is {found:.6g} {UNIT[limit.quantity]}, "
        f"{limit.excess(found):.1%} too {'little' if limit.quantity is Quantity.THROUGHPUT else 'much'}",
        details=[f"{other} is not met either: {value:.6g}" for other, value in broken[1:]],
        hint=f"this proves nothing of others: loosen the limit to {found:.6g}, or search longer with --effort max",
    )
