"""Ops that only rearrange or rename go where they change nothing, and merge where they follow one another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mapper.hw.work import Role
from mapper.ir.graph import Op, Value
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.graph.draft import Draft, origins, with_attrs
from passes.graph.expression import is_scalar

Rule = Callable[[Draft, Op], bool]
"""Rewrites around one op and says whether it did."""


@dataclass(frozen=True)
class Simplify(Pass):
    """Removes views, moves and casts that change nothing, merges chains of them, and drops dead ops."""

    name = "simplify"
    requires = ("graph",)
    provides = ("graph",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        draft = Draft(plan.graph)
        changed = True
        while changed:
            changed = False
            for op in draft.ops():
                for rule in RULES.get(op.kind, ()):
                    if draft.has(op) and rule(draft, op):
                        changed = True
                        break
        return replace(plan, graph=draft.graph())


def transpose_of_ones(draft: Draft, op: Op) -> bool:
    """A transpose that moves only dims of size 1 is a view."""
    perm, shape = op.attr("perm"), draft.shape(op.inputs[0])
    if not isinstance(perm, tuple):
        return False
    moving = [int(p) for p in perm if shape[int(p)] != 1]
    if moving != sorted(moving):
        return False
    draft.put(replace(op, kind="view"))
    return True


def no_op(draft: Draft, op: Op) -> bool:
    """An op that returns what it was given is bypassed."""
    if len(op.outputs) != 1 or not _returns_its_input(draft, op):
        return False
    return bypass(draft, op)


def _returns_its_input(draft: Draft, op: Op) -> bool:
    before, after = draft.values[op.inputs[0]], draft.values[op.outputs[0]]
    if before.shape != after.shape or before.dtype is not after.dtype:
        return False
    match op.attr("op_type"):
        case "Transpose":
            return False  # of equal dims; the identity is already a view
        case "Concat":
            return len(op.inputs) == 1
        case "Slice":
            steps = op.attr("steps", (1,))
            return isinstance(steps, tuple) and all(int(s) > 0 for s in steps)
        case "Expand" | "Split" | "Tile" | "Pad" | "Cast" | "CastLike":
            return True
    return op.kind == "view"


def bypass(draft: Draft, op: Op) -> bool:
    """Readers of the op's output read its input instead; a value that leaves the graph keeps its name."""
    before, after = op.inputs[0], op.outputs[0]
    maker = draft.maker(before)
    if after in draft.kept:
        if maker is None or before in draft.kept:
            return False
        draft.drop(op)
        outputs = tuple(after if o == before else o for o in maker.outputs)
        draft.put(replace(maker, outputs=outputs, origin=origins((maker, op))))
        draft.redirect(before, after)
        return True
    readers = draft.readers(after)
    draft.drop(op)
    draft.redirect(after, before)
    for other in [maker] if maker is not None else readers:
        now = draft.maker(other.outputs[0])
        if now is not None:
            draft.put(replace(now, origin=origins((now, op))))
    return True


def merge_views(draft: Draft, op: Op) -> bool:
    """A view of a view is a view of the first one's input."""
    before = draft.maker(op.inputs[0])
    if before is None or before.kind != "view":
        return False
    draft.put(replace(op, inputs=before.inputs[:1], origin=origins((before, op))))
    draft.prune([before])
    return True


def merge_transposes(draft: Draft, op: Op) -> bool:
    """Two transposes in a row are one; where they cancel, none."""
    before = draft.maker(op.inputs[0])
    first, second = before and before.attr("perm"), op.attr("perm")
    if before is None or not isinstance(first, tuple) or not isinstance(second, tuple) or before.kind != "move":
        return False
    perm = tuple(int(first[int(p)]) for p in second)
    merged = replace(op, inputs=before.inputs, attrs=with_attrs(op, perm=perm), origin=origins((before, op)))
    draft.put(merged)
    draft.prune([before])
    return True


def cast_there_and_back(draft: Draft, op: Op) -> bool:
    """A cast to a wider float and back is none."""
    before = draft.maker(op.inputs[0])
    if before is None or not {before.attr("op_type"), op.attr("op_type")} <= {"Cast", "CastLike"}:
        return False
    start, middle, end = (draft.values[n].dtype for n in (before.inputs[0], op.inputs[0], op.outputs[0]))
    if start is not end or not (start.is_float and middle.is_float and middle.bits >= 2 * start.bits):
        return False
    draft.put(replace(op, inputs=before.inputs[:1], origin=origins((before, op))))
    draft.prune([before])
    return True


def constant_layout(draft: Draft, op: Op) -> bool:
    """A view or a transpose of a weight that nobody else reads is another weight."""
    weight, name = draft.values[op.inputs[0]], op.outputs[0]
    rearranges = op.kind == "view" or op.attr("op_type") == "Transpose"
    if weight.role is not Role.WEIGHT or not rearranges or name in draft.kept:
        return False
    if len(draft.readers(weight.name)) > 1 and not is_scalar(draft, weight.name):
        return False
    readers = draft.readers(name)
    draft.drop(op)
    draft.add_value(replace(draft.values[name], role=Role.WEIGHT))
    for reader in readers:
        draft.put(replace(reader, origin=origins((op, reader))))
    return True


def transposed_operand(draft: Draft, op: Op) -> bool:
    """A matmul reads a matrix that was transposed for it as it was before."""
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


RULES: dict[str, tuple[Rule, ...]] = {
    "view": (constant_layout, no_op, merge_views),
    "cast": (no_op, cast_there_and_back),
    "move": (constant_layout, transpose_of_ones, no_op, merge_transposes),
    "matmul": (transposed_operand, flattened_operand),
}
"""What is tried on an op of each kind, in order."""
