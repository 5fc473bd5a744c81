"""Constants that scale or shift the result of a product become part of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.hw.work import Role
from mapper.ir.graph import Op
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.draft import Draft, origins, with_attrs
from passes.graph.expression import is_scalar, is_weight

BIASED = ("BiasGelu", "FastGelu")
"""Activations that add a bias first."""


@dataclass(frozen=True)
class FuseBias(Pass):
    """Turns a matmul or conv and what constants do to its columns afterwards into one op.

    An added vector is its bias. A scale, and a batch normalisation, change weights that nobody else reads; so does a
    batch normalisation with the scale and shift that follow it. Where the stored numbers differ from the file's,
    attribute `folded` says so.
    """

    name = "fuse-bias"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft = Draft(plan.graph)
        for op in draft.ops():
            if draft.has(op) and (op.kind in ("matmul", "conv") or op.attr("op_type") == "BatchNormalization"):
                _fuse(draft, op)
        return replace(plan, graph=draft.graph())


def _fuse(draft: Draft, op: Op) -> None:
    while (step := draft.reader(op.outputs[0])) is not None:
        merged = _merged(draft, op, step)
        if merged is None:
            break
        draft.drop(step)
        draft.put(merged)
        op = merged
    if step is not None and step.attr("op_type") in BIASED and _takes_bias(op):
        _split_bias(draft, op, step)


def _merged(draft: Draft, op: Op, step: Op) -> Op | None:
    """The op with the step after it in it, or None if the step does something else."""
    after, merged = step.outputs, origins((op, step))
    if step.attr("op_type") == "BatchNormalization" and op.kind in ("matmul", "conv"):
        constant = all(is_weight(draft, n) for n in step.inputs[1:]) and len(step.inputs) == 5
        axis = _axis(draft, op) == 1
        if constant and axis and _changes_weights(draft, op):
            inputs = _with_bias(op, step.inputs[2])
            return replace(op, inputs=inputs, outputs=after, attrs=with_attrs(op, folded=1), origin=merged)
        return None
    other = _constant(draft, op, step)
    if other is None:
        return None
    if step.attr("fn") == "add" and _takes_bias(op):
        return replace(op, inputs=_with_bias(op, other), outputs=after, origin=merged)
    if op.kind == "norm" or _changes_weights(draft, op):
        return replace(op, outputs=after, attrs=with_attrs(op, folded=1), origin=merged)
    return None


def _constant(draft: Draft, op: Op, step: Op) -> str | None:
    """The constant, one number or one for each column, that a step adds to or multiplies with the op's result."""
    if step.kind != "elementwise" or step.attr("fn") not in ("add", "sub", "mul", "div") or len(step.inputs) != 2:
        return None
    product = op.outputs[0]
    if step.inputs.count(product) != 1 or (step.attr("fn") in ("sub", "div") and step.inputs[0] != product):
        return None
    other = next(n for n in step.inputs if n != product)
    shape, whole = draft.shape(other), draft.shape(product)
    offset = len(whole) - len(shape)
    if not is_weight(draft, other) or offset < 0 or draft.shape(step.outputs[0]) != whole:
        return None
    columns = all(d == 1 or i + offset == _axis(draft, op) for i, d in enumerate(shape))
    fits = columns and (step.attr("fn") != "add" or not is_scalar(draft, other) or op.kind != "matmul")
    return other if fits else None


def _axis(draft: Draft, op: Op) -> int:
    """The axis of the result that holds the columns of the weight."""
    rank = len(draft.shape(op.outputs[0]))
    return rank - 1 if op.kind == "matmul" else min(1, rank - 1)


def _takes_bias(op: Op) -> bool:
    return op.kind in ("matmul", "conv") and (len(op.inputs) == 2 or op.inputs[2] == "")


def _with_bias(op: Op, bias: str) -> tuple[str, ...]:
    return (*op.inputs[:2], bias, *op.inputs[3:])


def _changes_weights(draft: Draft, op: Op) -> bool:
    """Whether the op's weight and bias are its own, so that they can be stored scaled."""
    own = [n for n in op.inputs[1:3] if n]
    alone = all(draft.values[n].role is Role.WEIGHT and len(draft.readers(n)) == 1 for n in own)
    return op.kind in ("matmul", "conv") and alone and not op.attr("experts")


def _split_bias(draft: Draft, op: Op, step: Op) -> None:
    """The bias of an activation that adds one goes to the product before it."""
    if len(step.inputs) != 2 or step.inputs[0] != op.outputs[0] or not is_weight(draft, step.inputs[1]):
        return
    draft.put(replace(op, inputs=_with_bias(op, step.inputs[1])))
    draft.put(replace(step, inputs=step.inputs[:1], attrs=with_attrs(step, scalar=None)))
