"""Results of the pieces held to those of the whole model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np

from mapper.emit.manifest import Manifest
from mapper.runtime.inputs import part_of, whole_name
from mapper.runtime.program import Part
from mapper.runtime.tensors import Array

KEPT_BYTES = 2 << 30
"""Results are kept for the comparison up to this size; how many calls these are is told."""

REQUESTS = 4
"""Requests compared at most: the first and the last, which ran among others."""


@dataclass
class Kept:
    """Results of some requests, copied as they come."""

    requests: frozenset[int]
    results: dict[tuple[int, int], dict[str, Array]] = field(default_factory=dict)
    bytes: int = 0
    dropped: int = 0

    def __call__(self, request: int, at: int, results: Mapping[str, Array]) -> None:
        """Keep the results of a call."""
        if request not in self.requests:
            return
        size = sum(array.nbytes for array in results.values())
        if self.bytes + size > KEPT_BYTES:
            self.dropped += 1
            return
        self.bytes += size
        self.results[request, at] = {name: array.copy() for name, array in results.items()}


def compared_requests(requests: int) -> frozenset[int]:
    """The first requests and the last."""
    return frozenset([*range(min(requests, REQUESTS - 1)), requests - 1])


@dataclass(frozen=True)
class Error:
    """How far a result is from that of the whole model, over all calls compared.

    values: how many were compared. exact: all have the same bits. largest: the largest difference of a number.
    relative: the largest difference in a call over the largest number of the whole model's result in that call;
    infinite for a result that is missing. bound: what `relative` may be; 0: the same bits."""

    name: str
    values: int
    exact: bool
    largest: float
    relative: float
    bound: float

    @property
    def passed(self) -> bool:
        """Whether it is within its bound. No bound is so wide that a number may be none."""
        return self.exact or (self.bound > 0 and self.relative <= self.bound and self.relative < inf)


def all_passed(errors: Sequence[Error]) -> bool:
    """Whether all results are within their bounds, and there are any."""
    return bool(errors) and all(e.passed for e in errors)


@dataclass
class Comparison:
    """Errors by result as calls come in. bound: what the relative error of a result may be. whole_numbers: the same for
    results that are no fractions: words chosen, masks; 0: they have to be the same."""

    bound: float
    whole_numbers: float = 0.0
    _found: dict[str, Error] = field(default_factory=dict)

    def add(self, part: Part, got: Mapping[str, Array], want: Mapping[str, Array]) -> None:
        """Compare a call of a phase; parts that ranks have with their stretch of the whole. All that is wanted has to
        be there."""
        for name, array in got.items():
            whole = whole_name(part, name)
            bound = self.bound if part.kinds[part.number[name]].is_float else self.whole_numbers
            self._add(whole, bound, difference(array, part_of(part, name, want[whole])))
        for whole, array in want.items():
            if not _is_covered(part, whole, array, got):
                self._add(whole, self.bound, (False, inf, inf))

    def _add(self, whole: str, bound: float, found: tuple[bool, float, float]) -> None:
        exact, largest, relative = found
        before = self._found.get(whole, Error(whole, 0, True, 0.0, 0.0, bound))
        self._found[whole] = Error(
            whole,
            before.values + 1,
            before.exact and exact,
            max(before.largest, largest),
            max(before.relative, relative),
            bound,
        )

    @property
    def errors(self) -> tuple[Error, ...]:
        """By result, in the order of the model."""
        return tuple(self._found.values())


def _is_covered(part: Part, whole: str, want: Array, got: Mapping[str, Array]) -> bool:
    """Whether a result is there as a whole, or in stretches of ranks that leave no gap."""
    parts = [part.line.values[part.number[name]].part for name in got if whole_name(part, name) == whole]
    if any(p is None or not p.stop for p in parts):
        return True
    reached = 0
    for start, stop, axis in sorted((p.start, p.stop, p.axis) for p in parts if p is not None):
        if start > reached:
            return False
        reached = max(reached, stop)
        if reached >= want.shape[axis]:
            return True
    return False


def difference(got: Array, want: Array) -> tuple[bool, float, float]:
    """Whether two results have the same bits (a NaN equals a NaN), the largest difference of a number, and that over
    the largest number wanted. Infinite where shapes or types differ, or one is no number and the other is."""
    if got.shape != want.shape or got.dtype != want.dtype:
        return False, inf, inf
    if got.tobytes() == want.tobytes():
        return True, 0.0, 0.0
    a, b = got.astype(np.float64), want.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.abs(a - b)
    nothing = np.isnan(a) & np.isnan(b)
    apart[(a == b) | nothing] = 0.0
    same = _same_bits(got, want) | nothing
    if got.dtype.kind in "iu":
        apart[~same] = np.maximum(apart[~same], 1.0)  # beyond 2^53 a float64 has not every whole number
    if np.isnan(apart).any():
        return False, inf, inf
    largest = float(apart.max())
    finite = np.abs(b[np.isfinite(b)])
    scale = float(finite.max()) if finite.size else 0.0
    return bool(same.all()), largest, largest / scale if scale else (inf if largest else 0.0)


def _same_bits(got: Array, want: Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """By number, whether two arrays of one shape and type have the same bytes: 0.0 is not -0.0."""
    size = got.dtype.itemsize
    a, b = (np.frombuffer(x.tobytes(), np.uint8).reshape(-1, size) for x in (got, want))
    return np.asarray((a == b).all(axis=1)).reshape(got.shape)


def is_sharded(manifest: Manifest) -> bool:
    """Whether a value or a sum is made of parts of several ranks."""
    steps = (s for part in manifest.phases for s in part.steps)
    return any(s.rank or s.role != "compute" for s in steps)
