"""A group norm as PyTorch exports it, an instance norm between views with scale and shift after it, becomes one op."""

from __future__ import annotations

from mapper.ir.graph import Attr, Op
from passes.graph.draft import Draft, origins
from passes.graph.expression import is_weight


def fuse_group_norm(draft: Draft, norm: Op) -> None:
    """view, instance norm of groups, view back, times and plus a constant of each channel: one norm with groups.

    The instance norm's own scale and shift, ones and zeros as exporters write them, go into those of the channels;
    `folded` says so.
    """
    before, back = draft.maker(norm.inputs[0]), draft.reader(norm.outputs[0])
    if before is None or back is None or before.kind != "view" or back.kind != "view":
        return
    source, value = before.inputs[0], back.outputs[0]
    whole, grouped = draft.shape(source), draft.shape(norm.inputs[0])
    if draft.shape(value) != whole or len(whole) < 3 or len(grouped) < 3 or whole[0] != grouped[0]:
        return
    if not all(is_weight(draft, n) for n in norm.inputs[1:] if n):
        return
    scale = _channels(draft, value, "mul")
    shift = None if scale is None else _channels(draft, scale[0].outputs[0], "add")
    groups = grouped[1]
    if scale is None or shift is None or not isinstance(groups, int):
        return  # without both, one of the instance norm's own would be lost
    steps, last = (scale, shift), shift[0]
    attrs: dict[str, Attr] = {"op_type": "GroupNormalization", "groups": groups, "folded": 1}
    attrs |= {key: kept for key, kept in norm.attrs if key in ("width", "epsilon")}
    ops = (before, norm, back, *(op for op, _ in steps))
    inputs = (source, *(name for _, name in steps))
    draft.drop(norm)
    draft.put(Op(last.name, "norm", inputs, last.outputs, tuple(attrs.items()), origins(ops)))
    draft.prune([back, before, *(op for op, _ in steps)])


def _channels(draft: Draft, value: str, fn: str) -> tuple[Op, str] | None:
    """The only reader of a value, if it is this function of it and a constant of each channel, and the constant."""
    step = draft.reader(value)
    if step is None or step.kind != "elementwise" or step.attr("fn") != fn or len(step.inputs) != 2:
        return None
    others = [n for n in step.inputs if n != value]
    whole = draft.shape(value)
    if len(others) != 1 or not is_weight(draft, others[0]) or draft.shape(step.outputs[0]) != whole:
        return None
    shape = draft.shape(others[0])
    offset = len(whole) - len(shape)
    fits = offset >= 0 and all(d == 1 or (i + offset == 1 and d == whole[1]) for i, d in enumerate(shape))
    return (step, others[0]) if fits else None
