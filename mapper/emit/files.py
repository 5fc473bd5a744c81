"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from mapper.errors import MapperError


def write_atomically(path: Path, text: str | bytes) -> None:
    """Write a file so that a reader finds the old content or the new, never a part; its folder is made if needed."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(part, text)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


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


@contextmanager
def staged_folder(out: Path) -> Iterator[Path]:
    """A folder to write files in, for files too large to hold: they are put below `out` together when the block ends
    without an error. Other files in `out` stay. What the block cannot read is told as that."""
    if out.exists() and not out.is_dir():
        raise MapperError(f"{out} is a file, not a folder", hint="give another folder with --out")
    with _told(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
        try:
            with _reads_told(staging):
                yield staging
            _put_in_place(
                staging, out, [str(p.relative_to(staging)) for p in sorted(staging.rglob("*")) if p.is_file()]
            )
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _put_in_place(staging: Path, out: Path, names: Collection[str]) -> None:
    """Rename all; nothing is replaced where a folder is in the way of one."""
    for name in names:
        if (out / name).is_dir():
            raise MapperError(f"{out / name} is a folder; a file of that name is to be written")
    out.mkdir(exist_ok=True)
    for folder in dict.fromkeys((out / name).parent for name in names):
        folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        os.replace(staging / name, out / name)


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
        hint = "free some space or write elsewhere" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise MapperError(f"cannot write {path}: {error.strerror or error}", hint=hint) from error
