"""Judge: the figures of a finished plan, as the replay finds them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.cost.judge import judge
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass


@dataclass(frozen=True)
class Judge(Pass):
    """Replay the plan and write down what it costs; `mapper check` derives the same figures again."""

    name = "judge"
    requires = ("schedule", "memory", "inflight", "placement", "residency")
    provides = ("figures",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with its figures."""
        return replace(plan, figures=judge(plan).figures)
