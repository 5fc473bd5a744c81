"""Opens an ONNX file and parses it without the numbers of its weights, however large these are."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from mapper.errors import ModelError
from mapper.frontend.file.formats import HEAD_BYTES, looks_like
from mapper.frontend.file.strip import Payload, Stripped
from mapper.frontend.file.ties import tied_inline
from mapper.frontend.file.wire import CHUNK_BYTES, DamagedError, Window

HASHED_BYTES = 256 << 20
"""Up to this size the digest covers the whole file; of larger ones, which are weights but for a few MB, the rest."""

LARGEST_STRIPPED_BYTES = 1 << 30
"""What is left without weights; protobuf cannot parse more than 2 GiB, and no graph comes near."""

_MODEL_TAGS = frozenset(b"\x08\x12\x1a\x22\x28\x32\x3a\x42\x72\xa2\xca\xd2")
"""First bytes that open a field of ModelProto."""


@dataclass(frozen=True, slots=True)
class Contents:
    """A file without large numbers. tied: weights inside it that hold what another holds, and that one."""

    model: onnx.ModelProto
    digest: str
    payloads: tuple[Payload, ...]
    tied: dict[str, str]


def contents(path: Path) -> Contents:
    """What the file says, or a ModelError that tells what is wrong with it."""
    with _opened(path) as (descriptor, size):
        window = Window(descriptor, size)
        _check_format(path, window.read(0, min(size, HEAD_BYTES)), size)
        stripped = Stripped(window)
        try:
            blob = stripped.model()
            model = _parse(path, blob, size)
            payloads = tuple(stripped.payloads)
            tied = tied_inline(window, payloads)
            digest = _digest(descriptor, size, blob)
        except DamagedError as error:
            raise _damaged(path, window.read(0, 1)[0], size, str(error)) from None
        except OSError as error:
            raise ModelError(f"cannot read {path}: {error.strerror}", hint="copy the file again") from None
    return Contents(model, digest, payloads, tied)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[int, int]]:
    """A file descriptor and the file's size."""
    if path.is_dir():
        raise ModelError(f"{path} is a folder, not an ONNX file", hint="name the .onnx file in it")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ModelError(f"cannot read {path}: {why}", hint="check the path") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ModelError(f"{path} is no regular file", hint="save the model to a file and name that")
        if status.st_size == 0:
            raise ModelError(f"{path} is empty (0 bytes), not an ONNX file", hint="export or copy the model again")
        yield descriptor, status.st_size
    finally:
        os.close(descriptor)


def _check_format(path: Path, head: bytes, size: int) -> None:
    found = looks_like(head, size)
    if found is not None:
        what, hint = found
        raise ModelError(f"{path} is {what}, not an ONNX file ({size:,} bytes)", hint=hint)


def _parse(path: Path, blob: bytes, size: int) -> onnx.ModelProto:
    if len(blob) > LARGEST_STRIPPED_BYTES:
        raise ModelError(f"{path}: its graph alone has {len(blob):,} bytes; {LARGEST_STRIPPED_BYTES:,} can be read")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(blob)
    except (DecodeError, RecursionError) as error:
        raise _damaged(path, blob[0] if blob else 0, size, str(error)) from None
    if not model.HasField("graph"):
        what = "truncated: it holds no graph" if blob[:1] == b"\x08" else "not an ONNX file: it holds no graph"
        raise ModelError(f"{path} is {what} ({size:,} bytes)", hint="export or copy it again")
    return model


def _damaged(path: Path, first: int, size: int, why: str) -> ModelError:
    if first in _MODEL_TAGS:
        return ModelError(f"{path} is truncated or damaged ({size:,} bytes): {why}", hint="export or copy it again")
    return ModelError(f"{path} is not an ONNX file ({size:,} bytes)", hint="name a file in ONNX protobuf format")


def _digest(descriptor: int, size: int, stripped: bytes) -> str:
    """sha256 of the file; of a file of more than HASHED_BYTES, of its size and what is left of it without weights."""
    if size > HASHED_BYTES:
        return hashlib.sha256(b"%d:" % size + stripped).hexdigest()
    found = hashlib.sha256()
    for start in range(0, size, CHUNK_BYTES):
        found.update(os.pread(descriptor, CHUNK_BYTES, start))
    return found.hexdigest()
