"""Ops that only rearrange or rename go where they change nothing, and merge where they follow one another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mapper.ir.graph import Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph import rules_cut as cut
from passes.graph import rules_layout as layout
from passes.graph import rules_matmul as matmul
from passes.graph.draft import Draft
from passes.graph.equal_ops import merge_equal

Rule = Callable[[Draft, Op], bool]
"""Rewrites around one op and says whether it did."""

RULES: dict[str, tuple[Rule, ...]] = {
    "view": (layout.constant_layout, layout.no_op, layout.merge_views),
    "cast": (layout.no_op, layout.cast_there_and_back),
    "move": (
        layout.constant_layout,
        layout.transpose_of_ones,
        layout.no_op,
        layout.merge_transposes,
        cut.slices_as_split,
    ),
    "elementwise": (layout.neutral,),
    "matmul": (matmul.transposed_operand, matmul.flattened_operand),
}
"""What is tried on an op of each kind, in order."""


@dataclass(frozen=True)
class Simplify(Pass):
    """Removes views, moves and casts that change nothing, merges chains, makes slices one split, drops dead ops."""

    name = "simplify"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft = Draft(plan.graph)
        while merge_equal(draft) + sum(_rewrite(draft, op) for op in draft.ops()):
            pass
        return replace(plan, graph=draft.graph())


def _rewrite(draft: Draft, op: Op) -> bool:
    """Applies the first rule that fits the op."""
    whole = all(op.inputs[:1]) and all(op.outputs[:1]) and op.inputs and op.outputs
    return bool(whole) and draft.has(op) and any(rule(draft, op) for rule in RULES.get(op.kind, ()))
