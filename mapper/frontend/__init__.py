"""From an ONNX file to a Graph with bound phases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mapper.frontend.phases import PhaseSpec, parse_phase

if TYPE_CHECKING:
    from mapper.frontend.load import Imported, load_model
    from mapper.frontend.parts.load import Together, load_models

__all__ = ["Imported", "PhaseSpec", "Together", "load_model", "load_models", "parse_phase"]


def __getattr__(name: str) -> Any:
    """Loads the reader, and onnx with it, when it is first used."""
    if name in ("Imported", "load_model"):
        from mapper.frontend import load

        return getattr(load, name)
    if name in ("Together", "load_models"):
        from mapper.frontend.parts import load as parts

        return getattr(parts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
