"""The built-in target library: YAML files by kind, and the unit models they are written for."""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """The folder with units/, memories/, links/, chips/ and systems/."""
    return Path(__file__).parent
