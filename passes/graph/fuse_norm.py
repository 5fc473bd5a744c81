"""Layer and RMS normalisation spelled out in arithmetic become one op."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from mapper.ir.graph import Attr, Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.draft import Draft, origins
from passes.graph.expression import Array, Cone, cones, is_weight, reached, rowwise
from passes.graph.group_affine import fuse_group_norm
from passes.graph.rows import Axes, Meaning, Rows
from passes.graph.skip_norm import take_apart

ANCHORS = ("sqrt", "rsqrt", "pow")
"""Known spellings take a root, or a reduction does it for them."""

STEPS = 8
"""Ops between the last reduction and the root at most."""

SIZE = 300.0
"""Numbers so large that the epsilon under the root does not show."""

NORMS: dict[str, Callable[[Array, Axes], Array]] = {
    "layer": lambda x, axes: (x - x.mean(axes, keepdims=True)) / x.std(axes, keepdims=True),
    "rms": lambda x, axes: x / np.sqrt((x * x).mean(axes, keepdims=True)),
}
"""What a normalisation computes along some axes, before scale and bias."""


@dataclass(frozen=True)
class FuseNorm(Pass):
    """Turns layer norms and RMS norms, with their casts, scale and bias, into one `norm` op each.

    A spelling is recognised by what it computes, so scale and bias may enter it anywhere. Inputs: the data, what
    scales, what shifts. `axes` are named where they are not the last ones. A group norm in pieces (an instance norm
    between views, then scale and shift of channels) is one too.
    """

    name = "fuse-norm"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft, rows = Draft(plan.graph), Rows(NORMS, SIZE, affine=True)
        for op in draft.ops():
            take_apart(draft, op)
        for op in draft.ops():
            if _is_anchor(op) and draft.has(op) and _follows_reduction(draft, op):
                _fuse(draft, op, rows)
            elif op.attr("op_type") == "InstanceNormalization" and draft.has(op):
                fuse_group_norm(draft, op)
        return replace(plan, graph=draft.graph())


def _is_anchor(op: Op) -> bool:
    return (op.kind == "elementwise" and op.attr("fn") in ANCHORS) or op.attr("op_type") == "ReduceL2"


def _follows_reduction(draft: Draft, anchor: Op) -> bool:
    """Whether a mean or a sum is among the few ops before the root, as in every norm."""
    op: Op | None = anchor
    for _ in range(STEPS):
        if op is None or not rowwise(draft, op):
            return False
        if op.kind == "reduce":
            return True
        data = [n for n in op.inputs if n and not is_weight(draft, n)]
        op = draft.maker(data[0]) if data else None
    return False


def _fuse(draft: Draft, anchor: Op, rows: Rows) -> None:
    for result in reached(draft, anchor.outputs[0], rowwise):
        maker = draft.maker(result)
        if maker is None or maker.kind == "view":
            continue
        for cone in reversed([c for c in cones(draft, result, rowwise) if anchor in c.ops]):
            meaning = rows.meaning(draft, cone)
            if meaning is not None and (width := _width(draft, cone, meaning.axes)) is not None:
                _replace(draft, cone, meaning, width)
                return


def _width(draft: Draft, cone: Cone, axes: Axes) -> int | None:
    """Elements of a row; None where that is no fixed number, or one."""
    sizes = [draft.shape(cone.source)[a] for a in axes]
    known = [s for s in sizes if isinstance(s, int)]
    return prod(known) if len(known) == len(sizes) and prod(known) > 1 else None


def _replace(draft: Draft, cone: Cone, meaning: Meaning, width: int) -> None:
    ops = cone.ops
    rank = len(draft.shape(cone.source))
    named = [cone.parameters[i] for i in (*meaning.scales, *meaning.shifts)]
    vectors = [n for n in named if is_weight(draft, n) and any(d != 1 for d in draft.shape(n))]
    attrs: list[tuple[str, Attr]] = [("width", width), ("fn", meaning.function)]
    if meaning.axes != tuple(range(rank - len(meaning.axes), rank)):
        attrs.append(("axes", meaning.axes))
    result = (cone.result,)
    draft.put(Op(ops[-1].name, "norm", (cone.source, *vectors), result, tuple(attrs), origins(ops)))
    draft.prune(ops)
