"""How an input is made up where a request brings none: word ids, masks, positions, numbers."""

from __future__ import annotations

import re
from collections.abc import Collection

import onnx

from mapper.emit.manifest import InputLine
from mapper.frontend.anatomy import Anatomy

_POSITIONS = re.compile(r"pos", re.IGNORECASE)
_MASK = re.compile(r"mask", re.IGNORECASE)
_FLOATS = frozenset(
    {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE}
)


def fill_of(anatomy: Anatomy, name: str, numbers: Collection[str] = ()) -> InputLine:
    """Floats are random but for masks, which hide nothing; integers that look words up are below their table's size.

    Lengths of contrib attention (`seqlens_k`, `total_sequence_length`: onnxruntime's GroupQueryAttention) are what they
    say. numbers: inputs that have the number that the plan was made for.
    """
    found = anatomy.type_of(name)
    elem = found.elem if found else onnx.TensorProto.FLOAT
    if elem in _FLOATS:
        return InputLine(value=name, fill="zeros" if _MASK.search(name) else "normal")
    if name.startswith("seqlens_k"):
        return InputLine(value=name, fill="total", add=-1)
    if name.startswith("total_seq"):
        return InputLine(value=name, fill="total")
    if name in numbers:
        return InputLine(value=name, fill="given")
    if elem == onnx.TensorProto.BOOL or _MASK.search(name):
        return InputLine(value=name, fill="ones")
    if _POSITIONS.search(name):
        return InputLine(value=name, fill="positions")
    known = [(anatomy.initializers[t].dims, axis) for t, axis in _tables(anatomy, name) if t in anatomy.initializers]
    rows = [dims[axis] for dims, axis in known if -len(dims) <= axis < len(dims)]
    return InputLine(value=name, fill="ids", below=min(rows)) if rows else InputLine(value=name, fill="ones")


_EMBEDDED = {0: 2, 1: 4, 8: 3}
"""By operand of EmbedLayerNormalization (words, segments, positions), the operand that it looks up in."""


def _tables(anatomy: Anatomy, name: str) -> list[tuple[str, int]]:
    """What the input looks up in, directly or through casts and shapes, each with the axis."""
    names, tables = {name}, list[tuple[str, int]]()
    for node in anatomy.nodes:
        proto = node.proto
        if names.isdisjoint(proto.input):
            continue
        if proto.op_type == "Gather" and len(proto.input) > 1 and proto.input[1] in names:
            tables.append((proto.input[0], next((a.i for a in proto.attribute if a.name == "axis"), 0)))
        elif proto.op_type in ("Cast", "Reshape", "Identity", "Unsqueeze", "Squeeze") and proto.input[0] in names:
            names.add(proto.output[0])
        elif proto.op_type == "EmbedLayerNormalization":
            read = [table for i, table in _EMBEDDED.items() if i < len(proto.input) and proto.input[i] in names]
            tables += [(proto.input[table], 0) for table in read if table < len(proto.input)]
        elif proto.op_type == "GatherBlockQuantized" and len(proto.input) > 1 and proto.input[1] in names:
            tables.append((proto.input[0], next((a.i for a in proto.attribute if a.name == "gather_axis"), 0)))
    return tables
