"""The pieces of a rotation spelled out: halves of rows, their rotation, and products with tables of angles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mapper.ir.graph import Op
from passes.graph.draft import Draft

FACTORS = 4
"""Factors of a product at most: a row, its table, and scales."""


@dataclass(frozen=True)
class Part:
    """One half of the rows of `whole`. which: 0 or 1. paired: neighbours are rotated, not the two halves of a row."""

    whole: str
    which: int
    paired: bool
    ops: tuple[Op, ...]


def plain(draft: Draft, value: str, *kinds: str) -> tuple[str, tuple[Op, ...]]:
    """The value beneath casts (and ops of the given kinds), and these ops."""
    ops: list[Op] = []
    while (op := draft.maker(value)) is not None and (op.kind == "cast" or op.kind in kinds) and len(ops) < 4:
        ops.append(op)
        value = op.inputs[0]
    return value, tuple(ops)


def part(draft: Draft, value: str) -> Part | None:
    """Which half of which rows a value is."""
    under, ops = plain(draft, value, "view")
    op = draft.maker(under)
    if op is None or not op.inputs:
        return None
    before = draft.shape(op.inputs[0])
    last = len(before) - 1
    match op.attr("op_type"):
        case "Split":
            found = _split(draft, op, under, last)
        case "Slice":
            found = _slice(draft, op, before, under)
        case "Gather" if op.attr("axis") == last and before[last] == 2:
            found = (int(str(op.attr("index"))), True) if op.attr("index") in (0, 1) else None
        case _:
            return None
    if found is None:
        return None
    which, paired = found
    source, more = plain(draft, op.inputs[0], *(("view",) if paired and before[last] == 2 else ()))
    return Part(source, which, paired, (*ops, op, *more))


def _split(draft: Draft, op: Op, value: str, last: int) -> tuple[int, bool] | None:
    """Which output of a split into two equal parts of the last axis a value is; of pairs they are neighbours."""
    equal = len(op.outputs) == 2 and all(o and draft.shape(o) == draft.shape(op.outputs[0]) for o in op.outputs)
    if not equal or op.attr("axis") != last:
        return None
    return op.outputs.index(value), draft.shape(op.inputs[0])[last] == 2


def _slice(draft: Draft, op: Op, before: tuple[int | str, ...], value: str) -> tuple[int, bool] | None:
    """Which half, or whether the even or the odd elements of the last axis, a slice takes."""
    starts, axes, steps = (op.attr(n) for n in ("starts", "axes", "steps"))
    width, size = before[-1], draft.shape(value)[-1]
    if not (isinstance(starts, tuple) and isinstance(width, int) and size == width // 2 and len(starts) == 1):
        return None
    axis = int(axes[0]) if isinstance(axes, tuple) else 0
    step = int(steps[0]) if isinstance(steps, tuple) else 1
    if axis % len(before) != len(before) - 1 or draft.shape(value)[:-1] != before[:-1]:
        return None
    start = int(starts[0]) % width
    if step == 2 and start in (0, 1):
        return start, True
    if step == 1 and start in (0, width // 2):
        return int(start > 0), width == 2
    return None


def joined(draft: Draft, value: str) -> tuple[tuple[str, str], bool, tuple[Op, ...]] | None:
    """The two parts that a value is joined from along the last axis, whether as neighbours, and the ops."""
    under, ops = plain(draft, value, "view")
    op = draft.maker(under)
    if op is None or op.attr("op_type") != "Concat" or len(op.inputs) != 2:
        return None
    first, second = op.inputs
    shape = draft.shape(first)
    if op.attr("axis") != len(shape) - 1:
        return None
    paired = shape[-1] == 1 and len(shape) > len(draft.shape(value))
    more: tuple[Op, ...] = ()
    if paired:
        first, above = plain(draft, first, "view")
        second, below = plain(draft, second, "view")
        more = (*above, *below)
    return (first, second), paired, (*ops, op, *more)


def rotated(draft: Draft, value: str) -> Part | None:
    """The rows of which a value is the rotation by a right angle, with their second half negated first."""
    pair = joined(draft, value)
    if pair is None:
        return None
    (first, second), paired, ops = pair
    under, more = plain(draft, first, "view")
    negation = draft.maker(under)
    if negation is None or negation.attr("fn") != "neg":
        return None
    left, right = part(draft, negation.inputs[0]), part(draft, second)
    if left is None or right is None or (left.which, right.which) != (1, 0) or left.whole != right.whole:
        return None
    if not left.paired == right.paired == paired:
        return None
    return Part(left.whole, 0, paired, (*ops, *more, negation, *left.ops, *right.ops))


def products(draft: Draft, value: str) -> Iterator[tuple[str, tuple[str, ...], tuple[Op, ...]]]:
    """Each factor of a product with the other factors and the multiplications."""
    under, casts = plain(draft, value)
    factors, ops = [under], list(casts)
    while len(factors) <= FACTORS:
        op = next((m for f in factors if (m := draft.maker(f)) is not None and _multiplies(m)), None)
        if op is None or len(ops) > FACTORS:
            break
        if len(factors) > 1 and draft.reader(op.outputs[0]) is None:
            break
        at = factors.index(op.outputs[0])
        factors[at : at + 1] = op.inputs
        ops.append(op)
    for at, factor in enumerate(factors):
        others = tuple(factors[:at] + factors[at + 1 :])
        if others:
            yield factor, others, tuple(ops)


def _multiplies(op: Op) -> bool:
    return op.kind == "elementwise" and op.attr("fn") == "mul" and len(op.inputs) == 2
