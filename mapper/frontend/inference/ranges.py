"""Ranges of attributes that onnx's own inference takes on trust: beyond them it reads, or asks for, any memory.

Which these are `benchmarks/probe_attributes.py` found: it asks about every operator with extreme attributes.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from mapper.frontend.facts import Fact, Node

_AXES = ("axis", "axes", "batch_axis", "time_axis", "perm")
"""Attributes that name dims of the first input."""

_AXIS_UNUSED = frozenset({"QuantizeLinear", "DequantizeLinear"})
"""Their axis means nothing for one scale, and exporters write it all the same."""


def check_ranges(schema: onnx.defs.OpSchema, node: Node, inputs: Sequence[Fact | None]) -> None:
    """A ValueError for an attribute that cannot be: an axis far outside the input, parts without an output."""
    outputs = len(node.outputs)
    if schema.name == "Split" and node.attr("num_outputs", outputs) != outputs:
        raise ValueError(f"num_outputs is {node.attr('num_outputs')}, but it has {outputs} outputs")
    ranks = [None if fact is None or fact.shape is None else len(fact.shape) for fact in inputs]
    if ranks and ranks[0] is not None and node.op_type not in _AXIS_UNUSED:
        for name in _AXES:
            _check_axes(node, ranks[0], node.attr(name))
    if schema.name == "GatherND":
        _check_batch_dims(node, [rank for rank in ranks[:2] if rank is not None])


def _check_axes(node: Node, rank: int, stated: object) -> None:
    axes = stated if isinstance(stated, list) else [stated]
    room = len(axes)  # Unsqueeze makes new axes, Flatten divides behind the last one
    if node.op_type.endswith("LayerNormalization"):
        room = 0
    for axis in axes:
        if isinstance(axis, int) and not -rank - room <= axis < max(rank, 1) + room:
            raise ValueError(f"axis {axis} of {node.op_type} lies outside its input of rank {rank}")


def _check_batch_dims(node: Node, ranks: Sequence[int]) -> None:
    """Batch dims are leading dims of data and indices both, fewer than either has."""
    count = node.attr("batch_dims", 0)
    if ranks and not 0 <= count < max(1, min(ranks)):
        raise ValueError(f"batch_dims {count} of {node.op_type} does not fit inputs of rank {min(ranks)}")
