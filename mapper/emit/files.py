"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from mapper.errors import MapperError

YOUNG_S = 10.0
"""A staging folder of this age may not be locked yet."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_atomically(path: Path, text: str | bytes) -> None:
    """Write a file so that a reader finds the old content or the new, never a part; its folder is made if needed."""
    part = _part(path)
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(part, text)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


def refuse_unwritable(path: Path) -> None:
    """Find out before long work whether a file can be written; its folder is made if needed. Raises MapperError."""
    part = _part(path)
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.touch()
        finally:
            part.unlink(missing_ok=True)


def _part(path: Path) -> Path:
    """Where a file is written before it is put in place."""
    if path.is_dir():
        raise MapperError(f"cannot write {path}: it is a folder", hint="give the name of a file")
    return path.with_name(f".{uuid.uuid4().hex}.part")


def write_folder_atomically(out: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files, given by their path below `out`; none is put in place before all are on disk.

    Other files in an existing folder stay. On an error what was there before is untouched, except when the machine
    stops in the middle of the final renames.
    """
    for name in files:
        if not _is_below(name):
            raise MapperError(f"'{name}' is not a path below the folder {out}")
    with staged_folder(out) as staging:
        for name, content in files.items():
            part = staging / name
            part.parent.mkdir(parents=True, exist_ok=True)
            _write(part, content)


Put = Callable[[Path, Path, Collection[str]], None]
"""How files are put in place: from a folder, into a folder, which (relative paths)."""


def put_in_place(staging: Path, out: Path, names: Collection[str]) -> None:
    """Rename all; nothing is replaced where a folder is in the way of one."""
    for name in names:
        if (out / name).is_dir():
            raise MapperError(f"{out / name} is a folder; a file of that name is to be written")
    out.mkdir(exist_ok=True)
    for folder in dict.fromkeys((out / name).parent for name in names):
        folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        os.replace(staging / name, out / name)


@contextmanager
def staged_folder(out: Path, put: Put = put_in_place) -> Iterator[Path]:
    """A folder to write files in, for files too large to hold: they are put below `out` together when the block ends
    without an error. Other files in `out` stay. What the block cannot read is told as that."""
    if out.exists() and not out.is_dir():
        raise MapperError(f"{out} is a file, not a folder", hint="give another folder with --out")
    with _told(out):
        place = out.resolve()  # behind a link may be another file system, to which nothing can be renamed
        beside = place if place.is_dir() else place.parent
        beside.mkdir(parents=True, exist_ok=True)
        start, key = f".{place.name[:64]}.", uuid.uuid4().hex
        _sweep(beside, start)
        staging = beside / f"{start}{key}.part"
        try:
            staging.mkdir()
            with locked(staging), _reads_told(staging):
                yield staging
                put(staging, place, [str(p.relative_to(staging)) for p in sorted(staging.rglob("*")) if p.is_file()])
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _sweep(folder: Path, start: str) -> None:
    """Remove staging folders that a process left behind when it was killed: no one holds their locks."""
    for path in folder.glob(f"{glob.escape(start)}{'[0-9a-f]' * 32}.part"):
        with suppress(OSError), locked(path, wait=False):
            if time.time() - path.stat().st_mtime > YOUNG_S:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """A folder that no other process has locked; the lock goes with the process. Raises OSError where one has it and
    this does not wait."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, content: str | bytes) -> None:
    with path.open("xb") as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and str(path) != "."


@contextmanager
def _reads_told(staging: Path) -> Iterator[None]:
    """Turn the system's error about a file elsewhere than in the staging folder into one that names it."""
    try:
        yield
    except OSError as error:
        name = error.filename
        if isinstance(name, str) and error.filename2 is None and not Path(name).is_relative_to(staging):
            raise MapperError(f"cannot read {name}: {error.strerror or error}", hint="check the file") from error
        raise


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn the system's error into one that says which file and why."""
    try:
        yield
    except OSError as error:
        hint = "free some space or write elsewhere" if error.errno in FULL else ""
        raise MapperError(f"cannot write {path}: {error.strerror or error}", hint=hint) from error
