"""Of equal ops the first does for all."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from mapper.ir.graph import Op
from passes.graph.draft import Draft, origins

KINDS = frozenset({"view", "cast", "move", "elementwise"})
"""Kinds of ops that are merged; what is left out has a cost of its own that two readers may want twice."""


def merge_equal(draft: Draft) -> bool:
    """Readers of an op read the first op equal to it, which takes over its origin; says whether there was one.

    One walk over all ops, however many are equal or read one value. An op whose result leaves the graph stays.
    """
    first: dict[Hashable, str] = {}
    equals: dict[str, list[Op]] = {}
    instead: dict[str, str] = {}
    for op in draft.ops():
        if not instead.keys().isdisjoint(op.inputs):
            op = replace(op, inputs=tuple(instead.get(name, name) for name in op.inputs))
            draft.put(op)
        if op.kind not in KINDS or len(op.outputs) != 1 or not op.outputs[0] or not any(op.inputs[:1]):
            continue
        name = first.setdefault(_key(draft, op), op.name)
        if name != op.name and op.outputs[0] not in draft.kept:
            equals.setdefault(name, []).append(op)
            instead[op.outputs[0]] = draft.named(name).outputs[0]
            draft.drop(op)
    for name, others in equals.items():
        op = draft.named(name)
        draft.put(replace(op, origin=origins((op, *others))))
    return bool(equals)


def _key(draft: Draft, op: Op) -> Hashable:
    """What equal ops agree in; views of one value differ in their results' shapes only."""
    made = draft.values[op.outputs[0]]
    if op.kind == "view":
        return op.kind, op.inputs[0], made.shape, made.dtype
    return op.kind, op.inputs, op.attrs, made.shape, made.dtype
