"""Weights of pieces: where each lies in the emitted folder, without holding them in memory."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import onnx
from onnx import numpy_helper

from mapper.emit.cut_file import CutFile
from mapper.emit.data_files import CopiedFiles, DataFiles, shares_blocks
from mapper.emit.filling import Filling
from mapper.emit.layout import ALIGNMENT, FOLDER
from mapper.emit.shards.runs import byte_runs, cut_inside
from mapper.errors import MapperError, ModelError
from mapper.frontend.file.beside import bytes_of
from mapper.frontend.file.tensors import tensor_fact

INLINE_BYTES = 1024
"""Tensors up to this size stay in the pieces that read them."""

INSIDE = f"{FOLDER}/inside.bin"
"""Numbers that the model files themselves held."""


@dataclass(frozen=True, slots=True)
class _Lies:
    """Where numbers outside a model lie. source: the file as it is now. how: in a data file, or made up."""

    source: Path
    place: str
    offset: int
    length: int
    how: Literal["there", "missing", "made up"]


class Weights:
    """Places initializers in files below `out`: what is equal once, data inside a model at once, data beside it when
    `finish` is called.

    filling: numbers for data that is not there, where wanted. data: how pieces come to data beside models. columns:
    parts of these that do not lie together. missing: data files that are not there, with the tensors that they would
    hold.
    """

    def __init__(self, out: Path, filling: Filling | None = None, data: DataFiles | None = None) -> None:
        self.out, self.filling = out, filling
        self.data = CopiedFiles(out) if data is None else data
        self.columns = CutFile(out)
        self.missing: dict[Path, set[str]] = {}
        self._placed: dict[bytes, tuple[str, int, int]] = {}  # numbers from inside, by their digest
        self._cut: dict[int, tuple[onnx.TensorProto, _Lies]] = {}  # looked up once for all ranks; ids of what is kept
        self._filled: dict[tuple[object, ...], tuple[str, int, int]] = {}  # by place, type and sizes that they had

    def stored(self, folder: Path, tensor: onnx.TensorProto, role: str = "") -> onnx.TensorProto:
        """A tensor of a model in a folder as pieces have it: a small one with its numbers, others with the place of
        these. role: what random numbers must suit."""
        tensor_fact(tensor)  # refuses data outside the model's folder
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            return self._outside(tensor, self._lies(folder, tensor, role))
        if tensor.data_type == onnx.TensorProto.STRING or tensor.ByteSize() <= INLINE_BYTES:
            return tensor
        data = tensor.raw_data or numpy_helper.from_array(numpy_helper.to_array(tensor)).raw_data
        digest = hashlib.sha256(data).digest()
        if digest not in self._placed:
            self._placed[digest] = self._written(data)
        return _external(tensor, *self._placed[digest])

    def cut(
        self, folder: Path, tensor: onnx.TensorProto, axis: int, stretches: Sequence[tuple[int, int]], role: str = ""
    ) -> onnx.TensorProto:
        """Stretches of a tensor along an axis, one behind the other: by reference where they lie together in a file
        beside the model, else copied in chunks, each cut once. Raises MapperError where numbers of less than a byte do
        not begin at one."""
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            tensor_fact(tensor)
            return self.stored(folder, cut_inside(tensor, axis, stretches), role)
        if id(tensor) not in self._cut:
            tensor_fact(tensor)
            self._cut[id(tensor)] = tensor, self._lies(folder, tensor, role)
        runs, lies = byte_runs(tensor, axis, stretches), self._cut[id(tensor)][1]
        found = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
        found.dims[axis] = sum(b - a for a, b in stretches)
        if not runs.together:
            return _external(found, *self.columns.add(lies.source, lies.offset, runs))
        start = lies.offset + runs.stretches[0][0]
        if lies.how == "there":
            self.data.use(lies.source, start, start + runs.bytes)
        return _external(found, lies.place, start, runs.bytes)

    def finish(self) -> int:
        """Write what pieces read of data beside models; returns its bytes. Raises MapperError where there is no room
        for it."""
        copies, columns, free = self.data.left_bytes(), self.columns.left_bytes(), shutil.disk_usage(self.out).free
        if copies + columns > free and (columns > free or not shares_blocks(self.data.places, self.out)):
            raise MapperError(
                f"{copies + columns:,} bytes of weights are to be written, and {free:,} are free",
                hint="--weights reference, with --out the folder of the data, writes columns alone",
            )
        self.data.finish()
        self.columns.finish()
        return copies + columns

    def _outside(self, tensor: onnx.TensorProto, lies: _Lies) -> onnx.TensorProto:
        """All of a tensor whose numbers lie in a file."""
        if lies.how == "made up":
            return _external(tensor, lies.place, lies.offset, lies.length)
        if lies.how == "there":
            self.data.use(lies.source, lies.offset, lies.offset + lies.length)
        found = onnx.TensorProto()
        found.CopyFrom(tensor)
        for entry in found.external_data:
            if entry.key == "location":
                entry.value = lies.place
        return found

    def _lies(self, folder: Path, tensor: onnx.TensorProto, role: str) -> _Lies:
        entries = {e.key: e.value for e in tensor.external_data}
        if "location" not in entries:
            raise ModelError(f"'{tensor.name}' has its numbers in a file without a name", hint="save the model again")
        origin, offset, stated = folder / entries["location"], entries.get("offset", ""), entries.get("length", "")
        if origin.is_file():
            length = _checked_length(origin, tensor, int(offset or 0), stated)
            if not origin.resolve().is_relative_to(folder.resolve()):
                raise MapperError(
                    f"{origin} leads out of the model's folder; it is not opened",
                    hint="copy the model with what its links stand for: cp -rL",
                )
            return _Lies(origin, self.data.place(origin), int(offset or 0), length, "there")
        if self.filling is None:
            self.missing.setdefault(origin, set()).add(tensor.name)
            return _Lies(origin, self.data.place(origin), int(offset or 0), bytes_of(tensor), "missing")
        # the length too: files whose weights were taken out often name one and the same missing file
        key = origin, offset or tensor.name, stated, tensor.data_type, *tensor.dims
        if key not in self._filled:
            self._filled[key] = self.filling.write(self.out, tensor, role)
        place, start, length = self._filled[key]
        return _Lies(self.out / place, place, start, length, "made up")

    def _written(self, data: bytes) -> tuple[str, int, int]:
        path = self.out / INSIDE
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            file.write(b"\0" * (-file.tell() % ALIGNMENT))
            offset = file.tell()
            file.write(data)
        return INSIDE, offset, len(data)


def _external(tensor: onnx.TensorProto, place: str, offset: int, length: int) -> onnx.TensorProto:
    found = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    found.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", place), ("offset", str(offset)), ("length", str(length))):
        found.external_data.add(key=key, value=value)
    return found


def _checked_length(origin: Path, tensor: onnx.TensorProto, offset: int, stated: str) -> int:
    """Bytes of the tensor's numbers in the file, which holds them all."""
    needed = bytes_of(tensor)
    size, length = origin.stat().st_size, int(stated) if stated else needed
    if length < needed or offset + length > size:
        raise ModelError(
            f"'{tensor.name}' needs {needed:,} bytes and states {length:,} from {offset:,} on in {origin}, "
            f"which has {size:,}",
            hint="fetch the model again",
        )
    return length
