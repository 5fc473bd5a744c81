"""Rules for ops that cut a tensor into parts: what a kernel does while it writes its result."""

from __future__ import annotations

from mapper.ir.graph import Op
from passes.graph.draft import Draft, origins


def slices_as_split(draft: Draft, op: Op) -> bool:
    """Slices that cut a tensor into all its consecutive parts are one split, which rides on the op that makes it."""
    cut = _range(draft, op)
    if cut is None or cut[1] != 0:
        return False
    axis, _, end = cut
    ops, whole = [op], draft.shape(op.inputs[0])[axis]
    further = {found[1]: (found[2], other) for other in draft.each_reader(op.inputs[0])
               if other is not op and (found := _range(draft, other)) is not None and found[0] == axis}  # fmt: skip
    while end != whole and end in further:
        end, following = further.pop(end)
        ops.append(following)
    if end != whole or len(ops) == 1:
        return False
    ordered = sorted(ops, key=draft.place)
    place, outputs = draft.place(ordered[0]), tuple(o.outputs[0] for o in ops)
    for other in ops:
        draft.drop(other)
    attrs = (("op_type", "Split"), ("axis", axis))
    draft.put(Op(ordered[0].name, "move", op.inputs[:1], outputs, attrs, origins(ordered)), place)
    return True


def _range(draft: Draft, op: Op) -> tuple[int, int, int] | None:
    """The axis that a slice cuts and from where to where, if it takes consecutive elements of one axis."""
    if op.attr("op_type") != "Slice" or len(op.inputs) != 1 or len(op.outputs) != 1:
        return None
    starts, ends, axes, steps = (op.attr(n) for n in ("starts", "ends", "axes", "steps"))
    before = draft.shape(op.inputs[0])
    if not isinstance(starts, tuple) or not isinstance(ends, tuple) or len(starts) != 1 or len(ends) != 1:
        return None
    axis = int(axes[0]) % len(before) if isinstance(axes, tuple) else 0
    size = before[axis]
    if not isinstance(size, int) or (isinstance(steps, tuple) and steps != (1,)):
        return None
    start, end = (min(max(int(x) + size if int(x) < 0 else int(x), 0), size) for x in (starts[0], ends[0]))
    after = draft.shape(op.outputs[0])
    if after != (*before[:axis], end - start, *before[axis + 1 :]) or end <= start:
        return None
    return axis, start, end
