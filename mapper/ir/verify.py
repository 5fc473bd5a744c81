"""The law book of plans: every rule that can be checked without pricing anything, and who holds a plan to them."""

from __future__ import annotations

from mapper.ir import rules_graph, rules_memory, rules_options, rules_plan, rules_shapes, rules_target
from mapper.ir.plan import Plan
from mapper.ir.rule import Rule

RULES: tuple[Rule, ...] = (
    *rules_target.RULES,
    *rules_graph.RULES,
    *rules_shapes.RULES,
    *rules_options.RULES,
    *rules_plan.RULES,
    *rules_memory.RULES,
)
"""In an order in which each may assume the ones before it."""


def verify(plan: Plan) -> None:
    """Hold the plan to every rule about what it has decided so far. Raises InvalidPlan naming the first one broken."""
    for rule in RULES:
        if all(getattr(plan, field) is not None for field in rule.needs):
            rule.check(plan)
