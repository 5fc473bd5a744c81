"""Few numbers (sizes, axes, scales) that a file keeps in its external data: some exporters keep all of them there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from mapper.frontend.facts import LIMIT, Array, Fact, elements_of

_EXTERNAL = onnx.TensorProto.EXTERNAL
_SIZES = frozenset({onnx.TensorProto.INT64, onnx.TensorProto.INT32})


def with_numbers_beside(folder: Path, graph: onnx.GraphProto, facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """The facts of initializers, with the numbers of small ones that lie in files of the model's folder and are there:
    shapes follow from them. What is missing or cut short stays known by its shape."""
    found = dict(facts)
    for tensor in graph.initializer:
        fact = facts[tensor.name]
        if tensor.data_location == _EXTERNAL and fact.elements <= LIMIT:
            data = numbers_beside(folder, tensor)
            if data is not None:
                found[tensor.name] = Fact(fact.elem, fact.shape, data, fact.known)
    return found


def put_numbers_inside(folder: Path, graph: onnx.GraphProto) -> None:
    """Put few numbers of constants and of branches and bodies that lie in files of the model's folder into the graph.
    Its own initializers stay, as weights that two names share are known by their place."""
    for tensor in _in_nodes(graph):
        _put_inside(folder, tensor)


def put_sizes_inside(folder: Path, graph: onnx.GraphProto) -> None:
    """Put few whole numbers that lie in files of the model's folder into the graph: types of values follow from them,
    and onnx.checker and onnxruntime read no other file for that."""
    for tensor in (*graph.initializer, *_in_nodes(graph)):
        if tensor.data_type in _SIZES:
            _put_inside(folder, tensor)


def _in_nodes(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Tensors of constants, of branches and of bodies."""
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t,) if attribute.HasField("t") else attribute.tensors
            for inner in (attribute.g,) if attribute.HasField("g") else attribute.graphs:
                yield from inner.initializer
                yield from _in_nodes(inner)


def _put_inside(folder: Path, tensor: onnx.TensorProto) -> None:
    dims = tuple(tensor.dims)
    if tensor.data_location == _EXTERNAL and min(dims, default=0) >= 0 and elements_of(dims) <= LIMIT:
        data = numbers_beside(folder, tensor)
        if data is not None:
            tensor.CopyFrom(numpy_helper.from_array(data, tensor.name))


def numbers_beside(folder: Path, tensor: onnx.TensorProto) -> Array | None:
    """The numbers of a tensor in a file of the folder; None where they are not there."""
    place = place_beside(folder, tensor)
    if place is None:
        return None
    entries = {e.key: e.value for e in tensor.external_data}
    inside = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    with suppress(OSError, ValueError, TypeError, KeyError):
        size = bytes_of(tensor)
        with place.open("rb") as file:
            file.seek(int(entries.get("offset") or 0))
            inside.raw_data = file.read(min(size, int(entries.get("length") or size)))
        return numpy_helper.to_array(inside)
    return None


def place_beside(folder: Path, tensor: onnx.TensorProto) -> Path | None:
    """The file beside a model that has a tensor's numbers; None where it is not there, or where a link leads out of the
    folder: such a file is not opened."""
    place = folder / next((e.value for e in tensor.external_data if e.key == "location"), "")
    try:
        inside = place.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # links in a circle, a name that is none
        return None
    return place if inside and place.is_file() else None


_PACKED = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2, "FLOAT6E2M3": 6, "FLOAT6E3M2": 6}
"""Bits of numbers that are stored one behind the other, not each in bytes of its own (onnx.proto)."""


def element_bits(data_type: int) -> int:
    """Bits of a number as it is stored."""
    name = onnx.TensorProto.DataType.Name(data_type)
    if name in _PACKED:
        return _PACKED[name]
    return 8 * int(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(data_type)).itemsize)


def bytes_of(tensor: onnx.TensorProto) -> int:
    """Bytes of a tensor's numbers as they are stored: those of less than a byte packed."""
    return -(-elements_of(tuple(tensor.dims)) * element_bits(tensor.data_type) // 8)
