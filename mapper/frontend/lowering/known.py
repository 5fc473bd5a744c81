"""What the attribute rules may ask of the values around a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mapper.frontend.dims.symbols import Symbols
from mapper.frontend.facts import Fact
from mapper.frontend.lowering.visible import Visible
from mapper.ir.graph import Shape


class Known(Protocol):
    """What the lowering knows of values."""

    symbols: Symbols

    @property
    def opset(self) -> int:
        """The file's opset of ai.onnx."""
        ...

    def facts(self, name: str) -> list[Fact]:
        """Facts per sample."""
        ...

    def shapes(self, name: str) -> list[Shape]:
        """Shapes per sample."""
        ...

    def visible(self, scores: str) -> Visible:
        """What the mask of attention scores lets through."""
        ...


def size_of(known: Known, sizes: Sequence[int]) -> int | str:
    """A size per sample as an attribute: a number, or the name of a symbolic dim."""
    return known.symbols.dim(tuple(sizes))
