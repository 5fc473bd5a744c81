"""What is known of a value at one sample (`Fact`), a node as the frontend sees it (`Node`), and a file (`Source`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mapper.errors import ModelError
from mapper.hw.work import DType
from mapper.ir.graph import Shape

LIMIT = 4096
"""Elements up to which a constant is carried as numbers; larger ones are known by shape only."""

LARGEST = 1 << 63
"""No tensor has as many elements."""

Array = NDArray[Any]
Parts = tuple[int | None, ...]
"""The elements of a small vector, as far as they are known."""
DimTerm = int | str | None
"""A dim as a file writes it: a number, a name or expression, or nothing."""


class Known(IntEnum):
    """From what a value follows; the smaller one wins when values meet."""

    CALL = 0
    """data of the call"""
    SHAPES = 1
    """sizes of the call only, equal for all calls of the same shapes"""
    FILE = 2
    """weights and constants of the file"""


class Fact:
    """What is known of a value at one sample: element type, shape, the numbers if few, and from what they follow.

    parts: the numbers of a small integer vector of which some are known and others not; None for all else.
    """

    __slots__ = ("data", "elem", "key", "known", "parts", "shape")

    def __init__(
        self,
        elem: int,
        shape: Shape | None,
        data: Array | None = None,
        known: Known = Known.CALL,
        parts: Parts | None = None,
    ) -> None:
        self.elem = elem
        self.shape = shape
        self.data = data
        self.known = known
        self.parts = parts
        content = None if data is None else repr(data.tolist()) if data.dtype == object else data.tobytes()
        self.key = (elem, shape, content, known) if parts is None else (elem, shape, parts, known)

    @property
    def elements(self) -> int:
        """Number of elements, at most LARGEST; 0 where the shape is not known."""
        return elements_of(self.shape) if self.shape is not None else 0


def elements_of(shape: Shape) -> int:
    """Number of elements, at most LARGEST: dims of damaged files multiply to numbers of millions of digits."""
    found = prod(shape[:8])
    if len(shape) > 8 and found:
        if 0 in shape:
            return 0
        for size in shape[8:]:
            found = min(found * size, LARGEST)
    return min(found, LARGEST)


@dataclass(slots=True)
class Node:
    """A node of the file. `key` identifies what it computes, apart from names."""

    op_type: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    proto: onnx.NodeProto
    key: tuple[object, ...] = ()
    captures: tuple[str, ...] = ()  # names of the outer graph that its subgraphs read
    has_subgraph: bool = False
    scope: Mapping[str, str] = field(default_factory=dict)  # names in its subgraphs -> names of the outer graph
    origin: str = ""  # the node of the file that it is, or that it is made for

    def attr(self, name: str, default: Any = None) -> Any:
        """The attribute's value, or `default`; a ModelError where it is not of the default's type."""
        for a in self.proto.attribute:
            if a.name == name:
                found = onnx.helper.get_attribute_value(a)
                found = found.decode(errors="replace") if isinstance(found, bytes) else found
                wanted = (int, float) if isinstance(default, float) else type(default)
                if default is not None and not isinstance(found, wanted):
                    raise ModelError(
                        f"{self.op_type} '{self.name}': attribute '{name}' is {found!r}, of the wrong type"
                    )
                return found
        return default


@dataclass(frozen=True, slots=True)
class FileNode:
    """A node by a name of its own. home, owner: the branch or body that it is in and whose that is, or ''."""

    name: str
    op_type: str
    home: str
    owner: str


@dataclass(frozen=True, slots=True)
class Declared:
    """The type that the file states for a value; None for an unknown rank. container: what holds the tensor."""

    elem: int
    dims: tuple[DimTerm, ...] | None
    container: str = ""


@dataclass(slots=True)
class Source:
    """A file taken apart: live nodes in topological order, inputs without weights, outputs, constants, stated types."""

    name: str
    digest: str
    opsets: dict[str, int]
    nodes: list[Node]
    inputs: dict[str, Declared]
    outputs: tuple[str, ...]
    constants: dict[str, Fact]
    declared: dict[str, Declared]
    warnings: list[str] = field(default_factory=list)
    sequences: dict[str, tuple[str, ...] | None] = field(default_factory=dict)  # inputs that are sequences: elements
    tied: dict[str, str] = field(default_factory=dict)  # weights stored twice -> the name under which they are kept
    node_count: int = 0  # nodes of the file's graph, Constant nodes and dead ones too
    every_node: tuple[FileNode, ...] = ()  # those of branches and bodies too
    taken: Mapping[str, int] = field(default_factory=dict)  # how many of them bear a name

    @property
    def opset(self) -> int:
        return self.opsets.get("", 0)


def numpy_type(elem: int) -> np.dtype[Any]:
    """The numpy type of an ONNX element type."""
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(elem))


_T = onnx.TensorProto
_DTYPES: dict[int, DType] = {
    _T.FLOAT: DType.F32, _T.DOUBLE: DType.F64, _T.FLOAT16: DType.F16, _T.BFLOAT16: DType.BF16,
    _T.FLOAT8E4M3FN: DType.F8, _T.FLOAT8E4M3FNUZ: DType.F8, _T.FLOAT8E5M2: DType.F8, _T.FLOAT8E5M2FNUZ: DType.F8,
    _T.INT64: DType.I64, _T.UINT64: DType.I64, _T.INT32: DType.I32, _T.UINT32: DType.I32, _T.INT16: DType.I16,
    _T.UINT16: DType.I16, _T.INT8: DType.I8, _T.UINT8: DType.U8, _T.INT4: DType.I4, _T.UINT4: DType.U4,
    _T.BOOL: DType.BOOL, _T.STRING: DType.STRING, _T.COMPLEX64: DType.F64, _T.COMPLEX128: DType.F64,
}  # fmt: skip
_BY_NAME = {"FLOAT4E2M1": DType.I4, "FLOAT8E8M0": DType.F8, "INT2": DType.I2, "UINT2": DType.I2}


def dtype_of(elem: int) -> DType:
    """The number type by its width and family; 32 bits for an element type this version does not know."""
    if elem in _DTYPES:
        return _DTYPES[elem]
    name = _T.DataType.Name(elem) if elem in _T.DataType.values() else ""
    return _BY_NAME.get(name, DType.F32)
