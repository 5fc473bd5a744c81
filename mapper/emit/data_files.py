"""Data files beside the models: where pieces find them, and which of their bytes are copied for that."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mapper.emit.layout import FOLDER, clean
from mapper.emit.manifest import is_path
from mapper.emit.shards.runs import CHUNK_BYTES, write_at
from mapper.errors import MapperError

BLOCK_BYTES = 1 << 16
"""Copies begin and end at multiples of this: of the blocks that file systems share, and not worth a hole."""

_NOT_IN_THE_KERNEL = frozenset({errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})


class DataFiles(Protocol):
    """How pieces come to the numbers that lie beside a model."""

    places: dict[Path, str]
    """By data file, its path below the emitted folder."""

    def place(self, origin: Path) -> str:
        """Where pieces find a data file, below the emitted folder. It need not be there."""

    def use(self, origin: Path, start: int, stop: int) -> None:
        """Some piece reads these bytes."""

    def referred(self) -> dict[str, Path]:
        """Files that pieces read where they are, by their path below the emitted folder."""

    def left_bytes(self) -> int:
        """What `finish` is going to write."""

    def finish(self) -> None:
        """Put in place what pieces read."""


@dataclass
class CopiedFiles:
    """Copies below `out`, of what pieces read alone: at the offsets that it has in the origin, with holes between."""

    out: Path
    places: dict[Path, str] = field(default_factory=dict)
    used: dict[Path, set[tuple[int, int]]] = field(default_factory=dict)

    def place(self, origin: Path) -> str:
        """A name of its own below `weights/`."""
        return self.places.setdefault(origin, f"{FOLDER}/{len(self.places)}-{clean(origin.name)}")

    def use(self, origin: Path, start: int, stop: int) -> None:
        """These bytes are going to be copied."""
        self.used.setdefault(origin, set()).add((start, stop))

    def referred(self) -> dict[str, Path]:
        """None: pieces read the copies."""
        return {}

    def left_bytes(self) -> int:
        """Bytes to copy, without holes."""
        return sum(b - a for origin, used in self.used.items() for a, b in joined(used, origin.stat().st_size))

    def finish(self) -> None:
        """Copy in the kernel: file systems that can share the blocks of both files do."""
        for origin, used in self.used.items():
            sink = self.out / self.places[origin]
            sink.parent.mkdir(exist_ok=True)
            with origin.open("rb") as a, sink.open("xb") as b:
                for start, stop in joined(used, os.fstat(a.fileno()).st_size):
                    copy_range(a.fileno(), b.fileno(), start, stop, origin)


@dataclass
class ReferredFiles:
    """The files themselves: `out` is their folder or one above it, as formats and runtimes want it."""

    out: Path
    places: dict[Path, str] = field(default_factory=dict)

    def place(self, origin: Path) -> str:
        """Its path from `out`. Raises MapperError for a file elsewhere."""
        real, root = origin.resolve(), self.out.resolve()
        if not real.is_relative_to(root):
            raise MapperError(
                f"{origin} does not lie below {self.out}; pieces can only refer to data in their own folder or below",
                hint=f"--out {origin.parent}, or without --weights reference, which copies what pieces read",
            )
        place = real.relative_to(root).as_posix()
        if not is_path(place):
            raise MapperError(f"{origin}: pieces refer to no file of such a name", hint="leave --weights reference out")
        return self.places.setdefault(origin, place)

    def use(self, origin: Path, start: int, stop: int) -> None:
        """Nothing: all of it is there."""

    def referred(self) -> dict[str, Path]:
        """Those that are there."""
        return {place: origin for origin, place in self.places.items() if origin.is_file()}

    def left_bytes(self) -> int:
        """Nothing is copied."""
        return 0

    def finish(self) -> None:
        """Nothing: all of it is there."""


def joined(stretches: Iterable[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """Stretches of a file of `size` bytes in order, widened to whole blocks, those that touch as one."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(stretches):
        a, b = start // BLOCK_BYTES * BLOCK_BYTES, min(size, -(-stop // BLOCK_BYTES) * BLOCK_BYTES)
        if found and a <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], b)
        else:
            found.append((a, b))
    return found


def copy_range(source: int, sink: int, start: int, stop: int, name: Path) -> None:
    """Copy bytes of a file to the same place in another. source, sink: descriptors. name: the source, for messages."""
    while start < stop:
        done = _copied(source, sink, start, min(stop - start, CHUNK_BYTES))
        if not done:
            raise MapperError(f"{name} became shorter while it was copied", hint="emit again")
        start += done


def _copied(source: int, sink: int, offset: int, count: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, sink, count, offset, offset)
        except OSError as error:  # between some file systems the kernel cannot
            if error.errno not in _NOT_IN_THE_KERNEL:
                raise
    return write_at(sink, os.pread(source, count, offset), offset)


_FICLONE = 0x40049409
"""Of linux/fs.h: make one file share the blocks of another."""


def shares_blocks(origins: Iterable[Path], folder: Path) -> bool:
    """Whether copies of these files below a folder take no room."""
    if sys.platform != "linux":
        return False
    import fcntl

    for origin in origins:
        try:
            with origin.open("rb") as source, tempfile.TemporaryFile(dir=folder) as sink:
                fcntl.ioctl(sink.fileno(), _FICLONE, source.fileno())
        except OSError:
            return False
    return True
