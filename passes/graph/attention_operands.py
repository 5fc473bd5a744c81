"""Where the operands of an attention come from, beneath the splitting of heads, the KV cache and repeated heads."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.hw.work import Role
from mapper.ir.graph import Op
from passes.graph.draft import Draft
from passes.graph.expression import is_scalar, operands


@dataclass(frozen=True)
class Operand:
    """A value that holds an operand, and the ops of which the attention takes over the effect.

    past: the cache that the value is appended to. present: the cache with the value in it, which leaves the graph.
    repeats: how many heads share each head of the value. factor: what the scores are scaled by in taken-over ops,
    None if that is not known. places: where in a fixed buffer the value is written.
    """

    value: str
    ops: tuple[Op, ...] = ()
    past: str = ""
    present: str = ""
    repeats: int = 1
    factor: float | None = 1.0
    places: tuple[str, ...] = ()


def trace(draft: Draft, value: str, last: Op, *, scaled: bool) -> Operand:
    """The operand behind `value`, which `last` reads; `scaled` operands may carry the scale of the scores."""
    found = Operand(value)
    while (further := _step(draft, found, last, scaled)) is not None:
        found = further
    return found


def _step(draft: Draft, found: Operand, last: Op, scaled: bool) -> Operand | None:
    """The operand one op further up, if the attention can take that op over."""
    op = draft.maker(found.value)
    if op is None or not op.inputs or not op.inputs[0] or len(op.outputs) != 1:
        return None
    present = found.present
    if found.value in draft.kept:
        inside = {last.name, *(o.name for o in found.ops)}
        if present or not {r.name for r in draft.readers(found.value)} <= inside:
            return None
        present = found.value
    found = replace(found, ops=(op, *found.ops), present=present)
    if op.kind == "view" or op.attr("op_type") == "Transpose" or _widens(draft, op):
        return replace(found, value=op.inputs[0])
    repeats = _repeats(draft, op)
    if repeats > 1:
        return replace(found, value=op.inputs[0], repeats=found.repeats * repeats)
    if op.attr("op_type") in ("Concat", "QLinearConcat") and len(op.inputs) == 2 and not found.past:
        past = _cache(draft, op.inputs[0])
        return replace(_leaving(draft, op, found, last), value=op.inputs[1], past=past) if past else None
    if op.kind == "scatter" and not found.past:
        return _written(draft, op, _leaving(draft, op, found, last))
    if scaled and op.kind == "elementwise" and op.attr("fn") in ("mul", "div") and not present:
        return _scaled(draft, op, found)
    return None


def _widens(draft: Draft, op: Op) -> bool:
    """Whether an op only casts between floating-point types."""
    if op.kind != "cast" or op.attr("op_type") not in ("Cast", "CastLike"):
        return False
    return draft.values[op.inputs[0]].dtype.is_float and draft.values[op.outputs[0]].dtype.is_float


def _scaled(draft: Draft, op: Op, found: Operand) -> Operand | None:
    """The operand before it is multiplied or divided by a scalar."""
    given = operands(draft, op)
    data = [o for o in given if isinstance(o, str) and not is_scalar(draft, o)]
    if len(data) != 1 or (op.attr("fn") == "div" and data[0] != op.inputs[0]):
        return None
    scalar = next((o for o in given if isinstance(o, float)), None)
    if scalar is None or found.factor is None or not scalar:
        return replace(found, value=data[0], factor=None)
    return replace(found, value=data[0], factor=found.factor * (1 / scalar if op.attr("fn") == "div" else scalar))


def _repeats(draft: Draft, op: Op) -> int:
    """How often an op repeats the heads of its input; 0 where it does something else."""
    itself = op.attr("op_type") == "Concat" and len(op.inputs) > 1 and len(set(op.inputs)) == 1
    if op.attr("op_type") not in ("Expand", "Tile") and not itself and not _picks_again(draft, op):
        return 0
    before, after = draft.shape(op.inputs[0]), draft.shape(op.outputs[0])
    if len(before) != len(after) or len(before) < 3:
        return 0
    grown = [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    if len(grown) != 1 or (grown[0] == 0 and len(before) > 3):
        return 0
    old, new = before[grown[0]], after[grown[0]]
    if not isinstance(old, int) or not isinstance(new, int) or grown[0] == len(before) - 1:
        return 0
    return new // old if old and new % old == 0 else 0


def _picks_again(draft: Draft, op: Op) -> bool:
    """Whether a gather with constant indices picks more heads than there are."""
    return op.kind == "gather" and len(op.inputs) > 1 and draft.values[op.inputs[1]].role is Role.WEIGHT


def _cache(draft: Draft, value: str) -> str:
    """The state or input that a value is a view, a transpose or a cast of, or ''."""
    while (op := draft.maker(value)) is not None and _only_stores(op):
        value = op.inputs[0]
    return value if draft.values[value].role in (Role.STATE, Role.INPUT) else ""


def _only_stores(op: Op) -> bool:
    """Whether an op changes no more than how a value is stored."""
    return op.kind in ("view", "cast") or op.attr("op_type") == "Transpose"


def _leaving(draft: Draft, grown: Op, found: Operand, last: Op) -> Operand:
    """The operand with the form in which its grown cache leaves the graph, where that differs from the one read."""
    inside = {last.name, *(op.name for op in found.ops)}
    others = [op for op in draft.readers(grown.outputs[0]) if op.name not in inside]
    if found.present or len(others) != 1 or grown.outputs[0] in draft.kept:
        return found
    ops: list[Op] = []
    op: Op | None = others[0]
    while op is not None and _only_stores(op):
        ops.append(op)
        if op.outputs[0] in draft.kept:
            return replace(found, present=op.outputs[0], ops=(*ops, *found.ops))
        op = draft.reader(op.outputs[0])
    return found


def _written(draft: Draft, op: Op, found: Operand) -> Operand | None:
    """The operand that is written into a cache of fixed length, and where."""
    position = {"TensorScatter": 1, "ScatterND": 2, "ScatterElements": 2}.get(str(op.attr("op_type")))
    past = _cache(draft, op.inputs[0])
    if position is None or not past or len(op.inputs) <= position:
        return None
    places = tuple(n for i, n in enumerate(op.inputs) if n and i not in (0, position))
    return replace(found, value=op.inputs[position], past=past, places=places)
