"""The ops that one node becomes, in the making."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from mapper.frontend.facts import Node
from mapper.frontend.lowering.known import Known
from mapper.hw.work import DType, Role
from mapper.ir.graph import Attr, Op, Value

Attrs = tuple[tuple[str, Attr], ...]
BITS = {1: DType.I2, 2: DType.I2, 4: DType.I4, 8: DType.I8}


class Store(Known, Protocol):
    """What the lowering offers to those who make several ops of a node."""

    extra: dict[str, Value]
    stored: dict[str, Value]

    def value(self, name: str) -> Value:
        """The value with its dims named."""
        ...

    def resolve(self, name: str) -> str:
        """The value that stands for this one."""
        ...


@dataclass(slots=True)
class Parts:
    """The ops that one node becomes, in the making. inputs: the node's, resolved; "" where left out."""

    store: Store
    node: Node
    name: str
    attrs: Attrs
    ops: list[Op] = field(default_factory=list)

    def input(self, index: int) -> str:
        """The node's input, or "" if it is left out."""
        names = self.node.inputs
        return self.store.resolve(names[index]) if index < len(names) and names[index] else ""

    def inputs(self, *indices: int) -> tuple[str, ...]:
        """Those of the node's inputs that are there."""
        return tuple(filter(None, map(self.input, indices)))

    def between(self, suffix: str, shape: tuple[int | str, ...], dtype: DType) -> str:
        """A new value inside the node."""
        name = f"{next(filter(None, self.node.outputs), self.name)}.{suffix}"
        self.store.extra[name] = Value(name, shape, dtype, Role.ACTIVATION)
        return name

    def add(self, suffix: str, kind: str, inputs: tuple[str, ...], outputs: tuple[str, ...], **attrs: Attr) -> None:
        """Adds an op; the last one, with no suffix, bears the node's own name and attributes."""
        name = f"{self.name}.{suffix}" if suffix else self.name
        own = tuple((key, value) for key, value in self.attrs if key in ("op_type", "domain"))
        found = (*own, *attrs.items()) if suffix or attrs else self.attrs
        self.ops.append(Op(name, kind, inputs, outputs, found, (self.node.origin,)))

    def project(
        self, suffix: str, inputs: tuple[str, ...], columns: int, dtype: DType, *, out: str = "", **attrs: Attr
    ) -> str:
        """A matmul of the first input, whose columns become `columns`; `out` is its result if that has a name."""
        data = self.store.value(inputs[0])
        out = out or self.between(suffix, (*data.shape[:-1], columns), dtype)
        self.add(suffix, "matmul", inputs, (out,), **attrs)
        return out


def columns_of(parts: Parts, index: int, dim: int = -1) -> int:
    """A dim of one of the node's inputs, its last one unless told otherwise; that of a weight is fixed."""
    return parts.store.shapes(parts.node.inputs[index])[0][dim]


def type_of(parts: Parts, index: int) -> DType:
    """The number type of one of the node's inputs."""
    return parts.store.value(parts.input(index)).dtype


def trimmed(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names without those left out at the end."""
    while names and not names[-1]:
        names = names[:-1]
    return names
