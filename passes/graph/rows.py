"""What groups of ops compute along some axes of a tensor, found out by computing it on a small one."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from mapper.ir.graph import Op
from passes.graph.draft import Draft
from passes.graph.expression import REDUCTIONS, Array, Cone, computed

DRAWS = 6
"""How many random tensors a group of ops is tried on."""

SMALL = 5
"""Elements along an axis of these tensors."""

SUMS = ("ReduceSum", "ReduceSumSquare", "ReduceL2")
"""Reductions that grow with the number of elements."""

Axes = tuple[int, ...]


@dataclass(frozen=True)
class Meaning:
    """What a cone computes along `axes`: a function, times `scales` and plus `shifts` (positions of parameters)."""

    function: str
    axes: Axes
    scales: tuple[int, ...] = ()
    shifts: tuple[int, ...] = ()


class Rows:
    """Finds the meaning of cones; equal ones are tried once."""

    def __init__(self, functions: dict[str, Callable[[Array, Axes], Array]], size: float, *, affine: bool) -> None:
        self._functions = functions
        self._size = size
        self._affine = affine
        self._known: dict[object, Meaning | None] = {}

    def meaning(self, draft: Draft, cone: Cone) -> Meaning | None:
        """What the cone computes, if that is one of the functions over axes of its source."""
        axes = _axes(draft, cone)
        if axes is None or draft.shape(cone.result) != draft.shape(cone.source):
            return None
        if not all(_fits(draft, p, len(draft.shape(cone.source)), axes) for p in cone.parameters):
            return None
        key = _key(draft, cone)
        if key not in self._known:
            self._known[key] = self._find(draft, cone, axes)
        return self._known[key]

    def _find(self, draft: Draft, cone: Cone, axes: Axes) -> Meaning | None:
        shape = draft.shape(cone.source)
        small = tuple(1 if d == 1 else SMALL if i in axes else 2 for i, d in enumerate(shape))
        random = np.random.default_rng(0)
        points = self._size * (random.normal(size=(DRAWS, *small)) + random.normal(size=(DRAWS, *(1 for _ in small))))
        found = self._evaluated(draft, cone, points, {})
        if found is None or found.shape != points.shape or not np.isfinite(found).all():
            return None
        for name, function in self._functions.items():
            wanted = function(points, tuple(a + 1 for a in axes))
            fit = _fit(found, wanted) if self._affine else _equal(found, wanted)
            if fit is not None:
                return Meaning(name, axes, *self._parts(draft, cone, points, wanted, fit))
        return None

    def _parts(
        self, draft: Draft, cone: Cone, points: Array, wanted: Array, fit: Array
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Which parameters scale the function, and which only shift it."""
        scales: list[int] = []
        shifts: list[int] = []
        for i, name in enumerate(cone.parameters):
            other = self._evaluated(draft, cone, points, {name: 1.7})
            again = None if other is None else _fit(other, wanted)
            (shifts if again is not None and np.allclose(again, fit, rtol=1e-6) else scales).append(i)
        return tuple(scales), tuple(shifts)

    def _evaluated(self, draft: Draft, cone: Cone, points: Array, stretched: dict[str, float]) -> Array | None:
        """The cone's result for a stack of small tensors; parameters are random numbers, some multiplied."""
        known: dict[str, Array] = {cone.source: points}
        with np.errstate(all="ignore"):
            for op in cone.ops:
                data = [known[o] for o in cone.operands[op.name] if isinstance(o, str) and o in known]
                if not data:
                    return None
                if op.kind == "cast":
                    made = data[0]
                elif op.kind == "reduce":
                    made = _reduced(op, data[0]) * (self._growth(draft, op) if self._affine else 1.0)
                elif op.kind == "view":
                    made = data[0].reshape(DRAWS, *_small(draft, op, data[0]))
                else:
                    rank = max(d.ndim for d in data)
                    like = max(data, key=lambda d: (d.ndim, d.size))
                    given = [
                        _aligned(known[o], rank) if o in known else _parameter(draft, o, like, stretched.get(o, 1.0))
                        if isinstance(o, str) else np.float64(o)
                        for o in cone.operands[op.name]
                    ]  # fmt: skip
                    made = computed(op, given)
                known[op.outputs[0]] = made
        return known[cone.result]

    @staticmethod
    def _growth(draft: Draft, op: Op) -> float:
        """How much larger a sum over the whole axes is than one over the few elements that are tried."""
        if op.attr("op_type") not in SUMS:
            return 1.0
        axes = op.attr("axes")
        assert isinstance(axes, tuple)
        sizes = [draft.shape(op.inputs[0])[int(a)] for a in axes]
        factor = float(prod(d / SMALL if isinstance(d, int) and d != 1 else 1 for d in sizes))
        return factor**0.5 if op.attr("op_type") == "ReduceL2" else factor


def _axes(draft: Draft, cone: Cone) -> Axes | None:
    """The axes over which all reductions of a cone run, as those of its source; None where they differ."""
    rank, found = len(draft.shape(cone.source)), set()
    for op in cone.ops:
        if op.kind == "reduce":
            axes = op.attr("axes")
            if not isinstance(axes, tuple) or len(draft.shape(op.inputs[0])) != rank:
                return None
            found.add(tuple(sorted(int(a) for a in axes)))
    return found.pop() if len(found) == 1 else None


def _fits(draft: Draft, name: str, rank: int, axes: Axes) -> bool:
    """Whether a constant is one number, or one for each place along the axes."""
    shape = draft.shape(name)
    offset = rank - len(shape)
    return offset >= 0 and all(d == 1 or i + offset in axes for i, d in enumerate(shape))


def _key(draft: Draft, cone: Cone) -> object:
    """What two cones have in common that compute the same."""
    index: dict[str, int] = {cone.source: 0}
    steps = []
    for i, op in enumerate(cone.ops):
        refs: list[object] = [
            index[o] if o in index else (cone.parameters.index(o), draft.shape(o)) if isinstance(o, str) else float(o)
            for o in cone.operands[op.name]
        ]
        what = (op.kind, op.attr("fn") or op.attr("op_type"), op.attr("axes"), op.attr("keepdims"))
        steps.append((what, tuple(refs), draft.shape(op.outputs[0])))
        index[op.outputs[0]] = i + 1
    return draft.shape(cone.source), tuple(steps)


def _reduced(op: Op, data: Array) -> Array:
    axes: Any = op.attr("axes")
    how = {"axis": tuple(int(a) + 1 for a in axes), "keepdims": bool(op.attr("keepdims", 1))}
    return np.asarray(REDUCTIONS[str(op.attr("op_type"))](data, **how))


def _small(draft: Draft, op: Op, data: Array) -> list[int]:
    """The small form of a view's result, whose dims other than 1 are those of its input in the same order."""
    sizes = [data.shape[i + 1] for i, d in enumerate(draft.shape(op.inputs[0])) if d != 1]
    return [1 if d == 1 else sizes.pop(0) for d in draft.shape(op.outputs[0])]


def _aligned(data: Array, rank: int) -> Array:
    """Draws stay in front where tensors of fewer dims meet those of more."""
    return data.reshape(data.shape[0], *(1 for _ in range(rank - data.ndim)), *data.shape[1:])


def _parameter(draft: Draft, name: str, like: Array, factor: float) -> Array:
    shape = draft.shape(name)
    sizes: Sequence[int] = like.shape[1:][-len(shape) :] if shape else ()
    small = [1 if d == 1 else s for d, s in zip(shape, sizes, strict=False)]
    return factor * np.random.default_rng(zlib.crc32(name.encode())).uniform(0.5, 1.5, size=small)


def _fit(found: Array, wanted: Array) -> Array | None:
    """The factor at each place with which `found` is that much of `wanted` plus a constant; None if it is not."""
    centred, target = wanted - wanted.mean(0), found - found.mean(0)
    spread = (centred * centred).sum(0)
    if (spread < 1e-12).any():
        return None
    factor = (centred * target).sum(0) / spread
    error = np.abs(target - factor * centred).max()
    size = np.abs(target).max()
    return factor if size > 1e-9 and (np.abs(factor) > 1e-9).all() and error <= 1e-4 * size else None


def _equal(found: Array, wanted: Array) -> Array | None:
    return np.ones(found.shape[1:]) if np.allclose(found, wanted, rtol=1e-4, atol=1e-7) else None
