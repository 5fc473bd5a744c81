"""The wire format of protobuf, walked over a file through a small buffer; nothing but the bytes asked for is read."""

from __future__ import annotations

import os
from collections.abc import Iterator

CHUNK_BYTES = 1 << 20
_HEAD_BYTES = 20
"""The longest head of a field: two varints of 10 bytes."""

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""Wire types; groups (3 and 4) are not used by ONNX."""

Field = tuple[int, int, int, int, int]
"""Number, wire type, where its head starts, where its content starts and ends (a varint's content is the varint)."""


class DamagedError(Exception):
    """The bytes are no protobuf message; says where and why."""


class Window:
    """A file of `size` bytes seen through a buffer. pread, not mmap: mapped pages would count as memory."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.size = size
        self._descriptor = descriptor
        self._start = 0
        self._buffer = b""

    def read(self, start: int, end: int) -> bytes:
        """The bytes from start to end."""
        if self._start <= start and end <= self._start + len(self._buffer):
            return self._buffer[start - self._start : end - self._start]
        parts = []
        while start < end:
            part = os.pread(self._descriptor, min(end - start, 1 << 30), start)
            if not part:
                raise DamagedError(f"it ends at byte {start:,} while being read")
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def varint(self, at: int) -> tuple[int, int]:
        """The unsigned number that starts at a byte, and where it ends."""
        buffer, base = self._around(at)
        return _varint(buffer, at - base, base)

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """The fields of the message that lies from start to end."""
        at = start
        while at < end:
            buffer, base = self._around(at)
            head = at
            tag, at = _varint(buffer, at - base, base)
            number, wire = tag >> 3, tag & 7
            content = at
            if wire == LENGTH:
                length, content = _varint(buffer, at - base, base)
                at = content + length
            elif wire == VARINT:
                _, at = _varint(buffer, at - base, base)
            elif wire == FIXED64:
                at += 8
            elif wire == FIXED32:
                at += 4
            else:
                raise DamagedError(f"byte {head:,} starts a field of unknown wire type {wire}")
            if number == 0:
                raise DamagedError(f"byte {head:,} starts a field with number 0")
            if at > end:
                what = "the file" if end == self.size else "its message"
                raise DamagedError(f"a field of {at - content:,} bytes at byte {head:,} runs beyond the end of {what}")
            yield number, wire, head, content, at

    def _around(self, at: int) -> tuple[bytes, int]:
        """A buffer that holds the longest head at a byte, and where the buffer starts in the file."""
        after = at - self._start
        if after < 0 or (after + _HEAD_BYTES > len(self._buffer) and self._start + len(self._buffer) < self.size):
            self._buffer = os.pread(self._descriptor, CHUNK_BYTES, at)
            self._start = at
        return self._buffer, self._start


def _varint(buffer: bytes, at: int, base: int) -> tuple[int, int]:
    """A varint at an index of the buffer, and where it ends in the file."""
    value = shift = 0
    try:
        while True:
            byte = buffer[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, base + at
            shift += 7
            if shift > 63:
                raise DamagedError(f"the number that ends at byte {base + at:,} has more than 64 bits")
    except IndexError:
        raise DamagedError(f"it ends at byte {base + len(buffer):,} in the middle of a number") from None


def varint(value: int) -> bytes:
    """The number as protobuf writes it."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
