"""What a file's weights hold, as short digests: weights of two files with one digest are the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import onnx

from mapper.errors import ModelError
from mapper.frontend.facts import LIMIT, elements_of
from mapper.frontend.file.beside import place_beside
from mapper.frontend.file.proto import contents

_CHUNK_BYTES = 1 << 16
_COMPARED_BYTES = 1 << 24
"""Weights up to this size count in whole, larger ones by as many bytes spread evenly."""

Reader = Callable[[int, int], bytes]


def digests(path: Path) -> dict[str, str]:
    """Digests of the large weights whose numbers are there, inside the file or beside it, by name.

    Numbers that are all the same (zeros in place of weights, an initial fill) say nothing and have none.
    """
    found = contents(path)
    result: dict[str, str] = {}
    with path.open("rb") as file:
        for payload in found.payloads:
            name = payload.name.decode(errors="replace")
            result[name] = _digest(_reader(file.fileno()), payload.elem, payload.dims, payload.start, payload.end)
    for tensor in found.model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL and elements_of(tuple(tensor.dims)) > LIMIT:
            result[tensor.name] = _external(path.parent, tensor)
    return {name: digest for name, digest in result.items() if digest}


def _external(folder: Path, tensor: onnx.TensorProto) -> str:
    """The digest of a weight in a file beside the model; empty where that is missing or too short."""
    entries, place = {e.key: e.value for e in tensor.external_data}, place_beside(folder, tensor)
    if place is None:
        return ""
    try:
        size = place.stat().st_size
        start = int(entries.get("offset") or 0)
        end = start + int(entries.get("length") or size - start)
        if not 0 <= start < end <= size:
            return ""
        with place.open("rb") as file:
            return _digest(_reader(file.fileno()), tensor.data_type, tuple(tensor.dims), start, end)
    except OSError as error:
        raise ModelError(f"cannot read {place}: {error.strerror}", hint="copy the file again") from None


def _reader(descriptor: int) -> Reader:
    return lambda start, end: os.pread(descriptor, end - start, start)


def _digest(read: Reader, elem: int, dims: tuple[int, ...], start: int, end: int) -> str:
    """A digest of type, shape and bytes; empty for bytes that are all the same sixteen."""
    length = end - start
    step = _CHUNK_BYTES * max(1, length // _COMPARED_BYTES)
    found = hashlib.sha256(repr((elem, dims, length)).encode())
    varied, first = False, b""
    for at in range(start, end, step):
        chunk = read(at, min(at + _CHUNK_BYTES, end))
        first = first or chunk[:16]
        varied = varied or chunk != (first * (len(chunk) // 16 + 1))[: len(chunk)]
        found.update(chunk)
    return found.hexdigest() if varied else ""
