"""Content addresses: of files, of folders, and of data."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from mapper.hw.plugins import brought
from mapper.versions import code, compiled_by, versions

LEFT_OUT = "__pycache__"
"""Folders whose content Python makes of what lies beside them."""


class Digests:
    """sha256 of files and folders, each read once."""

    def __init__(self) -> None:
        self._known: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        """Of a file's bytes, or of the names and bytes of all files in a folder; '' where it cannot be read."""
        if path not in self._known:
            try:
                self._known[path] = _of_folder(path) if path.is_dir() else _of_file(path)
            except OSError:
                self._known[path] = ""
        return self._known[path]


def address(data: Any) -> str:
    """sha256 of data as JSON."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def program() -> dict[str, Any]:
    """What answers: versions of libraries and plug-ins, and mapper's own code."""
    return {"versions": versions(), "libraries": compiled_by(), "plugins": brought(), "code": code()}


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_folder(folder: Path) -> str:
    found = hashlib.sha256()
    names = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    for name in names:
        if LEFT_OUT not in name.parts:
            found.update(f"{name.as_posix()}\0{_of_file(folder / name)}\n".encode())
    return found.hexdigest()
