"""What small groups of elementwise ops compute, found out by computing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import erf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapper.hw.work import Role
from mapper.ir.graph import Op
from passes.graph.draft import Draft

Array = NDArray[np.float64]

LIMIT = 16
"""Ops of the largest cone that is looked at; the longest known spelling (tanh gelu) has 9."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "add": np.add,
    "div": np.divide,
    "erf": np.vectorize(erf, otypes=[float]),
    "exp": np.exp,
    "identity": np.asarray,
    "log": np.log,
    "mul": np.multiply,
    "neg": np.negative,
    "pow": np.power,
    "reciprocal": np.reciprocal,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "sqrt": np.sqrt,
    "sub": np.subtract,
    "tanh": np.tanh,
}
"""Elementwise functions that can be computed here; any other ends a cone."""


@dataclass(frozen=True)
class Cone:
    """Ops that compute `result` from nothing but `source` and scalars, and whose inner values nobody else reads."""

    source: str
    result: str
    ops: tuple[Op, ...]
    operands: Mapping[str, tuple[str | float, ...]]

    def __call__(self, points: Array) -> Array:
        """The result where the source has the given values; reductions run along the last axis."""
        known: dict[str, Array] = {self.source: points}
        with np.errstate(all="ignore"):
            for op in self.ops:
                given = [known[o] if isinstance(o, str) else np.float64(o) for o in self.operands[op.name]]
                known[op.outputs[0]] = _compute(op, given)
        return known[self.result]


def operands(draft: Draft, op: Op) -> tuple[str | float, ...]:
    """The op's operands in order: names of values, and the number where one is a scalar constant that is known."""
    names: list[str | float] = [n for n in op.inputs if n]
    scalar = op.attr("scalar")
    if isinstance(scalar, (int, float)):
        at = next((i for i, n in enumerate(names) if is_scalar(draft, str(n))), None)
        if at is not None:
            names[at] = float(scalar)
    return tuple(names)


def is_scalar(draft: Draft, value: str) -> bool:
    """Whether a value is a constant of one element."""
    return draft.values[value].role is Role.WEIGHT and all(d == 1 for d in draft.shape(value))


def _compute(op: Op, given: Sequence[Any]) -> Array:
    if op.kind == "cast":
        return np.asarray(given[0])
    if op.kind == "reduce":
        return np.asarray(np.mean(given[0], axis=-1, keepdims=True))
    return np.asarray(FUNCTIONS[str(op.attr("fn"))](*given))


def computable(op: Op) -> bool:
    """Whether the op can be part of a cone; casts count as the identity."""
    match op.kind:
        case "elementwise":
            return op.attr("fn") in FUNCTIONS
        case "reduce":
            return op.attr("op_type") == "ReduceMean"
    return op.kind == "cast" and op.attr("op_type") in ("Cast", "CastLike")


def cones(draft: Draft, result: str) -> Iterator[Cone]:
    """All cones that end in `result`, smallest first."""
    inside: dict[str, Op] = {}
    read: dict[str, tuple[str | float, ...]] = {}
    frontier = {result}
    while len(inside) < LIMIT:
        value = max(frontier, key=lambda v: -1 if (op := draft.maker(v)) is None else draft.place(op))
        if len(frontier) == 1 and inside:
            yield Cone(value, result, tuple(sorted(inside.values(), key=draft.place)), dict(read))
        op = draft.maker(value)
        if op is None or not computable(op) or (value != result and not draft.private(value, inside)):
            return
        inside[op.name] = op
        frontier.remove(value)
        read[op.name] = operands(draft, op)
        frontier |= {o for o in read[op.name] if isinstance(o, str)}


def downstream(draft: Draft, value: str, through: Callable[[Op], bool], limit: int = 6) -> list[str]:
    """The value and those that follow from it step by step, each op the next; nearest first."""
    found = [value]
    while len(found) <= limit:
        op = draft.reader(found[-1])
        if op is None or len(op.outputs) != 1 or not through(op):
            break
        found.append(op.outputs[0])
    return found


def recognise(cone: Cone, points: Array, meanings: Mapping[str, Callable[[Array], Array]]) -> str | None:
    """The name of the function that agrees with the cone at all points, the closest one if several do."""
    found = cone(points)
    errors: dict[str, float] = {}
    for name, meaning in meanings.items():
        wanted = meaning(points)
        if found.shape == wanted.shape and np.allclose(found, wanted, rtol=2e-3, atol=2e-3):
            errors[name] = float(np.abs(found - wanted).max())
    return min(errors, key=lambda name: errors[name], default=None)
