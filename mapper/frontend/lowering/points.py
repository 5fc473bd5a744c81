"""What a value is at a few of its elements, computed backwards from sizes, constants and assumed inputs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import prod

import numpy as np
import onnx
from numpy.typing import NDArray

from mapper.frontend.facts import Fact, Node

Numbers = NDArray[np.float64]
Index = tuple[NDArray[np.int64], ...]

DENSE = 1 << 16
"""Elements up to which a value may be computed whole, once, instead of only where it is asked for."""

DEPTH = 100
"""Nodes between a value and what it is computed from at most."""

STEPS = 2000
"""Nodes evaluated for one question at most."""

FAR = -1e9
"""What stands for minus infinity in a mask whose numbers are not in the file."""


def size_at(index: Index) -> tuple[int, ...]:
    """The shape of what is found at the indices."""
    return np.broadcast_shapes(*(i.shape for i in index))


_POSITION = re.compile(r"position", re.IGNORECASE)
_COUNT = re.compile(r"ids?$|token|len|size|total", re.IGNORECASE)
_LARGE = 10007.0
"""A token or a length that equals no constant (a padding token) and exceeds all sizes of a mask."""


class Points:
    """Evaluates a graph's values at given indices.

    Inputs are assumed: positions count on to the last key, masks of padding are all ones. What is neither a constant
    nor computed from sizes and assumed inputs (a matrix product, stripped weights) counts as zero.
    """

    def __init__(
        self,
        rules: Mapping[str, Rule],
        makers: Mapping[str, Node],
        facts: Mapping[str, Fact],
        inputs: frozenset[str],
        keys: int,
    ) -> None:
        self.rules = rules
        self.makers = makers
        self.facts = facts
        self.inputs = inputs
        self.keys = keys
        self._whole: dict[str, Numbers] = {}
        self._known: dict[tuple[str, tuple[int, ...]], tuple[Index, Numbers]] = {}
        self._depth = 0
        self._steps = 0

    def ask(self, name: str, index: Index) -> Numbers:
        """The value's elements at the indices (an array for each dim), as far as a bounded effort tells."""
        self._steps = 0
        self._known.clear()
        return np.broadcast_to(self.at(name, index), size_at(index))

    def at(self, name: str, index: Index) -> Numbers:
        """As `ask`, for the rules: within the effort of the question that is being answered."""
        fact = self.facts.get(name)
        if fact is None or fact.shape is None or len(index) != len(fact.shape):
            return np.zeros(size_at(index))
        if fact.data is not None and fact.data.dtype.kind in "biuf":
            return np.asarray(fact.data[index], dtype=np.float64)
        node = self.makers.get(name)
        if node is None:
            return self._given(name, fact, index)
        if name in self._whole or 0 < fact.elements <= min(DENSE, 4 * prod(size_at(index))):
            return np.asarray(self.whole(name)[index])
        key = (name, tuple(map(id, index)))
        if key not in self._known:  # the index is kept with the numbers so that its identity stays its own
            self._known[key] = index, self._made(name, node, index)
        return self._known[key][1]

    def whole(self, name: str) -> Numbers:
        """All elements of a value that has not too many."""
        if name not in self._whole:
            shape, node = self.shape(name), self.makers.get(name)
            index = tuple(np.indices(shape))
            found = self.at(name, index) if node is None else self._made(name, node, index)
            self._whole[name] = np.broadcast_to(found, shape)
        return self._whole[name]

    def _made(self, name: str, node: Node, index: Index) -> Numbers:
        """What the node makes at the indices; zero if that is not known or too far from here."""
        rule = self.rules.get(node.op_type) if node.domain in ("", "ai.onnx", "com.microsoft") else None
        if rule is None or node.outputs[0] != name or self._depth >= DEPTH or self._steps >= STEPS:
            return np.zeros(size_at(index))
        self._depth += 1
        self._steps += 1
        try:
            return np.asarray(rule(self, node, index))
        finally:
            self._depth -= 1

    def shape(self, name: str) -> tuple[int, ...]:
        """The value's shape."""
        return self.facts[name].shape or ()

    def numbers(self, node: Node, position: int) -> list[int] | None:
        """The integers of an input that is a known constant."""
        if position >= len(node.inputs) or not node.inputs[position]:
            return None
        data = self.facts[node.inputs[position]].data
        return None if data is None else [int(x) for x in data.reshape(-1)]

    def _given(self, name: str, fact: Fact, index: Index) -> Numbers:
        """What is assumed of an input or of a weight whose numbers are not there."""
        shape = fact.shape or ()
        size = size_at(index)
        if name in self.inputs:
            if _POSITION.search(name) and shape:
                return np.broadcast_to(index[-1] + max(self.keys - shape[-1], 0), size).astype(np.float64)
            counts = _COUNT.search(name) and "mask" not in name.lower() and fact.elem != onnx.TensorProto.BOOL
            return np.full(size, _LARGE if counts else 1.0)
        square = len(shape) > 1 and shape[-1] == shape[-2] > 1 and prod(shape[:-2]) == 1
        logical = fact.elem in (onnx.TensorProto.BOOL, onnx.TensorProto.UINT8)
        if not square:
            return np.ones(size) if logical else np.zeros(size)
        seen = index[-1] <= index[-2]  # a square that is the same for all heads: the triangle of earlier positions
        return np.where(seen, 1.0 if logical else 0.0, 0.0 if logical else FAR)


Rule = Callable[[Points, Node, Index], Numbers]
"""Computes an operator's first output at some indices."""
