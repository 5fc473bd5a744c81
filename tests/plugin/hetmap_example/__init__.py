"""An example plug-in of the mapper."""

from __future__ import annotations

from pathlib import Path


def library() -> Path:
    """The folder with this package's chips and units."""
    return Path(__file__).parent / "library"
