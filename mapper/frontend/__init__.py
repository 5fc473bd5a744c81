"""From an ONNX file to a Graph with bound phases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mapper.frontend.phases import PhaseSpec, parse_phase

if TYPE_CHECKING:
    from mapper.frontend.load import Imported, load_model

__all__ = ["Imported", "PhaseSpec", "load_model", "parse_phase"]


def __getattr__(name: str) -> Any:
    """Loads the reader, and onnx with it, when it is first used."""
    if name in ("Imported", "load_model"):
        from mapper.frontend import load

        return getattr(load, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
