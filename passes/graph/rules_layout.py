"""Rules that remove or merge ops which only rearrange, rename or repeat; each says whether it rewrote something."""

from __future__ import annotations

from dataclasses import replace

from mapper.hw.work import Role
from mapper.ir.graph import Op
from passes.graph.draft import Draft, origins, with_attrs
from passes.graph.expression import is_scalar, operands
from passes.graph.match import COMMUTATIVE


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
        case "Concat":
            return all(0 in draft.shape(n) for n in op.inputs[1:])
        case "Slice":
            steps = op.attr("steps", (1,))
            return isinstance(steps, tuple) and all(int(s) > 0 for s in steps)
        case "Expand" | "Split" | "Tile" | "Pad" | "Cast" | "CastLike":
            return True
    return op.kind == "view"  # an identity transpose is one by now


def neutral(draft: Draft, op: Op) -> bool:
    """An elementwise op with its neutral element (x + 0, x * 1, x and true) is bypassed."""
    if op.attr("quantised"):  # its result is scaled anew
        return False
    given = operands(draft, op)
    wanted = NEUTRAL.get(str(op.attr("fn")))
    if wanted is None or len(given) != 2 or wanted not in (given if op.attr("fn") in COMMUTATIVE else given[1:]):
        return False
    data = op.inputs[0] if given[1] == wanted else op.inputs[1]
    before, after = draft.values[data], draft.values[op.outputs[0]]
    if before.shape != after.shape or before.dtype is not after.dtype:
        return False
    return bypass(draft, replace(op, inputs=(data,)))


NEUTRAL = {"add": 0.0, "sub": 0.0, "mul": 1.0, "div": 1.0, "and": 1.0, "or": 0.0}
"""The second operand with which a function returns its first."""


def bypass(draft: Draft, op: Op) -> bool:
    """Readers of the op's output read its input instead; a value that leaves the graph keeps its name."""
    before, after = op.inputs[0], op.outputs[0]
    maker = draft.maker(before)
    if after in draft.kept:
        if maker is None or before in draft.kept:
            return False
        draft.drop(draft.named(op.name))
        outputs = tuple(after if o == before else o for o in maker.outputs)
        draft.put(replace(maker, outputs=outputs, origin=origins((maker, op))))
        draft.redirect(before, after)
        return True
    readers = draft.readers(after)
    draft.drop(draft.named(op.name))
    draft.redirect(after, before)
    for other in [maker] if maker is not None else readers:
        now = draft.maker(other.outputs[0])
        if now is not None:
            draft.put(replace(now, origin=origins((now, op))))
    return True


def merge_views(draft: Draft, op: Op) -> bool:
    """A view of a view is a view of the first one's input."""
    before = draft.maker(op.inputs[0])
    if before is None or before.kind != "view" or op.inputs[0] in draft.kept:
        return False
    draft.put(replace(op, inputs=before.inputs[:1], origin=origins((before, op))))
    draft.prune([before])
    return True


def merge_transposes(draft: Draft, op: Op) -> bool:
    """Two transposes in a row are one; where they cancel, none."""
    before = draft.maker(op.inputs[0])
    first, second = before and before.attr("perm"), op.attr("perm")
    if before is None or before.kind != "move" or draft.reader(op.inputs[0]) is None:
        return False
    if not isinstance(first, tuple) or not isinstance(second, tuple):
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
    if op.kind == "move" and any(reader.kind == "matmul" for reader in draft.readers(name)):
        return False  # the matmul reads the weight under its own name
    readers = draft.readers(name)
    draft.drop(op)
    draft.add_value(replace(draft.values[name], role=Role.WEIGHT))
    for reader in readers:
        draft.put(replace(reader, origin=origins((op, reader))))
    return True
