"""Results of the pieces held to those of the whole model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf, sqrt
from pathlib import Path

import numpy as np
import onnx

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

    values: how many were compared. largest: the largest difference of a number. relative: the largest difference in a
    call over the largest number of the whole model's result in that call. bound: what `relative` may be; 0: the same
    bits."""

    name: str
    values: int
    exact: bool
    largest: float
    relative: float
    bound: float

    @property
    def passed(self) -> bool:
        """Whether it is within its bound."""
        return self.exact or self.relative <= self.bound


@dataclass
class Comparison:
    """Errors by result as calls come in. bound: what the relative error of a result may be."""

    bound: float
    _found: dict[str, Error] = field(default_factory=dict)

    def add(self, part: Part, got: Mapping[str, Array], want: Mapping[str, Array]) -> None:
        """Compare a call of a phase; parts that ranks have with their stretch of the whole."""
        for name, array in got.items():
            whole = whole_name(part, name)
            before = self._found.get(whole, Error(whole, 0, True, 0.0, 0.0, self.bound))
            exact, largest, relative = difference(array, part_of(part, name, want[whole]))
            self._found[whole] = Error(
                whole,
                before.values + 1,
                before.exact and exact,
                max(before.largest, largest),
                max(before.relative, relative),
                self.bound,
            )

    @property
    def errors(self) -> tuple[Error, ...]:
        """By result, in the order of the model."""
        return tuple(self._found.values())

    @property
    def passed(self) -> bool:
        """Whether all results are within the bound, and there are any."""
        return bool(self._found) and all(e.passed for e in self._found.values())


def difference(got: Array, want: Array) -> tuple[bool, float, float]:
    """Whether two results are the same (a NaN equals a NaN), the largest difference of a number, and that over the
    largest number wanted. Infinite where shapes or types differ, or one is no number and the other is."""
    if got.shape != want.shape or got.dtype != want.dtype:
        return False, inf, inf
    if got.tobytes() == want.tobytes():
        return True, 0.0, 0.0
    a, b = got.astype(np.float64), want.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.abs(a - b)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    apart[same] = 0.0
    if np.isnan(apart).any():
        return False, inf, inf
    largest = float(apart.max())
    finite = np.abs(b[np.isfinite(b)])
    scale = float(finite.max()) if finite.size else 0.0
    return bool(same.all()), largest, largest / scale if scale else (inf if largest else 0.0)


def is_sharded(manifest: Manifest) -> bool:
    """Whether a value or a sum is made of parts of several ranks."""
    steps = (s for part in manifest.phases for s in part.steps)
    return any(s.rank or s.role != "compute" for s in steps)


_UNIT = {"double": 2.0**-53, "float": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Half the distance from 1 to the next number (IEEE 754; bfloat16 has 8 bits)."""

_STEP = 2.0**-8
"""Half a step of eight bits over the largest number: what quantising rounds away."""

_CONFIDENCE = 4.0


def rounding_bound(models: Iterable[Path]) -> float:
    """What reordered sums may change, relative to the largest number of a result.

    Roundings of random sign add up like a random walk: n of them to sqrt(n) u with overwhelming probability times a
    small constant (Higham and Mary, A new approach to probabilistic rounding error analysis, SIAM J. Sci. Comput.
    41(5), 2019, Theorem 2.4; constant 4). Sums of k products, one after the other in N nodes, are in f32 or wider:
    sqrt(N k) u; every node rounds its result once more to the shortest type of the file: sqrt(N) u'; what is quantised
    while it runs may end on the next step: sqrt(Q) / 256. It assumes that layers do not amplify an error, which is so
    for trained models with norms.
    """
    bound = 0.0
    for path in models:
        model = onnx.load(str(path), load_external_data=False)
        nodes = [*model.graph.node, *(n for f in model.functions for n in f.node)]
        quantised = sum("Quantize" in n.op_type or "Integer" in n.op_type for n in nodes)
        types = _types(model, nodes)
        inner = _UNIT["double"] if types == {"double"} else _UNIT["float"]
        stored = max((_UNIT[t] for t in types), default=_UNIT["float"])
        found = sqrt(len(nodes) * _longest_sum(model)) * inner + sqrt(len(nodes)) * stored + sqrt(quantised) * _STEP
        bound = max(bound, _CONFIDENCE * found)
    return bound


def _types(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> set[str]:
    """Float types of weights, inputs, and what is cast to."""
    codes = {t.data_type for t in model.graph.initializer}
    codes |= {i.type.tensor_type.elem_type for i in model.graph.input}
    codes |= {a.i for n in nodes if n.op_type == "Cast" for a in n.attribute if a.name == "to"}
    return {onnx.TensorProto.DataType.Name(c).lower() for c in codes} & _UNIT.keys()


def _longest_sum(model: onnx.ModelProto) -> int:
    """The most products that a sum over a weight has: the shorter side of a matrix, the window of a filter."""
    sums = [1]
    for tensor in model.graph.initializer:
        dims = list(tensor.dims)
        if len(dims) in (2, 3):
            sums.append(min(dims[-2:]))
        elif len(dims) > 3:
            sums.append(int(np.prod(dims[1:])))
    return max(sums)
