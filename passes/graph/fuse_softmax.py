"""Softmax spelled out in exponentials, sums and divisions becomes one op."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mapper.ir.graph import Attr, Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.draft import Draft, origins
from passes.graph.expression import Array, Cone, cones, reached, rowwise
from passes.graph.rows import Axes, Rows

SIZE = 2.0
"""Numbers whose exponentials are no longer alike and not yet out of range."""


def _softmax(x: Array, axes: Axes) -> Array:
    grown = np.exp(x - x.max(axes, keepdims=True))
    return np.asarray(grown / grown.sum(axes, keepdims=True))


SOFTMAXES: dict[str, Callable[[Array, Axes], Array]] = {
    "Softmax": _softmax,
    "LogSoftmax": lambda x, axes: np.log(_softmax(x, axes)),
}
"""What they compute along an axis, by their ONNX operators."""


@dataclass(frozen=True)
class FuseSoftmax(Pass):
    """Turns softmax and its logarithm, with or without the largest element taken away first, into one op each."""

    name = "fuse-softmax"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft, rows = Draft(plan.graph), Rows(SOFTMAXES, SIZE, affine=False)
        for op in draft.ops():
            if op.kind == "elementwise" and op.attr("fn") == "exp" and draft.has(op) and _is_summed(draft, op):
                _fuse(draft, op, rows)
        return replace(plan, graph=draft.graph())


def _is_summed(draft: Draft, exponential: Op) -> bool:
    """Whether a sum reads the exponentials, as in every softmax."""
    readers = draft.readers(exponential.outputs[0])
    readers += [r for op in readers if op.kind in ("cast", "view") for r in draft.readers(op.outputs[0])]
    return any(op.attr("op_type") == "ReduceSum" for op in readers)


def _fuse(draft: Draft, anchor: Op, rows: Rows) -> None:
    for result in reached(draft, anchor.outputs[0], rowwise):
        for cone in reversed([c for c in cones(draft, result, rowwise) if anchor in c.ops]):
            meaning = rows.meaning(draft, cone)
            if meaning is not None and len(meaning.axes) == 1:
                _replace(draft, cone, anchor, meaning.function, meaning.axes[0])
                return


def _replace(draft: Draft, cone: Cone, anchor: Op, function: str, axis: int) -> None:
    """Puts the softmax in; what the exponential knows of a mask (causal, window) is the softmax's."""
    width = draft.shape(cone.source)[axis]
    mask = tuple((key, value) for key, value in anchor.attrs if key in ("causal", "window"))
    attrs: tuple[tuple[str, Attr], ...] = (("op_type", function), ("axis", axis), ("width", width), *mask)
    draft.put(Op(cone.ops[-1].name, "softmax", (cone.source,), (cone.result,), attrs, origins(cone.ops)))
    draft.prune(cone.ops)
