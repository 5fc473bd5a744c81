"""Parts of tensors as runs of bytes of a file, and copies of these that take little memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import BinaryIO

import numpy as np
import onnx
from onnx import numpy_helper

from mapper.errors import MapperError
from mapper.frontend.file.tensors import tensor_fact

CHUNK_BYTES = 16 << 20
SHORT_BYTES = 1 << 12
"""Runs from here on are read one by one: a page at least."""


_PACKED = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2, "FLOAT6E2M3": 6, "FLOAT6E3M2": 6}
"""Bits of numbers that are stored one behind the other, not each in bytes of its own (onnx.proto)."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The same stretches of bytes in each of `count` blocks of `block` bytes."""

    count: int
    block: int
    stretches: tuple[tuple[int, int], ...]


def byte_runs(tensor: onnx.TensorProto, axis: int, stretches: Sequence[tuple[int, int]]) -> Runs:
    """Where stretches of an axis lie in a tensor's bytes. Raises MapperError where they do not begin at a byte."""
    bits = element_bits(tensor.data_type)
    inner = prod(tensor.dims[axis + 1 :]) * bits
    block = tensor.dims[axis] * inner
    if any(bound * inner % 8 for stretch in stretches for bound in stretch) or block % 8:
        raise MapperError(f"'{tensor.name}': its numbers of {bits} bits cannot be cut along axis {axis}: half a byte")
    found = tuple((a * inner // 8, b * inner // 8) for a, b in stretches)
    return Runs(prod(tensor.dims[:axis]), block // 8, found)


def element_bits(data_type: int) -> int:
    """Bits of a number as it is stored."""
    name = onnx.TensorProto.DataType.Name(data_type)
    if name in _PACKED:
        return _PACKED[name]
    return 8 * int(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(data_type)).itemsize)


def bytes_of(tensor: onnx.TensorProto) -> int:
    """Bytes of a tensor's numbers as they are stored: those of less than a byte packed."""
    return -(-prod(map(int, tensor.dims)) * element_bits(tensor.data_type) // 8)


def copy_runs(source: int, start: int, runs: Runs, sink: BinaryIO) -> None:
    """Copy the runs of a file from byte `start` on: each by itself, or out of many blocks read at once where runs are
    so short that a call for each would take longer. Never more than a chunk of either is in memory."""
    if min(b - a for a, b in runs.stretches) >= SHORT_BYTES or runs.block > CHUNK_BYTES:
        for first in range(runs.count):
            for a, b in runs.stretches:
                for at in range(a, b, CHUNK_BYTES):
                    sink.write(_read(source, start + first * runs.block + at, min(CHUNK_BYTES, b - at)))
        return
    many = max(1, CHUNK_BYTES // max(runs.block, 1))
    for first in range(0, runs.count, many):
        count = min(many, runs.count - first)
        blocks = np.frombuffer(_read(source, start + first * runs.block, count * runs.block), np.uint8)
        rows = blocks.reshape(count, runs.block)
        sink.write(np.concatenate([rows[:, a:b] for a, b in runs.stretches], axis=1).tobytes())


def _read(source: int, offset: int, count: int) -> bytes:
    parts, left = [], count
    while left:
        part = os.pread(source, left, offset + count - left)
        if not part:
            raise MapperError("a file of weights is shorter than its model says", hint="fetch the model again")
        parts.append(part)
        left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def cut_inside(tensor: onnx.TensorProto, axis: int, stretches: Sequence[tuple[int, int]]) -> onnx.TensorProto:
    """Stretches of a tensor whose numbers the model itself holds."""
    tensor_fact(tensor)
    array = numpy_helper.to_array(tensor)
    before = (slice(None),) * axis
    part = np.concatenate([array[(*before, slice(a, b))] for a, b in stretches], axis=axis)
    found: onnx.TensorProto = numpy_helper.from_array(np.ascontiguousarray(part), tensor.name)
    return found
