"""Layer and RMS normalisation spelled out in arithmetic become one op."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mapper.ir.graph import Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.draft import Draft, origins
from passes.graph.expression import Array, Cone, computable, cones, downstream, operands, recognise

ANCHORS = ("sqrt", "rsqrt", "pow")
"""Every known spelling takes a root."""

POINTS: Array = np.array([[310.0, -120.0, 40.0, 95.0], [-25.0, 260.0, 170.0, -330.0], [75.0, 180.0, -210.0, 15.0]])
"""Rows so large that the epsilon under the root does not show."""

NORMS: dict[str, Callable[[Array], Array]] = {
    "layer": lambda x: (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True),
    "rms": lambda x: x / np.sqrt((x * x).mean(-1, keepdims=True)),
}
"""What a normalisation computes of each row, before scale and bias."""


@dataclass(frozen=True)
class FuseNorm(Pass):
    """Turns layer norms and RMS norms, with their casts, scale and bias, into one `norm` op each."""

    name = "fuse-norm"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft = Draft(plan.graph)
        for op in draft.ops():
            if op.kind == "elementwise" and op.attr("fn") in ANCHORS and draft.has(op):
                _fuse(draft, op)
        return replace(plan, graph=draft.graph())


def _fuse(draft: Draft, anchor: Op) -> None:
    for result in reversed(downstream(draft, anchor.outputs[0], computable)):
        found = [(cone, name) for cone in cones(draft, result) if (name := _meaning(draft, cone, anchor))]
        if found:
            _replace(draft, *found[-1])
            return


def _meaning(draft: Draft, cone: Cone, anchor: Op) -> str | None:
    """Which norm the cone is, if it is one over rows of a width that is known."""
    reduces = [op for op in cone.ops if op.kind == "reduce"]
    last_axis_only = all(draft.shape(op.outputs[0]) == (*draft.shape(op.inputs[0])[:-1], 1) for op in reduces)
    known = draft.shape(cone.source) and isinstance(draft.shape(cone.source)[-1], int)
    if anchor not in cone.ops or not reduces or not last_axis_only or not known:
        return None
    return recognise(cone, POINTS, NORMS)


def _replace(draft: Draft, cone: Cone, function: str) -> None:
    width = draft.shape(cone.source)[-1]
    assert isinstance(width, int)
    result = cone.result
    tail: list[Op] = []
    vectors: list[str] = []
    for fn in ("mul", "add"):
        step = _affine(draft, result, fn, width)
        if step is not None:
            result, more, vector = step
            tail += more
            vectors.append(vector)
        elif fn == "mul":
            break
    ops = (*cone.ops, *tail)
    attrs = (("width", width), ("fn", function))
    draft.put(Op(ops[-1].name, "norm", (cone.source, *vectors), (result,), attrs, origins(ops)))
    draft.prune(ops)


def _affine(draft: Draft, value: str, fn: str, width: int) -> tuple[str, list[Op], str] | None:
    """The value after scaling by (or adding) a vector of `width`, the ops that do it, and the vector."""
    skipped = []
    op = draft.reader(value)
    while op is not None and op.kind == "cast":
        skipped.append(op)
        value = op.outputs[0]
        op = draft.reader(value)
    if op is None or op.kind != "elementwise" or op.attr("fn") != fn:
        return None
    vector = next((o for o in operands(draft, op) if isinstance(o, str) and draft.shape(o) == (width,)), None)
    return None if vector is None else (op.outputs[0], [*skipped, op], vector)
