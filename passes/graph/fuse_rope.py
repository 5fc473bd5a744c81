"""Rotary position embedding spelled out becomes one op."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.ir.graph import Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.draft import Draft, origins
from passes.graph.match import Found, Var, elementwise, match, move

_X, _COS, _SIN = Var("x"), Var("cos"), Var("sin")
_HALVES_SWAPPED = move("Concat", elementwise("neg", move("Slice", _X)), move("Slice", _X))
ROPE = elementwise("add", elementwise("mul", _X, _COS), elementwise("mul", _HALVES_SWAPPED, _SIN))
"""x cos + rotate_half(x) sin, as Llama and its kin write it."""


@dataclass(frozen=True)
class FuseRope(Pass):
    """Turns x cos + rotate_half(x) sin into one elementwise `rope` of x, cos and sin."""

    name = "fuse-rope"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft = Draft(plan.graph)
        for op in draft.ops():
            if op.kind == "elementwise" and op.attr("fn") == "add" and draft.has(op):
                found = match(draft, ROPE, op.outputs[0])
                if found is not None and _closed(draft, found):
                    _replace(draft, op, found)
        return replace(plan, graph=draft.graph())


def _closed(draft: Draft, found: Found) -> bool:
    inside = {op.name for op in found.ops}
    return all(draft.private(op.outputs[0], inside) for op in found.ops[1:])


def _replace(draft: Draft, last: Op, found: Found) -> None:
    ops = sorted(found.ops, key=draft.place)
    inputs = tuple(found.values[name] for name in ("x", "cos", "sin"))
    draft.put(Op(last.name, "elementwise", inputs, last.outputs, (("fn", "rope"),), origins(ops)))
    draft.prune(ops)
