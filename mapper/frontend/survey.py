"""What a file says before any shape is found: its size, its inputs, the dims to bind and what they were bound to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import onnx

from mapper.frontend.dims.dims import Bound, Dims
from mapper.frontend.dims.role_table import Slot
from mapper.frontend.expect import Expectations
from mapper.frontend.facts import DimTerm, Source, dtype_of
from mapper.frontend.file.containers import open_containers
from mapper.frontend.file.read import read
from mapper.hw.work import DType

_PROTO = onnx.TensorProto
_NO_PARAMETERS = frozenset({_PROTO.INT64, _PROTO.INT32, _PROTO.BOOL, _PROTO.STRING})
"""Types of constants that say shapes, positions and texts; a weight is a float or a narrower integer."""


@dataclass(frozen=True, slots=True)
class InputDim:
    """A dim of an input. term: what the file writes there. role: batch, seq, past, ... or ''. name: what a user calls
    it: its role, else the file's own name, else `input.index`."""

    input: str
    index: int
    term: DimTerm
    role: str
    name: str

    def size(self, bound: Bound) -> int:
        """Its size at a sample."""
        return bound.shapes[self.input][self.index]

    def reason(self, bound: Bound) -> str:
        """Where its size comes from, in words."""
        keys = (self.name, f"{self.input}.{self.index}")
        found = next((bound.reasons[k] for k in keys if isinstance(k, str) and k in bound.reasons), "")
        return found or (f"= {self.term}" if isinstance(self.term, str) else "")


@dataclass(frozen=True, slots=True)
class Survey:
    """A file and its inputs. bounds: for each phase, the inputs' sizes at its samples; empty where dims are missing.

    nodes: of the file and of its branches and loops, functions inlined. parameters: elements of the weights that the
    file stores, in all branches, each once and in the form that it stores them: packed four-bit blocks count their
    bytes and scales, index constants nothing, and neither does a weight that an operator makes (ConstantOfShape).
    """

    opset: int
    nodes: int
    parameters: int
    dims: Dims
    bounds: tuple[tuple[Bound, ...], ...] = ()

    @classmethod
    def of(cls, source: Source, dims: Dims) -> Survey:
        """The survey of a file that has just been read: following its branches would add to the constants."""
        inner = [_inner(a.g) for n in source.nodes if n.has_subgraph for a in n.proto.attribute if a.HasField("g")]
        stored = sum(f.elements for f in source.constants.values() if f.elem not in _NO_PARAMETERS)
        nodes = (source.node_count or len(source.nodes)) + sum(n for n, _ in inner)
        return cls(source.opset, nodes, stored + sum(elements for _, elements in inner), dims)

    def bound(self, bounds: Sequence[Sequence[Bound]]) -> Survey:
        """The survey with what the dims were bound to."""
        return replace(self, bounds=tuple(map(tuple, bounds)))

    def inputs(self) -> Iterator[tuple[str, DType, tuple[InputDim, ...]]]:
        """Each input with its number type and dims."""
        for name, declared in self.dims.inputs.items():
            dims = tuple(self._dim((name, i)) for i in range(len(declared.dims or ())))
            yield name, dtype_of(declared.elem), dims

    def _dim(self, slot: Slot) -> InputDim:
        return InputDim(*slot, self.dims.term(slot), self.dims.roles.get(slot, ""), self.dims.label(slot))


def survey(path: str | Path) -> Survey:
    """The survey of a file alone: nothing is bound."""
    source = read(Path(path))
    open_containers(source, Expectations({}))
    return Survey.of(source, Dims.of(source))


def _inner(graph: onnx.GraphProto) -> tuple[int, int]:
    """Nodes of a branch or a loop's body and of those inside it, and elements of the weights that they store."""
    tensors = list(graph.initializer)
    nodes, elements = len(graph.node), 0
    for node in graph.node:
        for a in node.attribute:
            if a.HasField("g"):
                deeper = _inner(a.g)
                nodes, elements = nodes + deeper[0], elements + deeper[1]
            elif node.op_type == "Constant" and a.HasField("t"):
                tensors.append(a.t)
    return nodes, elements + sum(prod(t.dims) for t in tensors if t.data_type not in _NO_PARAMETERS)
