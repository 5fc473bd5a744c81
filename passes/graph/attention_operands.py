"""Where the operands of an attention come from, beneath the splitting of heads, the KV cache and repeated heads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mapper.hw.work import Role
from mapper.ir.graph import Op, Value
from passes.graph.draft import Draft, origins
from passes.graph.expression import is_scalar, operands


@dataclass(frozen=True)
class Operand:
    """A value that holds an operand, and the ops of which the attention takes over the effect.

    past: the cache that the value is appended to. present: the cache with the value in it, which leaves the graph.
    repeats: how many heads share each head of the value.
    """

    value: str
    ops: tuple[Op, ...] = ()
    past: str = ""
    present: str = ""
    repeats: int = 1


def trace(draft: Draft, value: str, last: Op, *, scaled: bool) -> Operand:
    """The operand behind `value`, which `last` reads; `scaled` operands may carry the scale of the scores."""
    found = Operand(value)
    while (further := _step(draft, found, last, scaled)) is not None:
        found = further
    return found


def _step(draft: Draft, found: Operand, last: Op, scaled: bool) -> Operand | None:
    """The operand one op further up, if the attention can take that op over."""
    op = draft.maker(found.value)
    if op is None:
        return None
    present = found.present
    if found.value in draft.kept:
        inside = {last.name, *(o.name for o in found.ops)}
        if present or not {r.name for r in draft.readers(found.value)} <= inside:
            return None
        present = found.value
    found = replace(found, ops=(op, *found.ops), present=present)
    if op.kind == "view" or op.attr("op_type") == "Transpose":
        return replace(found, value=op.inputs[0])
    if op.attr("op_type") == "Expand":
        repeats = _repeats(draft, op)
        return replace(found, value=op.inputs[0], repeats=found.repeats * repeats) if repeats else None
    if op.attr("op_type") == "Concat" and len(op.inputs) == 2 and not found.past:
        past = _through_views(draft, op.inputs[0])
        return replace(found, value=op.inputs[1], past=past) if past else None
    if scaled and op.kind == "elementwise" and op.attr("fn") in ("mul", "div") and not present:
        data = [o for o in operands(draft, op) if isinstance(o, str) and not is_scalar(draft, o)]
        scales = len(data) == 1 and (op.attr("fn") == "mul" or data[0] == op.inputs[0])
        return replace(found, value=data[0]) if scales else None
    return None


def _repeats(draft: Draft, op: Op) -> int:
    """How often an expand repeats its input; 0 where that is not a fixed number."""
    before, after = draft.shape(op.inputs[0]), draft.shape(op.outputs[0])
    if len(before) != len(after):
        return 0
    grown = [new for old, new in zip(before, after, strict=True) if old != new]
    return grown[0] if len(grown) == 1 and isinstance(grown[0], int) else 0


def _through_views(draft: Draft, value: str) -> str:
    """The state or input that a value is a view of, or ''."""
    while (op := draft.maker(value)) is not None and op.kind == "view":
        value = op.inputs[0]
    return value if draft.values[value].role in (Role.STATE, Role.INPUT) else ""


def unpack(draft: Draft, found: list[Operand], last: Iterable[Op]) -> list[Operand]:
    """Operands that are the parts of one tensor become that tensor, so that nothing has to be cut up."""
    readers = {op.name for operand in found for op in operand.ops} | {op.name for op in last}
    for packed in filter(None, dict.fromkeys(_packed(draft, operand.value) for operand in found)):
        parts = [o for o in found if _packed(draft, o.value) == packed]
        cuts = {cut.name: cut for o in parts if (cut := draft.maker(o.value))}
        values = {name for cut in cuts.values() for name in cut.outputs}
        if values != {o.value for o in parts} or not all(draft.private(v, readers) for v in values):
            continue
        if not _is_all(draft, packed, values):
            continue
        found = [
            _layout(draft, replace(o, value=packed, ops=(*cuts.values(), *o.ops))) if o in parts else o for o in found
        ]
    return found


def _packed(draft: Draft, value: str) -> str:
    op = draft.maker(value)
    return op.inputs[0] if op is not None and op.attr("op_type") in ("Split", "Slice") else ""


def _is_all(draft: Draft, packed: str, parts: set[str]) -> bool:
    """Whether the parts, cut along one axis, make up the whole."""
    whole = draft.shape(packed)
    shapes = [draft.shape(p) for p in parts]
    cut = [i for i, size in enumerate(whole) if any(s[i] != size for s in shapes)]
    if len(cut) != 1:
        return False
    sizes = [size for s in shapes if isinstance(size := s[cut[0]], int)]
    return len(sizes) == len(shapes) and sum(sizes) == whole[cut[0]]


def _layout(draft: Draft, operand: Operand) -> Operand:
    """The operand above the views and transposes that lead to it."""
    while (op := draft.maker(operand.value)) is not None and (op.kind == "view" or op.attr("op_type") == "Transpose"):
        if operand.value in draft.kept:
            break
        operand = replace(operand, value=op.inputs[0], ops=(op, *operand.ops))
    return operand


def before_rope(draft: Draft, operand: Operand, last: Op) -> Operand:
    """The operand with its rotary embedding moved in front of the transpose that splits the heads.

    The rotation does not care for the order of heads and positions, so the transpose becomes the attention's.
    """
    rope = draft.maker(operand.value)
    if rope is None or rope.attr("fn") != "rope" or len(rope.inputs) != 3:
        return operand
    data, *tables = rope.inputs
    split = draft.maker(data)
    inside = {last.name, *(o.name for o in operand.ops)}
    if split is None or split.attr("perm") != (0, 2, 1, 3) or split.kind != "move" or draft.reader(data) is None:
        return operand
    readers = {r.name for r in draft.readers(operand.value)}
    if not readers <= inside or (operand.value in draft.kept and operand.present):
        return operand
    if not all(len(draft.shape(t)) == 4 and draft.shape(t)[1] == 1 for t in tables):
        return operand
    present = operand.present or (operand.value if operand.value in draft.kept else "")
    turned = [_turned(draft, table, rope) for table in tables]
    old = draft.values[operand.value]
    new = Value(f"{operand.value}.by_position", draft.shape(split.inputs[0]), old.dtype, Role.ACTIVATION)
    moved = replace(
        rope, inputs=(split.inputs[0], *turned), outputs=(draft.add_value(new),), origin=origins((split, rope))
    )
    draft.put(moved)
    draft.prune([split])
    return replace(operand, value=new.name, present=present)


def _turned(draft: Draft, table: str, rope: Op) -> str:
    """The view of a [batch, 1, positions, width] table as [batch, positions, 1, width]; one for all layers."""
    name = f"{table}.by_position"
    if draft.maker(name) is None:
        value = draft.values[table]
        batch, one, positions, width = value.shape
        draft.add_value(replace(value, name=name, shape=(batch, positions, one, width), role=Role.ACTIVATION))
        draft.put(Op(f"{name}.view", "view", (table,), (name,)), draft.place(rope))
    return name
