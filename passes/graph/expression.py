"""What small groups of elementwise ops compute, found out by computing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import erf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapper.hw.work import Role
from mapper.ir.graph import Op
from passes.graph.draft import Draft

Array = NDArray[np.float64]

LIMIT = 24
"""Ops of the largest cone that is looked at; the longest known spelling (a layer norm of TensorFlow) has 18."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "add": np.add,
    "div": np.divide,
    "erf": np.vectorize(erf, otypes=[float]),
    "exp": np.exp,
    "identity": np.asarray,
    "clip": lambda x, low=-np.inf, high=np.inf: np.minimum(np.maximum(x, low), high),
    "log": np.log,
    "max": lambda *xs: reduce(np.maximum, xs),
    "min": lambda *xs: reduce(np.minimum, xs),
    "mul": np.multiply,
    "neg": np.negative,
    "pow": np.power,
    "reciprocal": lambda x: 1 / x,
    "relu": lambda x: np.maximum(x, 0),
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "sqrt": np.sqrt,
    "sub": np.subtract,
    "square": np.square,
    "tanh": np.tanh,
}
"""Elementwise functions that can be computed here; any other ends a cone."""


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "ReduceL2": lambda x, **how: np.sqrt(np.sum(x * x, **how)),
    "ReduceMax": np.max,
    "ReduceMean": np.mean,
    "ReduceSum": np.sum,
    "ReduceSumSquare": lambda x, **how: np.sum(x * x, **how),
}
"""Reductions that can be computed here."""


@dataclass(frozen=True)
class Cone:
    """Ops that compute `result` from nothing but `source` and constants, and whose inner values nobody else reads.

    parameters: the constants whose numbers are not known, in the order in which they are used.
    """

    source: str
    result: str
    ops: tuple[Op, ...]
    operands: Mapping[str, tuple[str | float, ...]]
    parameters: tuple[str, ...] = ()

    def __call__(self, points: Array) -> Array:
        """The result where the source has the given values; of cones without reductions and parameters."""
        known: dict[str, Array] = {self.source: points}
        with np.errstate(all="ignore"):
            for op in self.ops:
                given = [known[o] if isinstance(o, str) else np.float64(o) for o in self.operands[op.name]]
                known[op.outputs[0]] = np.asarray(given[0]) if op.kind == "cast" else computed(op, given)
        return known[self.result]


def operands(draft: Draft, op: Op) -> tuple[str | float, ...]:
    """The op's operands in order: names of values, and the number where one is a scalar constant that is known."""
    names: list[str | float] = [n for n in op.inputs if n]
    if op.attr("fn") == "clip":
        low, high = op.attr("min", -np.inf), op.attr("max", np.inf)
        assert isinstance(low, (int, float))
        assert isinstance(high, (int, float))
        return (names[0], float(low), float(high))
    scalar = op.attr("scalar")
    if isinstance(scalar, (int, float)):
        at = next((i for i, n in enumerate(names) if is_scalar(draft, str(n))), None)
        if at is not None:
            names[at] = float(scalar)
    return tuple(names)


def is_scalar(draft: Draft, value: str) -> bool:
    """Whether a value is a constant of one element."""
    return draft.values[value].role is Role.WEIGHT and all(d == 1 for d in draft.shape(value))


def computed(op: Op, given: Sequence[Any]) -> Array:
    """What an elementwise op makes of its operands."""
    if op.attr("fn") == "hard_sigmoid":
        alpha, beta = op.attr("alpha", 0.2), op.attr("beta", 0.5)
        assert isinstance(alpha, (int, float))
        assert isinstance(beta, (int, float))
        return np.asarray(np.clip(alpha * given[0] + beta, 0, 1))
    return np.asarray(FUNCTIONS[str(op.attr("fn"))](*given))


def pointwise(draft: Draft, op: Op) -> bool:
    """Whether the op computes each element from those at the same place.

    Casts between floats count as nothing, and so does a quantisation of all elements alike.
    """
    if op.kind == "elementwise":
        fn = op.attr("fn")
        if fn == "clip":
            return all(is_weight(draft, n) for n in op.inputs[1:] if n)
        return (fn in FUNCTIONS or fn == "hard_sigmoid") and "" not in op.inputs
    return op.kind == "cast" and _keeps_fractions(draft, op)


def _keeps_fractions(draft: Draft, op: Op) -> bool:
    if op.attr("op_type") in ("QuantizeLinear", "DequantizeLinear"):
        return len(op.outputs) == 1 and all(is_scalar(draft, n) for n in op.inputs[1:] if n)
    return op.attr("op_type") in ("Cast", "CastLike") and draft.values[op.outputs[0]].dtype.is_float


def rowwise(draft: Draft, op: Op) -> bool:
    """Whether the op is pointwise, reduces over known axes, or only adds or drops dims of one element."""
    if op.kind == "reduce":
        return op.attr("op_type") in REDUCTIONS and isinstance(op.attr("axes"), tuple)
    if op.kind == "view":
        before, after = draft.shape(op.inputs[0]), draft.shape(op.outputs[0])
        return [d for d in before if d != 1] == [d for d in after if d != 1]
    return pointwise(draft, op)


Through = Callable[[Draft, Op], bool]


def cones(draft: Draft, result: str, through: Through = pointwise, limit: int = LIMIT) -> Iterator[Cone]:
    """All cones of such ops that end in `result`, smallest first."""
    inside: dict[str, Op] = {}
    read: dict[str, tuple[str | float, ...]] = {}
    frontier = {result}
    while len(inside) < limit and frontier:
        value = max(frontier, key=lambda v: -1 if (op := draft.maker(v)) is None else draft.place(op))
        if len(frontier) == 1 and inside:
            ops = tuple(sorted(inside.values(), key=draft.place))
            constants = (o for op in ops for o in read[op.name] if isinstance(o, str) and is_weight(draft, o))
            yield Cone(value, result, ops, dict(read), tuple(dict.fromkeys(constants)))
        op = draft.maker(value)
        if op is None or not through(draft, op) or (value != result and not draft.private(value, inside)):
            return
        inside[op.name] = op
        frontier.remove(value)
        read[op.name] = operands(draft, op)[:1] if op.kind == "cast" else operands(draft, op)
        frontier |= {o for o in read[op.name] if isinstance(o, str) and not is_weight(draft, o)}


def is_weight(draft: Draft, value: str) -> bool:
    """Whether a value is a constant."""
    return draft.values[value].role is Role.WEIGHT


def reached(draft: Draft, value: str, through: Through, limit: int = 16) -> list[str]:
    """Values that such ops make from a value, farthest first."""
    found, waiting = {value: None}, [value]
    while waiting and len(found) < limit:
        for op in draft.readers(waiting.pop(0)):
            if len(op.outputs) == 1 and op.outputs[0] not in found and through(draft, op):
                found[op.outputs[0]] = None
                waiting.append(op.outputs[0])
    makers = {name: draft.maker(name) for name in found}
    return sorted(found, key=lambda n: -1 if (op := makers[n]) is None else draft.place(op), reverse=True)


def structure(cone: Cone) -> object:
    """What two cones of pointwise ops have in common that compute the same."""
    index: dict[str | float, int] = {cone.source: -1}
    steps = []
    for i, op in enumerate(cone.ops):
        refs = tuple((index[o],) if o in index else o for o in cone.operands[op.name])
        steps.append((op.attr("fn") if op.kind == "elementwise" else "", op.attr("alpha"), op.attr("beta"), refs))
        index[op.outputs[0]] = i
    return tuple(steps)


def recognise(cone: Cone, points: Array, meanings: Mapping[str, Callable[[Array], Array]]) -> str | None:
    """The name of the function that agrees with the cone at all points, the closest one if several do."""
    found = cone(points)
    errors: dict[str, float] = {}
    for name, meaning in meanings.items():
        wanted = meaning(points)
        if found.shape == wanted.shape and np.allclose(found, wanted, rtol=2e-3, atol=2e-3):
            errors[name] = float(np.abs(found - wanted).max())
    return min(errors, key=lambda name: errors[name], default=None)
