"""The core of attention: from the product of queries and keys over the softmax to the product with the values."""

from __future__ import annotations

from dataclasses import dataclass

from mapper.hw.work import Role
from mapper.ir.graph import Op
from passes.graph.draft import Draft
from passes.graph.expression import is_scalar, operands

DEPTH = 8
"""Ops between a product and the softmax at most (scale, soft cap, masks, casts)."""

COMPARISONS = frozenset({"less", "less_or_equal", "greater", "greater_or_equal"})
"""How graphs that compute a causal mask compare positions of queries and keys."""


@dataclass(frozen=True)
class Scores:
    """How the scores come about: their product, the ops up to the softmax, and what masks or biases them."""

    product: Op
    ops: tuple[Op, ...] = ()
    masks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Core:
    """The scores, the softmax, and the ops from there to the context."""

    scores: Scores
    softmax: Op
    after: tuple[Op, ...]
    context: Op

    @property
    def ops(self) -> tuple[Op, ...]:
        return (self.scores.product, *self.scores.ops, self.softmax, *self.after, self.context)


def find_core(draft: Draft, softmax: Op) -> Core | None:
    """The attention around a softmax over the last axis, if there is one and nothing else reads its inner values."""
    if softmax.attr("op_type") != "Softmax" or softmax.attr("axis") != len(draft.shape(softmax.inputs[0])) - 1:
        return None
    scores = _scores(draft, softmax.inputs[0], DEPTH)
    if scores is None:
        return None
    after = _after(draft, softmax)
    return None if after is None else Core(scores, softmax, after[:-1], after[-1])


def _is_product(draft: Draft, op: Op) -> bool:
    """Whether both sides of a matmul change with every call."""
    return len(op.inputs) == 2 and all(draft.values[n].role is not Role.WEIGHT for n in op.inputs)


def _scores(draft: Draft, value: str, depth: int) -> Scores | None:
    op = draft.maker(value)
    if op is None or draft.reader(value) is None or depth == 0:
        return None
    if op.kind == "matmul":
        return Scores(op) if _is_product(draft, op) else None
    if op.kind not in ("view", "cast", "elementwise"):
        return None
    data = [o for o in operands(draft, op) if isinstance(o, str) and not is_scalar(draft, o)]
    for name in sorted(data, key=lambda n: draft.shape(n) != draft.shape(value)):
        inner = _scores(draft, name, depth - 1)
        if inner is not None:
            others = tuple(n for n in data if n != name)
            return Scores(inner.product, (*inner.ops, op), (*inner.masks, *others))
    return None


def _after(draft: Draft, softmax: Op) -> tuple[Op, ...] | None:
    """The ops from the softmax (exclusive) to the product with the values (inclusive)."""
    value = softmax.outputs[0]
    ops: list[Op] = []
    for _ in range(DEPTH):
        readers = sorted(draft.readers(value), key=draft.place)
        if not readers or value in draft.kept:
            return None
        *early, last = readers
        if last.kind == "matmul":
            return (*ops, last) if not early and last.inputs[0] == value and _is_product(draft, last) else None
        guards = all(op.kind == "elementwise" and draft.private(op.outputs[0], {last.name}) for op in early)
        if last.kind not in ("view", "cast", "elementwise") or not guards:
            return None
        known = {value, *(op.outputs[0] for op in early)}
        if any(isinstance(o, str) and o not in known and not is_scalar(draft, o) for o in operands(draft, last)):
            return None
        ops += readers
        value = last.outputs[0]
    return None


def is_causal(draft: Draft, masks: tuple[str, ...], known: dict[str, bool]) -> bool:
    """Whether a mask compares the positions of queries and keys; answers are kept in `known`, as layers share masks."""
    for mask in masks:
        if mask not in known:
            known[mask] = _compares(draft, mask)
    return any(known[mask] for mask in masks)


def _compares(draft: Draft, mask: str) -> bool:
    waiting, seen = [mask], set()
    while waiting:
        value = waiting.pop()
        op = draft.maker(value)
        if op is None:
            *_, heads, queries, keys = (1, 1, 1, *draft.shape(value))
            if draft.values[value].role is Role.WEIGHT and heads == 1 and 1 not in (queries, keys):
                return True  # a constant triangle, the same for all heads
        elif op.name not in seen:
            seen.add(op.name)
            if op.attr("op_type") == "Trilu" or op.attr("fn") in COMPARISONS:
                return True
            if op.kind in ("elementwise", "view", "move", "cast", "gather"):
                waiting += [n for n in op.inputs if n]
    return False
