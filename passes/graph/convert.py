"""Rules by which kernels take over the changes of number type around them; each works on one conversion."""

from __future__ import annotations

from dataclasses import replace

from mapper.hw.work import Role
from mapper.ir.graph import Op
from passes.graph.conversions import COMPUTING, LOOKING_UP, moved_operands, moves, widens
from passes.graph.draft import Draft, origins


def read_narrow(draft: Draft, op: Op) -> None:
    """Kernels that read a widened value read the narrow one; ops that only move it move it narrow."""
    waiting = [op]
    while waiting:
        cast = waiting.pop()
        before, after = cast.inputs[0], cast.outputs[0]
        for reader in draft.readers(after):
            if reader.kind in COMPUTING and after in reader.inputs:
                inputs = tuple(before if n == after else n for n in reader.inputs)
                draft.put(replace(reader, inputs=inputs, origin=origins((cast, reader))))
            elif moves(reader) and after in moved_operands(reader) and (made := _moved_narrow(draft, reader)):
                waiting += made
        draft.prune([cast])


def _moved_narrow(draft: Draft, op: Op) -> list[Op]:
    """Lets an op move narrow values if all that it moves are widened alike, and widens its results; the new casts."""
    makers = [draft.maker(n) for n in moved_operands(op)]
    casts = [m for m in makers if m is not None and m.kind == "cast" and widens(draft, m)]
    narrow = {draft.values[c.inputs[0]].dtype for c in casts}
    if len(casts) < len(makers) or len(narrow) > 1 or any(n in draft.kept for n in op.outputs):
        return []
    (dtype,) = narrow
    inputs = tuple(casts[i].inputs[0] if i < len(casts) else n for i, n in enumerate(op.inputs))
    place = draft.place(op)
    fresh = {n: f"{n}.narrow" for n in op.outputs if n}
    draft.drop(op)
    for old, new in fresh.items():
        draft.add_value(replace(draft.values[old], name=new, dtype=dtype, role=Role.ACTIVATION))
    outputs = tuple(fresh.get(n, "") for n in op.outputs)
    draft.put(replace(op, inputs=inputs, outputs=outputs, origin=origins((*casts, op))), place)
    made = []
    for old, new in fresh.items():
        cast = replace(
            casts[0], name=f"{old}.widened", inputs=(new, *casts[0].inputs[1:]), outputs=(old,), origin=origins(casts)
        )
        draft.put(cast, place)
        made.append(cast)
    draft.prune(casts)
    return made


def write_narrow(draft: Draft, op: Op) -> None:
    """The kernel that makes a value writes it narrow, also through ops that only move it."""
    before = draft.maker(op.inputs[0])
    if before is not None and widens(draft, before):
        _rescale(draft, before, op)
        return
    chain = _makers(draft, op.inputs[0])
    if chain:
        draft.drop(op)
        _retype(draft, chain, op.inputs[0], op)


def _makers(draft: Draft, value: str) -> list[Op]:
    """The kernel that makes a value, then the movers up to it; none if somebody else reads what is between."""
    chain: list[Op] = []
    while draft.reader(value) is not None and (maker := draft.maker(value)) is not None:
        chain.insert(0, maker)
        if maker.kind in COMPUTING or maker.kind in LOOKING_UP:
            return chain
        if not moves(maker) or len(moved_operands(maker)) > 1 or len(maker.outputs) > 1:
            return []
        value = maker.inputs[0]
    return []


def _retype(draft: Draft, chain: list[Op], value: str, cast: Op) -> None:
    """Lets the ops of a chain, the last of which makes `value`, leave what the cast made of it."""
    for mover in chain[1:]:
        draft.add_value(replace(draft.values[mover.inputs[0]], dtype=draft.values[cast.outputs[0]].dtype))
    last = chain[-1]
    outputs = tuple(cast.outputs[0] if n == value else n for n in last.outputs)
    draft.put(replace(last, outputs=outputs, origin=origins((last, cast))))


def _rescale(draft: Draft, widen: Op, narrow: Op) -> None:
    """Narrow values that are widened and narrowed again have another scale: whoever made them writes them so."""
    start, end = widen.inputs[0], narrow.outputs[0]
    maker = draft.maker(start)
    alone = draft.reader(widen.outputs[0]) is not None and draft.reader(start) is not None
    same = draft.values[start].dtype is draft.values[end].dtype
    if maker is not None and alone and (maker.kind in COMPUTING or (same and moves(maker))):
        draft.drop(narrow)
        draft.drop(widen)
        outputs = tuple(end if n == start else n for n in maker.outputs)
        draft.put(replace(maker, outputs=outputs, origin=origins((maker, widen, narrow))))
        return
    draft.put(replace(narrow, inputs=(start, *narrow.inputs[1:]), origin=origins((widen, narrow))))
    draft.prune([widen])


def write_wide(draft: Draft, op: Op) -> None:
    """A kernel whose narrow result is only moved and widened writes it wide."""
    chain = _makers(draft, op.inputs[0])
    if chain:
        draft.drop(op)
        _retype(draft, chain, op.inputs[0], op)
