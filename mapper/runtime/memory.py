"""Memory that processes share without a name: nothing is left behind, however they end."""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
from bisect import insort
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mapper.errors import MapperError
from mapper.runtime.tensors import Array, Kind, Shape

ALIGNMENT = 64
STEP_BYTES = 1 << 20


class Memory:
    """Bytes behind a descriptor, mapped into this process as far as they are asked for."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._bytes: Array = np.empty(0, np.uint8)
        self._base = 0
        self._before: list[Array] = []  # smaller mappings: addresses that were handed out stay good

    def address(self, offset: int, size: int) -> int:
        """Where bytes [offset, offset + size) lie in this process. The file may have grown since the last time."""
        if offset + size > self._bytes.size:
            length = os.fstat(self.descriptor).st_size
            self._before.append(self._bytes)
            self._bytes = np.frombuffer(mmap.mmap(self.descriptor, length), np.uint8)
            self._base = self._bytes.ctypes.data
        return self._base + offset

    def array(self, offset: int, kind: Kind, shape: Shape) -> Array:
        """A tensor there, not a copy."""
        size = kind.bytes(shape)
        self.address(offset, size)
        return self._bytes[offset : offset + size].view(kind.numpy).reshape(shape)

    def put(self, offset: int, array: Array) -> None:
        """Copy a tensor there."""
        self.address(offset, array.nbytes)
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        self._bytes[offset : offset + array.nbytes] = data

    def close(self) -> None:
        """Forget it; the last process that does frees it."""
        self._bytes = np.empty(0, np.uint8)
        self._before.clear()
        os.close(self.descriptor)


def unnamed(label: str) -> int:
    """A descriptor of an empty file in memory without a name; where the system has none, a deleted temporary file."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(label)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


@dataclass(slots=True)
class Block:
    """A tensor in shared memory, with how many still need it."""

    offset: int
    size: int
    kind: Kind
    shape: Shape
    users: int = 0


class Arena:
    """Hands out blocks of shared memory, first fit, and takes them back; the memory grows when it is full."""

    def __init__(self) -> None:
        self.memory = Memory(unnamed("mapper-arena"))
        self.size = 0
        self._free: list[tuple[int, int]] = []  # offset, end; by offset, never touching

    def block(self, kind: Kind, shape: Shape) -> Block:
        """Room for a tensor."""
        size = kind.bytes(shape)
        room = max(ALIGNMENT, -(-size // ALIGNMENT) * ALIGNMENT)
        for k, (start, end) in enumerate(self._free):
            if end - start >= room:
                if end - start == room:
                    del self._free[k]
                else:
                    self._free[k] = (start + room, end)
                return Block(start, room, kind, shape)
        self._grow(room)
        return self.block(kind, shape)

    def free(self, block: Block) -> None:
        """Take a block back."""
        self._release(block.offset, block.offset + block.size)

    @property
    def free_bytes(self) -> int:
        """What is not handed out."""
        return sum(end - start for start, end in self._free)

    def _release(self, start: int, end: int) -> None:
        insort(self._free, (start, end))
        k = self._free.index((start, end))
        if k + 1 < len(self._free) and self._free[k + 1][0] == end:
            end = self._free.pop(k + 1)[1]
            self._free[k] = (start, end)
        if k and self._free[k - 1][1] == start:
            del self._free[k]
            self._free[k - 1] = (self._free[k - 1][0], end)

    def _grow(self, room: int) -> None:
        """A quarter more, so that growing is rare. The pages are claimed now: a full memory is told, not met later."""
        more = -(-max(room, self.size // 4, STEP_BYTES) // STEP_BYTES) * STEP_BYTES
        try:
            refuse_more_than_free(more)
            _claim(self.memory.descriptor, self.size, more)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.ENOMEM, errno.EDQUOT, errno.EFBIG):
                raise
            raise MapperError(
                f"no room for {more:,} bytes more of shared memory: {error.strerror}",
                details=[f"{self.size:,} bytes are in use for values on their way"],
                hint="fewer requests at once (--inflight), or fewer calls (--calls)",
            ) from None
        self._release(self.size, self.size + more)
        self.size += more

    def close(self) -> None:
        """Give all memory back."""
        self.memory.close()


def _claim(descriptor: int, start: int, more: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, start, more)
    else:
        os.ftruncate(descriptor, start + more)


def refuse_more_than_free(size: int) -> None:
    """Raise OSError (ENOMEM) for more bytes than the system has left: it would end processes to make room."""
    free = free_bytes()
    if free is not None and size > free:
        raise OSError(errno.ENOMEM, f"{free:,} bytes of memory are free")


def free_bytes() -> int | None:
    """Memory that the system can still give; None where it does not tell (only Linux does)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), None)
