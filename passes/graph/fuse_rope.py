"""Rotary position embedding spelled out becomes one op."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.ir.graph import Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.draft import Draft, origins
from passes.graph.match import Found, Pattern, Var, elementwise, match, move

_X, _COS, _SIN = Var("x"), Var("cos"), Var("sin")


def _rope(first_half: Pattern, second_half: Pattern) -> Pattern:
    swapped = move("Concat", elementwise("neg", second_half), first_half)
    return elementwise("add", elementwise("mul", _X, _COS), elementwise("mul", swapped, _SIN))


ROPE = (
    _rope(move("Slice", _X), move("Slice", _X)),
    _rope(move("Split", _X, output=0), move("Split", _X, output=1)),
)
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
                found = (match(draft, pattern, op.outputs[0]) for pattern in ROPE)
                rope = next((f for f in found if f is not None and _closed(draft, f)), None)
                if rope is not None:
                    _replace(draft, op, rope)
        return replace(plan, graph=draft.graph())


def _closed(draft: Draft, found: Found) -> bool:
    inside = {op.name for op in found.ops}
    return all(draft.private(value, inside) for op in found.ops[1:] for value in op.outputs)


def _replace(draft: Draft, last: Op, found: Found) -> None:
    ops = sorted(found.ops, key=draft.place)
    inputs = tuple(found.values[name] for name in ("x", "cos", "sin"))
    draft.put(Op(last.name, "elementwise", inputs, last.outputs, (("fn", "rope"),), origins(ops)))
    draft.prune(ops)
