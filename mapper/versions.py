"""Versions of mapper and of what its results rest on."""

from __future__ import annotations

import importlib.metadata
import platform


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    names = ("hetmap", "onnx", "ortools", "numpy")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"python": platform.python_version(), **found}
