"""Where things lie in an emitted folder, and how they are called."""

from __future__ import annotations

import re

FOLDER = "weights"
"""Numbers of weights, below the folder of the pieces: onnx and onnxruntime open no data elsewhere."""

ALIGNMENT = 64
"""Bytes that the numbers of a weight begin at a multiple of: a cache line, and the widest vector."""

_UNUSUAL = re.compile(r"[^A-Za-z0-9._-]+")


def clean(name: str) -> str:
    """A name as part of a file's name: letters, digits, dots and dashes; names are data, never paths."""
    return _UNUSUAL.sub("_", name).strip(".")[-60:] or "_"
