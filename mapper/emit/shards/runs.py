"""Parts of tensors as runs of bytes of a file, and copies of these that take little memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import onnx
from onnx import numpy_helper

from mapper.errors import MapperError
from mapper.frontend.file.beside import element_bits
from mapper.frontend.file.tensors import tensor_fact

CHUNK_BYTES = 16 << 20
SHORT_BYTES = 1 << 16
"""Runs from here on are read one by one: a call takes less than copying so many bytes."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The same stretches of bytes in each of `count` blocks of `block` bytes."""

    count: int
    block: int
    stretches: tuple[tuple[int, int], ...]

    @property
    def bytes(self) -> int:
        """Bytes of all together."""
        return self.count * sum(b - a for a, b in self.stretches)

    @property
    def together(self) -> bool:
        """Whether they lie one behind the other."""
        return self.count == len(self.stretches) == 1


def byte_runs(tensor: onnx.TensorProto, axis: int, stretches: Sequence[tuple[int, int]]) -> Runs:
    """Where stretches of an axis lie in a tensor's bytes. Raises MapperError where they do not begin at a byte."""
    bits = element_bits(tensor.data_type)
    inner = prod(tensor.dims[axis + 1 :]) * bits
    block = tensor.dims[axis] * inner
    if any(bound * inner % 8 for stretch in stretches for bound in stretch) or block % 8:
        raise MapperError(f"'{tensor.name}': its numbers of {bits} bits cannot be cut along axis {axis}: half a byte")
    found = tuple((a * inner // 8, b * inner // 8) for a, b in stretches)
    return Runs(prod(tensor.dims[:axis]), block // 8, found)


def copy_runs(source: int, start: int, parts: Sequence[tuple[Runs, int]], sink: int) -> None:
    """Copy runs of a file from byte `start` on to places in another: each run by itself, or out of many blocks read at
    once for all parts where runs are so short that a call for each would take longer.

    source, sink: descriptors. parts: of equal count and block, each with its place. Never more than a chunk of each
    file is in memory.
    """
    first = parts[0][0]
    if first.block > CHUNK_BYTES or min(b - a for runs, _ in parts for a, b in runs.stretches) >= SHORT_BYTES:
        for runs, place in parts:
            _copy_each(source, start, runs, sink, place)
        return
    many = max(1, CHUNK_BYTES // max(first.block, 1))
    for at in range(0, first.count, many):
        count = min(many, first.count - at)
        blocks = np.frombuffer(_read(source, start + at * first.block, count * first.block), np.uint8)
        rows = blocks.reshape(count, first.block)
        for runs, place in parts:
            columns = np.concatenate([rows[:, a:b] for a, b in runs.stretches], axis=1)
            write_at(sink, columns.data, place + at * columns.shape[1])


def _copy_each(source: int, start: int, runs: Runs, sink: int, place: int) -> None:
    for block in range(runs.count):
        for a, b in runs.stretches:
            for at in range(a, b, CHUNK_BYTES):
                count = min(CHUNK_BYTES, b - at)
                place += write_at(sink, _read(source, start + block * runs.block + at, count), place)


def write_at(sink: int, data: bytes | memoryview, offset: int) -> int:
    """Write all of it at an offset of a file; returns its length."""
    view, done = memoryview(data).cast("B"), 0
    while done < len(view):
        done += os.pwrite(sink, view[done:], offset + done)
    return done


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
