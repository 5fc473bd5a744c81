"""What a file says before any shape is found: its size, its inputs, the dims to bind and what they were bound to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from mapper.frontend.containers import open_containers
from mapper.frontend.dims import Bound, Dims
from mapper.frontend.expect import Expectations
from mapper.frontend.facts import DimTerm, Source, dtype_of
from mapper.frontend.read import read
from mapper.hw.work import DType

_PROTO = onnx.TensorProto
_NO_PARAMETERS = frozenset({_PROTO.INT64, _PROTO.INT32, _PROTO.BOOL, _PROTO.STRING})
"""Types of constants that say shapes, positions and texts; a weight is a float or a narrower integer."""


@dataclass(frozen=True, slots=True)
class InputDim:
    """A dim of an input. term: what the file writes there. role: batch, seq, past, total or ''."""

    input: str
    index: int
    term: DimTerm
    role: str

    @property
    def name(self) -> str:
        """What the dim is called to the user: its role, else the file's own name, else `input.index`."""
        return self.role or str(self.term or f"{self.input}.{self.index}")

    def size(self, bound: Bound) -> int:
        """Its size at a sample."""
        return bound.shapes[self.input][self.index]

    def reason(self, bound: Bound) -> str:
        """Where its size comes from, in words."""
        keys = (self.role, self.term, f"{self.input}.{self.index}")
        found = next((bound.reasons[k] for k in keys if isinstance(k, str) and k in bound.reasons), "")
        return found or (f"= {self.term}" if isinstance(self.term, str) else "")


@dataclass(frozen=True, slots=True)
class Survey:
    """A file and its inputs. bounds: for each phase, the inputs' sizes at its samples; empty where dims are missing.

    nodes: of the file, its functions inlined. parameters: elements of the weights that the file stores, in the form
    that it stores them.
    """

    opset: int
    nodes: int
    parameters: int
    dims: Dims
    bounds: tuple[tuple[Bound, ...], ...] = ()

    @classmethod
    def of(cls, source: Source, dims: Dims, bounds: Sequence[Sequence[Bound]] = ()) -> Survey:
        """The survey of a file that has been read."""
        nodes = source.node_count or len(source.nodes)
        return cls(source.opset, nodes, stored_parameters(source), dims, tuple(map(tuple, bounds)))

    def inputs(self) -> Iterator[tuple[str, DType, tuple[InputDim, ...]]]:
        """Each input with its number type and dims."""
        for name, declared in self.dims.inputs.items():
            dims = (InputDim(name, i, t, self.dims.roles.get((name, i), "")) for i, t in enumerate(declared.dims or ()))
            yield name, dtype_of(declared.elem), tuple(dims)


def survey(path: str | Path) -> Survey:
    """The survey of a file alone: nothing is bound."""
    source = read(Path(path))
    open_containers(source, Expectations({}))
    return Survey.of(source, Dims.of(source))


def stored_parameters(source: Source) -> int:
    """Elements of the weights that the file stores, in all branches, each once and in its stored form.

    Index constants do not count. A weight in packed four-bit blocks counts its bytes and scales; one that an operator
    makes (ConstantOfShape) is not stored and counts nothing.
    """
    top = sum(f.elements for f in source.constants.values() if f.elem not in _NO_PARAMETERS)
    inner = [a.g for n in source.nodes if n.has_subgraph for a in n.proto.attribute if a.HasField("g")]
    return top + sum(map(_stored_in, inner))


def _stored_in(graph: onnx.GraphProto) -> int:
    tensors = list(graph.initializer)
    total = 0
    for node in graph.node:
        for a in node.attribute:
            if a.HasField("g"):
                total += _stored_in(a.g)
            elif node.op_type == "Constant" and a.HasField("t"):
                tensors.append(a.t)
    return total + sum(_elements(t) for t in tensors if t.data_type not in _NO_PARAMETERS)


def _elements(tensor: onnx.TensorProto) -> int:
    total = 1
    for size in tensor.dims:
        total *= size
    return total
