"""The addition of a bias becomes part of the matrix product before it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.hw.work import Role
from mapper.ir.graph import Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.draft import Draft, origins


@dataclass(frozen=True)
class FuseBias(Pass):
    """Turns a matmul and the addition of a weight vector to its result into a matmul with a bias."""

    name = "fuse-bias"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft = Draft(plan.graph)
        for op in draft.ops():
            if op.kind == "matmul" and len(op.inputs) == 2 and (add := draft.reader(op.outputs[0])):
                bias = _bias(draft, op, add)
                if bias is not None:
                    draft.drop(add)
                    merged = origins((op, add))
                    draft.put(replace(op, inputs=(*op.inputs, bias), outputs=add.outputs, origin=merged))
        return replace(plan, graph=draft.graph())


def _bias(draft: Draft, matmul: Op, add: Op) -> str | None:
    """The weight vector that `add` adds to the product, if that is all it does."""
    if add.kind != "elementwise" or add.attr("fn") != "add" or len(add.inputs) != 2:
        return None
    product = draft.values[matmul.outputs[0]]
    other = draft.values[next((n for n in add.inputs if n != product.name), product.name)]
    *leading, last = other.shape or (1,)
    vector = all(d == 1 for d in leading) and last == product.shape[-1] and len(other.shape) <= len(product.shape)
    same_type = other.dtype is product.dtype
    return other.name if other.role is Role.WEIGHT and vector and same_type else None
