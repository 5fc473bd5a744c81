"""Weights of pieces: where each lies in the emitted folder, without holding them in memory."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import onnx
from onnx import numpy_helper

from mapper.emit.filling import Filling
from mapper.emit.layout import ALIGNMENT, FOLDER
from mapper.emit.shards.runs import Runs, byte_runs, bytes_of, copy_runs, cut_inside
from mapper.errors import MapperError, ModelError
from mapper.frontend.file.tensors import tensor_fact

INLINE_BYTES = 1024
"""Tensors up to this size stay in the pieces that read them."""

CHUNK_BYTES = 16 << 20
INSIDE = f"{FOLDER}/inside.bin"
"""Numbers that the model files themselves held."""
CUT = f"{FOLDER}/cut.bin"
"""Parts of ranks that did not lie together."""

_NOT_IN_THE_KERNEL = frozenset({errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})
_UNUSUAL = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass
class Weights:
    """Places initializers in files below `out`: data beside a model is copied once (by reference to the same blocks,
    where the file system can), data inside it is written out, what is equal once.

    placed: where numbers from inside lie (file, offset, length), by their digest. copied: by data file. missing: data
    files that are not there, with the tensors that they would hold. filling: numbers for these, where wanted; filled:
    where they lie, by the place, type and sizes that they had.
    """

    out: Path
    filling: Filling | None = None
    placed: dict[bytes, tuple[str, int, int]] = field(default_factory=dict)
    copied: dict[Path, str] = field(default_factory=dict)
    missing: dict[Path, set[str]] = field(default_factory=dict)
    filled: dict[tuple[object, ...], tuple[str, int, int]] = field(default_factory=dict)

    def stored(self, folder: Path, tensor: onnx.TensorProto, role: str = "") -> onnx.TensorProto:
        """A tensor of a model in a folder as pieces have it: a small one with its numbers, others with the place of
        these. role: what random numbers must suit."""
        tensor_fact(tensor)  # refuses data outside the model's folder
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            return self._moved(folder, tensor, role)
        if tensor.data_type == onnx.TensorProto.STRING or tensor.ByteSize() <= INLINE_BYTES:
            return tensor
        data = tensor.raw_data or numpy_helper.from_array(numpy_helper.to_array(tensor)).raw_data
        digest = hashlib.sha256(data).digest()
        if digest not in self.placed:
            self.placed[digest] = self._written(data)
        return _external(tensor, *self.placed[digest])

    def cut(
        self, folder: Path, tensor: onnx.TensorProto, axis: int, stretches: Sequence[tuple[int, int]], role: str = ""
    ) -> onnx.TensorProto:
        """Stretches of a tensor along an axis, one behind the other: by reference where they lie together in a file
        beside the model, else copied in chunks, each cut once. Raises MapperError where numbers of less than a byte do
        not begin at one."""
        tensor_fact(tensor)
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            return self.stored(folder, cut_inside(tensor, axis, stretches), role)
        runs = byte_runs(tensor, axis, stretches)
        where = {e.key: e.value for e in self._moved(folder, tensor, role).external_data}
        start, length = int(where.get("offset", 0)), runs.count * sum(b - a for a, b in runs.stretches)
        found = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
        found.dims[axis] = sum(b - a for a, b in stretches)
        if runs.count == len(runs.stretches) == 1:
            return _external(found, where["location"], start + runs.stretches[0][0], length)
        key = hashlib.sha256(repr((where["location"], start, runs)).encode()).digest()
        if key not in self.placed:
            self.placed[key] = self._copied_runs(self.out / where["location"], start, runs, length)
        return _external(found, *self.placed[key])

    def _copied_runs(self, source: Path, start: int, runs: Runs, length: int) -> tuple[str, int, int]:
        path = self.out / CUT
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as sink:
            sink.write(b"\0" * (-sink.tell() % ALIGNMENT))
            offset = sink.tell()
            if source.is_file():
                with source.open("rb") as file:
                    copy_runs(file.fileno(), start, runs, sink)
            else:  # weights without numbers: the place is kept
                sink.truncate(offset + length)
        return CUT, offset, length

    def _moved(self, folder: Path, tensor: onnx.TensorProto, role: str) -> onnx.TensorProto:
        entries = {e.key: e.value for e in tensor.external_data}
        if "location" not in entries:
            raise ModelError(f"'{tensor.name}' has its numbers in a file without a name", hint="save the model again")
        origin = folder / entries["location"]
        if not origin.is_file():
            if self.filling is not None:
                # the length too: files whose weights were taken out often name one and the same missing file
                place = origin, entries.get("offset", "") or tensor.name, entries.get("length", "")
                key = *place, tensor.data_type, *tensor.dims
                if key not in self.filled:
                    self.filled[key] = self.filling.write(self.out, tensor, role)
                return _external(tensor, *self.filled[key])
            self.missing.setdefault(origin, set()).add(tensor.name)
        else:
            _check_length(origin, tensor, int(entries.get("offset", 0)), entries.get("length", ""))
        if origin not in self.copied:
            self.copied[origin] = self._brought(folder, origin)
        found = onnx.TensorProto()
        found.CopyFrom(tensor)
        for entry in found.external_data:
            if entry.key == "location":
                entry.value = self.copied[origin]
        return found

    def _brought(self, folder: Path, origin: Path) -> str:
        """The data file's place below `out`, copied there if it is to be had."""
        place = f"{FOLDER}/{len(self.copied)}-{clean(origin.name)}"
        if origin.is_file():
            if not origin.resolve().is_relative_to(folder.resolve()):
                raise MapperError(f"{origin} leads out of the model's folder; it is not opened")
            (self.out / FOLDER).mkdir(exist_ok=True)
            copy_file(origin, self.out / place)
        return place

    def _written(self, data: bytes) -> tuple[str, int, int]:
        path = self.out / INSIDE
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            file.write(b"\0" * (-file.tell() % ALIGNMENT))
            offset = file.tell()
            file.write(data)
        return INSIDE, offset, len(data)


def clean(name: str) -> str:
    """A name as part of a file's name: letters, digits, dots and dashes; names are data, never paths."""
    return _UNUSUAL.sub("_", name).strip(".")[-60:] or "_"


def _external(tensor: onnx.TensorProto, place: str, offset: int, length: int) -> onnx.TensorProto:
    found = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    found.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", place), ("offset", str(offset)), ("length", str(length))):
        found.external_data.add(key=key, value=value)
    return found


def _check_length(origin: Path, tensor: onnx.TensorProto, offset: int, stated: str) -> None:
    """The file holds all numbers of the tensor."""
    needed = bytes_of(tensor)
    size, length = origin.stat().st_size, int(stated) if stated else needed
    if length < needed or offset + length > size:
        raise ModelError(
            f"'{tensor.name}' needs {needed:,} bytes and states {length:,} from {offset:,} on in {origin}, "
            f"which has {size:,}",
            hint="fetch the model again",
        )


def copy_file(source: Path, sink: Path) -> None:
    """Copy in the kernel, in chunks: file systems that can share the blocks of both files do."""
    with source.open("rb") as a, sink.open("xb") as b:
        left = os.fstat(a.fileno()).st_size
        while left > 0:
            done = _copied(a.fileno(), b.fileno(), min(left, CHUNK_BYTES))
            if not done:
                raise MapperError(f"{source} became shorter while it was copied", hint="emit again")
            left -= done


def _copied(source: int, sink: int, count: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, sink, count)
        except OSError as error:  # between some file systems the kernel cannot
            if error.errno not in _NOT_IN_THE_KERNEL:
                raise
    data = memoryview(os.read(source, count))
    done = 0
    while done < len(data):
        done += os.write(sink, data[done:])
    return done
