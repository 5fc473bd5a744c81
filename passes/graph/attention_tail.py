"""Putting an attention in the place of the ops that it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mapper.ir.graph import Attr, Op
from passes.graph.attention_operands import Operand
from passes.graph.draft import Draft, origins

Operands = tuple[Operand, Operand, Operand]
"""Queries, keys and values."""


def merged(draft: Draft, context: Op) -> tuple[Op, ...]:
    """The views and transposes after the context that put its heads side by side again."""
    ops: list[Op] = []
    op = draft.reader(context.outputs[0])
    while op is not None and (op.kind == "view" or op.attr("op_type") == "Transpose"):
        ops.append(op)
        op = draft.reader(op.outputs[0])
    return tuple(ops)


def finish(
    draft: Draft,
    context: Op,
    operands: Operands,
    core: Sequence[Op],
    masks: Iterable[str],
    attrs: Mapping[str, Attr],
) -> None:
    """Puts in an attention for the core (which ends in `context`), the ops above its operands and those after it."""
    query, key, value = operands
    tail = merged(draft, context)
    every = (*query.ops, *key.ops, *value.ops, *core, *tail)
    ops = sorted({op.name: op for op in every}.values(), key=draft.place)
    result = tail[-1].outputs[0] if tail else context.outputs[0]
    further = dict.fromkeys((*masks, *key.places, *value.places))
    inputs = (query.value, key.value, value.value, key.past, value.past, *filter(None, further))
    place = max(draft.place(op) for op in (*core, *tail))
    result = _unfolded(draft, result, attrs, place)
    outputs = (result, key.present, value.present)
    for op in _made_elsewhere(draft, ops, outputs):
        draft.drop(op)
    fused = Op(context.name, "attention", _trimmed(inputs), _trimmed(outputs), tuple(attrs.items()), origins(ops))
    draft.put(fused, place)
    draft.prune(ops)


def _unfolded(draft: Draft, result: str, attrs: Mapping[str, Attr], place: int) -> str:
    """The context as [batch, q, width] where the graph goes on with [batch q, width], of which it becomes a view."""
    old, (batch, q, heads, v_dim) = draft.values[result], (attrs[n] for n in ("batch", "q", "heads", "v_dim"))
    if len(old.shape) != 2 or result in draft.kept or not (isinstance(heads, int) and isinstance(v_dim, int)):
        return result
    if not isinstance(batch, (int, str)) or not isinstance(q, (int, str)) or old.shape[-1] != heads * v_dim:
        return result
    maker = draft.maker(result)
    assert maker is not None
    new = replace(old, name=f"{result}.unfolded", shape=(batch, q, heads * v_dim))
    draft.put(replace(maker, outputs=(f"{result}.replaced",)))
    draft.put(Op(f"{maker.name}.view", "view", (new.name,), (result,), origin=maker.origin), place)
    return draft.add_value(new)


def _made_elsewhere(draft: Draft, ops: Sequence[Op], outputs: tuple[str, ...]) -> list[Op]:
    """The ops that make what the attention is going to make."""
    return [op for op in ops if draft.has(op) and set(op.outputs) & set(filter(None, outputs))]


def _trimmed(names: tuple[str, ...]) -> tuple[str, ...]:
    while names and not names[-1]:
        names = names[:-1]
    return names
