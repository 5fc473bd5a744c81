"""Follows each input through the nodes that carry or update it: which values are a past made longer or changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mapper.frontend.facts import Node


class Update(StrEnum):
    """What happened to an input on its way."""

    NONE = "carried"
    GROWN = "grown"
    """concatenated with values that do not depend on it"""
    WINDOW = "window"
    """grown, then cut"""
    IN_PLACE = "in place"
    """part of its elements overwritten"""
    ATTENTION = "attention"
    """the present of an attention operator's past"""
    RECURRENT = "recurrent"
    """the last state of a recurrent operator's first"""
    COMPUTED = "computed"
    """scaled or added to, by values that do not depend on it"""


@dataclass(frozen=True, slots=True)
class Way:
    """How a value descends from an input. axis: the input's dim along which it grew, where known."""

    update: Update = Update.NONE
    axis: int | None = None
    order: tuple[int, ...] | None = None  # dims of the value as dims of the input; None where unknown or unchanged
    moved: bool = False  # dims changed in a way that is not followed
    read: bool = False  # something besides an output reads the updated value


Ways = dict[str, Way]

TOGETHER = 4096
"""Inputs that are followed at once."""
MOST_WAYS = 32
"""A value that is made of more inputs than these continues none of them."""


@dataclass(slots=True)
class Flow:
    """For each value: the inputs that it carries on (`ways`) and those that it depends on at all (`depends`)."""

    ways: dict[str, Ways]
    depends: dict[str, int]
    bits: dict[str, int]

    def rests_on(self, value: str, given: str) -> bool:
        """Whether a value depends on an input."""
        return bool(self.depends.get(value, 0) & self.bits.get(given, 0))


@dataclass(slots=True)
class Flows:
    """The flow of many inputs, some of them at a time: the marks of a value stay short, however many there are."""

    of: dict[str, Flow]
    parts: Sequence[Flow]

    def ways(self, value: str) -> Ways:
        """The inputs that a value carries on."""
        return {past: way for flow in self.parts for past, way in flow.ways.get(value, {}).items()}

    def rests_on(self, value: str, given: str) -> bool:
        """Whether a value depends on an input."""
        return given in self.of and self.of[given].rests_on(value, given)


def follow(nodes: Sequence[Node], inputs: Collection[str]) -> Flows:
    """The ways of these inputs through the nodes, which are in topological order."""
    uses = Counter(n for node in nodes for n in (*node.inputs, *node.captures) if n)
    names = list(inputs)
    flows = [_follow(nodes, names[i : i + TOGETHER], uses) for i in range(0, len(names), TOGETHER)]
    return Flows({name: flow for flow in flows for name in flow.bits}, flows)


def _follow(nodes: Sequence[Node], inputs: Sequence[str], uses: Counter[str]) -> Flow:
    bits = {name: 1 << i for i, name in enumerate(inputs)}
    flow = Flow({name: {name: Way()} for name in inputs}, dict(bits), bits)
    for node in nodes:
        mask = 0
        if node.op_type in _SIZES and not node.domain:
            continue  # its numbers rest on shapes, not on the data
        for name in (*node.inputs, *node.captures):
            mask |= flow.depends.get(name, 0)
        if not mask:
            continue
        for index, out in enumerate(node.outputs):
            if not out:
                continue
            flow.depends[out] = mask
            ways = _ways(node, index, flow)
            if ways:
                flow.ways[out] = {p: _noted(w, uses[out]) for p, w in ways.items()}
    return flow


def _noted(way: Way, uses: int) -> Way:
    return replace(way, read=True) if way.update is not Update.NONE and uses and not way.read else way


_SIZES = frozenset({"Shape", "Size"})
_CARRIERS = frozenset(
    {"Identity", "Cast", "CastLike", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Slice", "Gather",
     "Split", "Pad", "QuantizeLinear", "DequantizeLinear", "Dropout", "Expand", "SplitToSequence"}
)  # fmt: skip
_KEEP_DIMS = frozenset({"Identity", "Cast", "CastLike", "Slice", "Split", "Pad", "QuantizeLinear", "DequantizeLinear",
                        "Dropout", "Expand"})  # fmt: skip
_WRITERS = frozenset({"ScatterND", "ScatterElements", "Scatter", "TensorScatter"})
_ARITHMETIC = frozenset({"Add", "Sub", "Mul", "Div", "Max", "Min"})
_RECURRENT = {
    "LSTM": {1: 5, 2: 6}, "GRU": {1: 5}, "RNN": {1: 5}, "DynamicQuantizeLSTM": {1: 5, 2: 6},
}  # fmt: skip
_PRESENT_OF = {
    ("", "Attention"): {1: 4, 2: 5},
    ("com.microsoft", "Attention"): {1: 4},
    ("com.microsoft", "QAttention"): {1: 8},
    ("com.microsoft", "MultiHeadAttention"): {1: 6, 2: 7},
    ("com.microsoft", "GroupQueryAttention"): {1: 3, 2: 4},
    ("com.microsoft", "SparseAttention"): {1: 3, 2: 4},
    ("com.microsoft", "PagedAttention"): {1: 3, 2: 4},
    ("com.microsoft", "DecoderAttention"): {1: 6, 2: 7},
    ("com.microsoft", "DecoderMaskedSelfAttention"): {1: 4},
    ("com.microsoft", "DecoderMaskedMultiHeadAttention"): {1: 5, 2: 6},
    ("com.microsoft", "LinearAttention"): {1: 3},
    ("com.microsoft", "CausalConvWithState"): {1: 3},
}
"""For attention operators: output index of the present -> input index of its past (ONNX and contrib schemas)."""


def _ways(node: Node, index: int, flow: Flow) -> Ways:
    """The inputs that one output of the node carries on."""
    pasts = _PRESENT_OF.get((node.domain, node.op_type))
    if pasts is not None or node.op_type in _RECURRENT:
        table, update = (pasts, Update.ATTENTION) if pasts else (_RECURRENT[node.op_type], Update.RECURRENT)
        source = table.get(index, -1)
        name = node.inputs[source] if 0 <= source < len(node.inputs) else ""
        return {p: replace(w, update=update) for p, w in flow.ways.get(name, {}).items()}
    if node.op_type in ("Loop", "Scan"):
        source = index + (2 if node.op_type == "Loop" else 0)
        name = node.inputs[source] if source < len(node.inputs) else ""
        return {p: replace(w, update=Update.COMPUTED, moved=True) for p, w in flow.ways.get(name, {}).items()}
    if node.domain:
        return {}
    if node.op_type in _CARRIERS and node.inputs:
        return {p: _moved(node, w) for p, w in flow.ways.get(node.inputs[0], {}).items()}
    if node.op_type == "Concat":
        return _mixed(node, node.inputs, flow, Update.GROWN)
    if node.op_type == "Where":
        return _mixed(node, node.inputs[1:], flow, Update.IN_PLACE)
    if node.op_type in _ARITHMETIC:
        return _mixed(node, node.inputs, flow, Update.COMPUTED)
    if node.op_type in _WRITERS and len(node.inputs) > 1:
        axis = {"ScatterElements": 0, "TensorScatter": -2}.get(node.op_type)
        along = None if axis is None else int(node.attr("axis", axis))
        return {
            p: replace(w, update=Update.IN_PLACE, axis=_origin(w, along))
            for p, w in flow.ways.get(node.inputs[0], {}).items()
            if not any(flow.rests_on(n, p) for n in node.inputs[1:])
        }
    return {}


def _mixed(node: Node, operands: Sequence[str], flow: Flow, update: Update) -> Ways:
    """Ways through one of several operands; the others either carry the same input or do not depend on it."""
    names = [n for n in dict.fromkeys(operands) if n]
    ways = [flow.ways.get(n, {}) for n in names]
    carriers = Counter(past for each in ways for past in each)
    if len(names) < 2 or len(carriers) > MOST_WAYS:
        return {}
    shared = _shared(flow.depends.get(n, 0) for n in names)
    found: Ways = {}
    for past, way in (item for each in ways for item in each.items() if item[0] not in found):
        if carriers[past] == len(names):
            found[past] = replace(way, moved=True)
        elif not shared & flow.bits[past]:
            axis = _origin(way, int(node.attr("axis", 0)) if node.op_type == "Concat" else None)
            found[past] = replace(way, update=update, axis=axis)
    return found


def _shared(masks: Iterable[int]) -> int:
    """The bits that are set in more than one of the masks."""
    once = twice = 0
    for mask in masks:
        twice |= once & mask
        once |= mask
    return twice


def _origin(way: Way, axis: int | None) -> int | None:
    """A dim of the value as a dim of the input; negative where it is counted from the end."""
    if axis is None or way.moved:
        return None
    if way.order is None:
        return axis
    return way.order[axis] if -len(way.order) <= axis < len(way.order) else None


def _moved(node: Node, way: Way) -> Way:
    if node.op_type == "Slice" and way.update is Update.GROWN:
        return replace(way, update=Update.WINDOW)
    if node.op_type in _KEEP_DIMS:
        return way
    order = tuple(node.attr("perm") or ()) if node.op_type == "Transpose" else ()
    if not order or way.moved:
        return replace(way, moved=True)
    before = way.order or tuple(range(len(order)))
    fits = len(before) == len(order) and all(0 <= i < len(order) for i in order)
    return replace(way, order=tuple(before[i] for i in order)) if fits else replace(way, moved=True)
