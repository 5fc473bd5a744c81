"""Rules that let a matmul take over the layout changes around it."""

from __future__ import annotations

from dataclasses import replace

from mapper.hw.work import Role
from mapper.ir.graph import Op, Value
from passes.graph.draft import Draft, origins, with_attrs


def transposed_operand(draft: Draft, op: Op) -> bool:
    """A matmul reads a matrix that was transposed for it as it was before."""
    if op.attr("k"):  # its operands' dims have an order of their own
        return False
    for side, flag in enumerate(("trans_a", "trans_b")):
        before = draft.maker(op.inputs[side])
        if before is not None and before.kind == "move" and _swaps_last_two(before):
            inputs = tuple(before.inputs[0] if i == side else n for i, n in enumerate(op.inputs))
            attrs = with_attrs(op, **{flag: 0 if op.attr(flag, 0) else 1})
            draft.put(replace(op, inputs=inputs, attrs=attrs, origin=origins((before, op))))
            draft.prune([before])
            return True
    return False


def _swaps_last_two(op: Op) -> bool:
    perm = op.attr("perm")
    if not isinstance(perm, tuple) or len(perm) < 2:
        return False
    rank = len(perm)
    return perm == (*range(rank - 2), rank - 1, rank - 2)


def flattened_operand(draft: Draft, op: Op) -> bool:
    """A matmul between two views that fold and unfold the leading dims works on the unfolded tensor."""
    if op.attr("k"):
        return False
    fold, right = draft.maker(op.inputs[0]), draft.shape(op.inputs[1])
    readers = draft.readers(op.outputs[0])
    if fold is None or fold.kind != "view" or len(right) != 2 or op.attr("trans_a", 0) or op.outputs[0] in draft.kept:
        return False
    whole, folded = draft.shape(fold.inputs[0]), draft.shape(fold.outputs[0])
    if len(whole) < 2 or whole[-1] != folded[-1] or not readers or any(r.kind != "view" for r in readers):
        return False
    product = draft.values[op.outputs[0]]
    shape = (*whole[:-1], product.shape[-1])
    name = next((r.outputs[0] for r in readers if draft.shape(r.outputs[0]) == shape), f"{product.name}.unfolded")
    natural = draft.maker(name)
    if natural is not None:
        draft.drop(natural)
    draft.add_value(Value(name, shape, product.dtype, draft.values[name].role if natural else Role.ACTIVATION))
    draft.redirect(product.name, name)
    inputs = (fold.inputs[0], *op.inputs[1:])
    merged = origins((fold, op, natural)) if natural else origins((fold, op))
    draft.put(replace(op, inputs=inputs, outputs=(name,), origin=merged))
    draft.prune([fold])
    return True
