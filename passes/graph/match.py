"""Patterns over the ops that lead to a value, matched backwards from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations

from mapper.ir.graph import Op
from passes.graph.draft import Draft

COMMUTATIVE = frozenset({"add", "mul", "max", "min", "and", "or", "sum"})
"""Elementwise functions whose operands may come in any order."""


@dataclass(frozen=True)
class Found:
    """What a pattern matched: values by the name of their variable, and the ops."""

    values: Mapping[str, str] = field(default_factory=dict)
    ops: tuple[Op, ...] = ()


@dataclass(frozen=True)
class Var:
    """Any value; the same name stands for the same value everywhere in the pattern."""

    name: str


@dataclass(frozen=True)
class Made:
    """An output of an op of this kind and function (of elementwise ops) or ONNX operator (of others)."""

    kind: str
    what: str
    inputs: tuple[Pattern, ...]
    output: int = 0


Pattern = Var | Made


def elementwise(fn: str, *inputs: Pattern) -> Made:
    """An elementwise op; the operands of a commutative function match in any order."""
    return Made("elementwise", fn, inputs)


def move(op_type: str, *inputs: Pattern, output: int = 0) -> Made:
    """An output of a data movement."""
    return Made("move", op_type, inputs, output)


def match(draft: Draft, pattern: Pattern, value: str) -> Found | None:
    """The first way in which the pattern matches the ops that lead to `value`."""
    return next(_match(draft, pattern, value, Found()), None)


def _match(draft: Draft, pattern: Pattern, value: str, found: Found) -> Iterator[Found]:
    if isinstance(pattern, Var):
        if found.values.get(pattern.name, value) == value:
            yield Found({**found.values, pattern.name: value}, found.ops)
        return
    op = draft.maker(value)
    if op is None or op.kind != pattern.kind or len(op.inputs) != len(pattern.inputs):
        return
    if op.attr("fn" if op.kind == "elementwise" else "op_type") != pattern.what or op.outputs[pattern.output] != value:
        return
    orders = permutations(op.inputs) if pattern.what in COMMUTATIVE else (op.inputs,)
    for order in orders:
        yield from _match_all(draft, pattern.inputs, order, Found(found.values, (*found.ops, op)))


def _match_all(draft: Draft, patterns: tuple[Pattern, ...], values: tuple[str, ...], found: Found) -> Iterator[Found]:
    if not patterns:
        yield found
        return
    for first in _match(draft, patterns[0], values[0], found):
        yield from _match_all(draft, patterns[1:], values[1:], first)
