"""What a file says before any shape is found: its size, its inputs, the dims to bind and what they were bound to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from mapper.frontend.dims import Bound, Dims
from mapper.frontend.expressions import evaluate, is_name
from mapper.frontend.facts import Declared, DimTerm, Source, dtype_of
from mapper.frontend.read import read
from mapper.hw.work import DType

_PROTO = onnx.TensorProto
_NO_PARAMETERS = frozenset({_PROTO.INT64, _PROTO.INT32, _PROTO.BOOL, _PROTO.STRING})
"""Types of constants that say shapes, positions and texts; a weight is a float or a narrower integer."""


@dataclass(frozen=True, slots=True)
class InputDim:
    """A dim of an input. size: the number that the file fixes, else None. name: what it is called to the user.

    term: what the file writes there. role: batch, seq, past, total or ''.
    """

    name: str
    size: int | None
    term: DimTerm
    role: str


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
            yield name, dtype_of(declared.elem), tuple(self._dim(name, i) for i in range(len(declared.dims or ())))

    def _dim(self, name: str, index: int) -> InputDim:
        term = _terms(self.dims.inputs[name])[index]
        role = self.dims.roles.get((name, index), "")
        if isinstance(term, int):
            return InputDim(str(term), term, term, role)
        return InputDim(role or term or f"{name}.{index}", None, term, role)


def survey(path: str | Path) -> Survey:
    """The survey of a file alone: nothing is bound."""
    source = read(Path(path))
    return Survey.of(source, Dims.of(source.inputs))


def size_in(bound: Bound, dim: InputDim) -> tuple[int | None, str]:
    """The size of an open dim at one sample, and where it comes from."""
    size = bound.roles.get(dim.role) if dim.role else None
    if size is not None:
        return size, bound.reasons.get(dim.role, "")
    if isinstance(dim.term, str):
        known = {**bound.roles, **bound.names}
        follows = "" if is_name(dim.term) else f"= {dim.term}"
        return evaluate(dim.term, known), bound.reasons.get(dim.term, follows)
    found = [
        (shape[i], name) for name, shape in bound.shapes.items() for i in (_index(dim.name, name),) if i is not None
    ]
    return (found[0][0] if found else None), bound.reasons.get(dim.name, "")


def _index(dim: str, name: str) -> int | None:
    """The index in `name.index`, None where the dim belongs to another input."""
    start, _, index = dim.rpartition(".")
    return int(index) if start == name and index.isdigit() else None


def _terms(declared: Declared) -> tuple[DimTerm, ...]:
    return declared.dims or ()


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
