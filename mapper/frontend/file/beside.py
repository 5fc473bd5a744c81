"""Few numbers (sizes, axes, scales) that a file keeps in its external data: some exporters keep all of them there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import onnx
from onnx import numpy_helper

from mapper.frontend.facts import LIMIT, Array, Fact, elements_of

_EXTERNAL = onnx.TensorProto.EXTERNAL
_SIZES = frozenset({onnx.TensorProto.INT64, onnx.TensorProto.INT32})
_WIDEST_BYTES = 16
"""Of an element of any type."""


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


def with_sizes_inside(folder: Path, graph: onnx.GraphProto) -> None:
    """Put few whole numbers that lie in files of the model's folder into the graph: types of values follow from them,
    and onnx.checker reads no other file for that."""
    for tensor in graph.initializer:
        if (
            tensor.data_location == _EXTERNAL
            and tensor.data_type in _SIZES
            and elements_of(tuple(tensor.dims)) <= LIMIT
        ):
            data = numbers_beside(folder, tensor)
            if data is not None:
                tensor.CopyFrom(numpy_helper.from_array(data, tensor.name))


def numbers_beside(folder: Path, tensor: onnx.TensorProto) -> Array | None:
    """The numbers of a tensor in a file of the folder; None where they are not there."""
    entries = {e.key: e.value for e in tensor.external_data}
    place = folder / entries.get("location", "")
    size = elements_of(tuple(tensor.dims)) * _WIDEST_BYTES
    inside = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    with suppress(OSError, ValueError, TypeError, KeyError):
        if place.is_file():
            with place.open("rb") as file:
                file.seek(int(entries.get("offset") or 0))
                inside.raw_data = file.read(min(size, int(entries.get("length") or size)))
            return numpy_helper.to_array(inside)
    return None
