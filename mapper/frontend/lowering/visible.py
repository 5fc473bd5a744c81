"""Which keys each query sees: found by computing the scores' mask, not from how it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray

from mapper.errors import ModelError
from mapper.frontend.facts import Fact, Node
from mapper.frontend.lowering.point_rules import RULES
from mapper.frontend.lowering.points import Points
from mapper.ir.graph import Attr

HIDDEN = -5000.0
"""Scores below this are masked: graphs hide keys by -10000 and less, biases by distance stay far above."""

ROWS = 9
"""Queries at which the mask is looked at, spread from the first to the last."""

MOST = 1 << 17
"""Keys up to which all of them are looked at; longer masks are taken for full ones."""


_MISFITS = (ValueError, TypeError, IndexError, KeyError, OverflowError, ModelError)
"""What numpy raises where a broken file's operands do not fit together; then nothing is known of the mask."""


@dataclass(frozen=True, slots=True)
class Visible:
    """What a mask lets through. causal: no query sees a later key. window: how many keys one sees at most, 0 for all.

    told: there were several queries, so that one could tell.
    """

    causal: bool = False
    window: int = 0
    told: bool = False

    @property
    def attributes(self) -> dict[str, Attr]:
        """As attributes of an op; nothing where every query sees all keys."""
        causal: dict[str, Attr] = {"causal": 1} if self.causal else {}
        return {**causal, "window": self.window} if self.window else causal


def visible_keys(points: Points, scores: str) -> Visible:
    """What reaches the softmax over `scores` [..., queries, keys], the matrix product beneath taken as zero.

    A mask may stand for the scores; a logical one is true where a key is seen.
    """
    shape = points.shape(scores)
    if len(shape) < 2 or 0 in shape or shape[-1] > MOST:
        return Visible()
    queries, keys = shape[-2:]
    rows = np.unique(np.linspace(0, queries - 1, min(ROWS, queries)).astype(np.int64))
    row, column = (a.reshape(-1) for a in np.meshgrid(rows, np.arange(keys), indexing="ij"))
    leading = tuple(np.zeros_like(row) for _ in shape[:-2])
    try:
        found = points.ask(scores, (*leading, row, column))
    except _MISFITS:
        return Visible()
    logical = points.facts[scores].elem == onnx.TensorProto.BOOL
    seen = ~((found == 0 if logical else found < HIDDEN).reshape(len(rows), keys))
    return classify(rows, seen, queries)


def classify(rows: NDArray[np.int64], seen: NDArray[np.bool_], queries: int) -> Visible:
    """The pattern of a mask of which some rows are known: causal, causal within a window, within a window, or full."""
    keys = seen.shape[1]
    told = queries > 1
    if seen.all() or not seen.any(axis=1).all():
        return Visible(told=told and bool(seen.all()))
    key, own = np.arange(keys), rows[:, None] + keys - queries
    ahead = key - own
    if not (seen & (ahead > 0)).any():
        reach = int(seen[-1].sum())
        if np.array_equal(seen, (ahead <= 0) & (ahead > -reach)):
            return Visible(told and queries > 1, reach if reach < keys else 0, told)
        return Visible(told=told)
    half = int((seen & (ahead <= 0)).sum(axis=1).max()) - 1
    if np.array_equal(seen, np.abs(ahead) <= half):
        return Visible(False, 2 * half + 1, told)
    return Visible(told=told)


def compares_positions(makers: Mapping[str, Node], facts: Mapping[str, Fact], scores: str) -> bool:
    """Whether the mask of a single query stems from comparing positions with each other, as causal masks do."""
    waiting, seen = [scores], set()
    while waiting:
        node = makers.get(waiting.pop())
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if node.op_type == "Trilu":
            return True
        if node.op_type in _COMPARES:  # positions with positions, or how far they are apart with a number
            distances = (makers[n] for n in node.inputs if n in makers and makers[n].op_type == "Sub")
            if any(all(facts[n].shape for n in pair.inputs if n in facts) for pair in (node, *distances)):
                return True
        if node.op_type not in _OPAQUE:
            waiting += [n for n in node.inputs if n]
    return False


_COMPARES = frozenset({"Less", "LessOrEqual", "Greater", "GreaterOrEqual"})
_OPAQUE = frozenset({"MatMul", "Gemm", "Einsum", "Conv", "FusedMatMul", "MatMulInteger", "Softmax", "Shape"})


@dataclass(slots=True)
class Masks:
    """Answers for all softmaxes of a file, over all samples."""

    makers: Mapping[str, Node]
    samples: Sequence[Mapping[str, Fact]]
    inputs: frozenset[str]
    points: dict[tuple[int, int], Points] = field(default_factory=dict)

    def of(self, scores: str) -> Visible:
        """What all samples agree on."""
        scores = self._unflattened(scores)
        found = []
        for number, facts in enumerate(self.samples):
            keys = (facts[scores].shape or (0,))[-1]
            points = self.points.get((number, keys))
            if points is None:
                points = self.points[number, keys] = Points(RULES, self.makers, facts, self.inputs, keys)
            found.append(visible_keys(points, scores))
        told = [f for f in found if f.told]
        windows = {f.window for f in found if f.window}
        causal = all(f.causal for f in told) if told else compares_positions(self.makers, self.samples[0], scores)
        return Visible(causal, windows.pop() if len(windows) == 1 else 0, bool(told))

    def _unflattened(self, scores: str) -> str:
        """The scores before a view that merges queries with heads or batch."""
        shape = self.samples[0][scores].shape or ()
        node = self.makers.get(scores)
        while node is not None and node.op_type in ("Reshape", "Flatten") and len(shape) == 2:
            before = self.samples[0][node.inputs[0]].shape or ()
            if before[-1:] != shape[-1:]:
                break
            scores, shape, node = node.inputs[0], before, self.makers.get(node.inputs[0])
        return scores
