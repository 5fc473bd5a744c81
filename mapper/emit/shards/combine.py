"""Small models that stand for collectives: what ranks have in one layout becomes another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
from onnx import numpy_helper

from mapper.emit.cut import PRODUCER
from mapper.emit.shards.layouts import SUM, WHOLE, Lay, Ranges, Split, Stretch
from mapper.emit.shards.rank_piece import slices
from mapper.errors import ModelError

OPSET, IR_VERSION = 17, 8
_ADDED = frozenset({onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16})
"""Types that Sum adds; others are added two by two."""

Type = tuple[int, Sequence[int | str | None]]


def collective(source: Lay, sink: Lay) -> str:
    """The collective's usual name."""
    if source is SUM:
        return "reduce_scatter" if isinstance(sink, Split) else "all_reduce"
    return "all_to_all" if isinstance(sink, Split) else "all_gather"


def combine_model(source: Lay, sink: Lay, types: Sequence[Type], outputs: Sequence[Type]) -> onnx.ModelProto:
    """Operands `part0`, `part1`, ... of these types to `whole`, or to `result0`, `result1`, ...

    types, outputs: element type and shape of each operand and result."""
    parts = [f"part{r}" for r in range(len(types))]
    nodes: list[onnx.NodeProto] = []
    numbers: dict[str, Any] = {}
    if source is SUM:
        nodes += _sum(parts, types[0][0])
    elif isinstance(source, Split):
        made, more = _gathered(parts, source)
        nodes, numbers = nodes + made, numbers | more
    names = ["whole"]
    if isinstance(sink, Split):
        names = [f"result{r}" for r in range(len(outputs))]
        for name, row in zip(names, sink.ranges, strict=True):
            made, more = slices("whole", name, sink.axis, row, OPSET)
            nodes, numbers = nodes + made, numbers | more
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        collective(source, sink),
        [info(name, *kind) for name, kind in zip(parts, types, strict=True)],
        [info(name, *kind) for name, kind in zip(names, outputs, strict=True)],
        [numpy_helper.from_array(array, name) for name, array in numbers.items()],
    )
    opset = onnx.helper.make_opsetid("", OPSET)
    return onnx.helper.make_model(graph, producer_name=PRODUCER, ir_version=IR_VERSION, opset_imports=[opset])


def _sum(parts: Sequence[str], elem: int) -> list[onnx.NodeProto]:
    if elem in _ADDED:
        return [onnx.helper.make_node("Sum", list(parts), ["whole"], name="sum")]
    nodes, last = [], parts[0]
    for k, part in enumerate(parts[1:]):
        out = "whole" if k == len(parts) - 2 else f"sum{k}"
        nodes.append(onnx.helper.make_node("Add", [last, part], [out], name=out))
        last = out
    return nodes


def _gathered(parts: Sequence[str], source: Split) -> tuple[list[onnx.NodeProto], dict[str, Any]]:
    """Every stretch once, in order, from the first rank that has it."""
    nodes: list[onnx.NodeProto] = []
    numbers: dict[str, Any] = {}
    joined = []
    for k, (rank, (start, stop), size) in enumerate(taken(source.ranges)):
        name = parts[rank]
        if (start, stop) != (0, size):
            name = f"stretch{k}"
            made, more = slices(parts[rank], name, source.axis, [(start, stop)], OPSET)
            nodes, numbers = nodes + made, numbers | more
        joined.append(name)
    nodes.append(onnx.helper.make_node("Concat", joined, ["whole"], name="concat", axis=source.axis))
    return nodes, numbers


def taken(ranges: Ranges) -> list[tuple[int, Stretch, int]]:
    """The stretches that make the whole axis: rank, where it lies in the rank's part, and the size of that part."""
    found: list[tuple[int, Stretch, int]] = []
    end = max(stop for row in ranges for _, stop in row)
    position = 0
    while position < end:
        best: tuple[int, int, Stretch, int] | None = None
        for rank, row in enumerate(ranges):
            base, size = 0, sum(b - a for a, b in row)
            for a, b in row:
                if a <= position < b and (best is None or b > best[0]):
                    best = (b, rank, (base + position - a, base + b - a), size)
                base += b - a
        if best is None:
            raise ModelError(f"no rank has entry {position} of an axis of {end}")
        found.append(best[1:])
        position = best[0]
    return found


def part_type(elem: int, shape: Sequence[int | str], lay: Lay, rank: int) -> tuple[int, Sequence[int | str]]:
    """Type of a rank's part of a value of this type."""
    if lay is WHOLE or not isinstance(lay, Split):
        return elem, tuple(shape)
    return elem, tuple(lay.size(rank) if i == lay.axis else dim for i, dim in enumerate(shape))
