"""Where an emission goes: beside nothing that it would overwrite, and in the place of an earlier one."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Set
from pathlib import Path

from mapper.emit.files import locked, put_in_place, write_atomically
from mapper.emit.layout import FOLDER
from mapper.emit.manifest import NAME, FileLine, Manifest, is_path, read, to_json
from mapper.errors import MapperError

_OURS = re.compile(rf"\d+-[^/]*\.onnx|whole-\d+-[^/]*\.onnx|{FOLDER}/[^/]+")
"""Files as emissions name them: nothing else is removed, whatever a manifest lists."""


def earlier(out: Path) -> tuple[str, ...]:
    """What an earlier emission wrote into a folder, its manifest too; () where there was none. Raises MapperError for
    a manifest.json that is none of ours."""
    if not (out / NAME).exists():
        return ()
    try:
        found = read(out / NAME)
    except MapperError as error:
        raise MapperError(
            f"{out} has a {NAME} that is none of this version's", details=[error.message], hint=_ELSEWHERE
        ) from None
    own = [line.path for line in found.files if not line.given and is_path(line.path) and _OURS.fullmatch(line.path)]
    return NAME, *own


def put_emission(staging: Path, out: Path, names: Collection[str], kept: Set[Path] = frozenset()) -> None:
    """Put a new emission into a folder, in the place of an earlier one, whose other files are removed.

    A reader finds the old one or the new one; in between, and when the machine stops there, a manifest without a seal,
    which nobody runs, and from which the next emission knows what is its own. kept: models and their data, resolved,
    which are never touched. Raises MapperError, with nothing changed, for these and for other files that no emission
    wrote, where they would be overwritten.
    """
    if not out.exists():
        try:
            staging.rename(out)
            return
        except OSError:  # another emission was faster
            if not out.is_dir():
                raise
    with locked(out):  # another emission waits
        old = [name for name in earlier(out) if (out / name).resolve() not in kept]
        _refuse_others(out, names, old)
        write_atomically(out / NAME, to_json(_unsealed(read(staging / NAME), {*old, *names})))
        put_in_place(staging, out, [name for name in names if name != NAME])
        for name in set(old) - set(names):
            (out / name).unlink(missing_ok=True)
        put_in_place(staging, out, [NAME])


_ELSEWHERE = "give another folder with --out, or remove what is there"


def _refuse_others(out: Path, names: Collection[str], old: Collection[str]) -> None:
    for name in names:
        if name not in old and os.path.lexists(out / name):
            raise MapperError(f"{out / name} is there and no emission wrote it; it is not replaced", hint=_ELSEWHERE)
    for folder in dict.fromkeys((out / name).parent for name in (*names, *old)):
        if not folder.resolve().is_relative_to(out):
            raise MapperError(f"{folder} leads out of {out}; nothing is written there", hint=_ELSEWHERE)


def _unsealed(manifest: Manifest, names: Collection[str]) -> Manifest:
    """The manifest while files are exchanged: all of the old and the new ones are emissions' own."""
    kept = [line for line in manifest.files if line.given]
    lines = [FileLine(path=name, bytes=0) for name in sorted(names) if name != NAME]
    return manifest.model_copy(update={"seal": "", "files": (*kept, *lines)})
