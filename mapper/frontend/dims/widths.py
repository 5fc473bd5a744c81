"""Sizes that an attention operator leaves no choice of: the head width of its caches, from the width of its query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mapper.frontend.facts import Fact, Node, Source

_QUERIES = {
    ("com.microsoft", "GroupQueryAttention"): (3, 4),
    ("com.microsoft", "SparseAttention"): (3, 4),
    ("com.microsoft", "MultiHeadAttention"): (6, 7),
}
"""For attention operators with a query [batch, seq, heads x width]: where their caches come in."""

_SAME_WIDTH = frozenset(
    {"Identity", "Cast", "Dropout", "LayerNormalization", "SimplifiedLayerNormalization", "RotaryEmbedding", "Add",
     "Mul", "Sub", "Div", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "BiasGelu", "FastGelu"}
)  # fmt: skip
_DEPTH = 16


def cache_widths(source: Source) -> dict[tuple[str, int], tuple[int, str]]:
    """For the open last dims of caches that such an operator reads: their size, and why."""
    found: dict[tuple[str, int], tuple[int, str]] = {}
    wanted = {n for n, d in source.inputs.items() if d.dims and len(d.dims) == 4 and not isinstance(d.dims[3], int)}
    reader = _Widths(source)
    for node in source.nodes if wanted else ():
        caches = [node.inputs[i] for i in _QUERIES.get((node.domain, node.op_type), ()) if i < len(node.inputs)]
        for name in wanted.intersection(caches):
            width = _head_width(node, reader)
            if width:
                found.setdefault((name, 3), (width, f"the head width of {node.op_type} '{node.name}'"))
    return found


def _head_width(node: Node, reader: _Widths) -> int:
    """Elements of a head; 0 where the query's width is not stated or does not divide."""
    heads, own = int(node.attr("num_heads", 0)), int(node.attr("kv_num_heads", 0))
    packed = len(node.inputs) < 2 or not node.inputs[1]
    if packed and node.op_type == "MultiHeadAttention":
        return 0
    parts = heads + 2 * own if packed else heads
    width = reader.last(node.inputs[0])
    return width // parts if width > 0 and parts > 0 and width % parts == 0 else 0


@dataclass(slots=True)
class _Widths:
    """Last dims of values, as far as the file states them or its weights imply them."""

    source: Source
    makers: Mapping[str, Node] = field(init=False)

    def __post_init__(self) -> None:
        self.makers = {out: node for node in self.source.nodes for out in node.outputs if out}

    def last(self, name: str, depth: int = _DEPTH) -> int:
        """The last dim of a value; 0 where it is not known."""
        declared = self.source.inputs.get(name) or self.source.declared.get(name)
        stated = declared.dims[-1] if declared is not None and declared.dims else None
        if isinstance(stated, int):
            return stated
        fact, node = self.source.constants.get(name), self.makers.get(name)
        if fact is not None or node is None or not depth:
            return _last_of(fact)
        if node.op_type == "MatMulNBits":
            return int(node.attr("N", 0))
        if node.op_type in ("MatMul", "Gemm", "FusedMatMul") and len(node.inputs) > 1:
            return _last_of(self.source.constants.get(node.inputs[1]), -2 if node.attr("transB", 0) else -1)
        if node.op_type in _SAME_WIDTH:
            return next((w for n in node.inputs if n and (w := self.last(n, depth - 1)) > 1), 0)
        return 0


def _last_of(fact: Fact | None, index: int = -1) -> int:
    shape = fact.shape if fact is not None else None
    return shape[index] if shape is not None and len(shape) >= -index else 0
