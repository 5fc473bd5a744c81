"""Weights and constants of a file as facts; numbers are read only where they are few and inside the file."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from mapper.errors import ModelError
from mapper.frontend.facts import LARGEST, LIMIT, Array, Fact, Known, elements_of
from mapper.frontend.file.strip import MOST_DIMS

_PROTO = onnx.TensorProto
_KNOWN_TYPES = frozenset(_PROTO.DataType.values()) - {_PROTO.UNDEFINED}
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:")
_UNREADABLE = (ValueError, TypeError, KeyError, OverflowError, AttributeError)
_AGAIN = "export the model again"


def initializers(graph: onnx.GraphProto) -> dict[str, Fact]:
    """The graph's weights as facts; numbers are read only where they are few and inside the file."""
    found = {t.name: tensor_fact(t) for t in graph.initializer}
    for sparse in graph.sparse_initializer:
        found[sparse.values.name] = sparse_fact(sparse, sparse.values.name)
    return found


def tensor_fact(tensor: onnx.TensorProto, name: str = "") -> Fact:
    """A tensor of the file as a fact; a ModelError where its type, its sizes or its place cannot be."""
    who = f"tensor '{name or tensor.name}'"
    shape = _shape(who, tensor.dims)
    _check_type(who, tensor.data_type)
    data = None
    if tensor.data_location == _PROTO.EXTERNAL:
        _check_external(who, tensor)
    elif elements_of(shape) <= LIMIT:
        data = _numbers(tensor)
    return Fact(tensor.data_type, shape, data, Known.FILE)


def sparse_fact(sparse: onnx.SparseTensorProto, name: str = "") -> Fact:
    """A sparse tensor as a fact: what it stands for when written out."""
    who = f"sparse tensor '{name}'"
    _check_type(who, sparse.values.data_type)
    return Fact(sparse.values.data_type, _shape(who, sparse.dims), None, Known.FILE)


def _numbers(tensor: onnx.TensorProto) -> Array | None:
    try:
        return numpy_helper.to_array(tensor)
    except _UNREADABLE:  # missing or cut short: its shape is enough
        return None


def _shape(who: str, dims: Sequence[int]) -> tuple[int, ...]:
    shape = tuple(dims)
    if len(shape) > MOST_DIMS:
        raise ModelError(f"{who} has {len(shape):,} dims; {MOST_DIMS} are the most", hint=_AGAIN)
    if min(shape, default=0) < 0:
        raise ModelError(f"{who} has a dim of {min(shape)}", hint=_AGAIN)
    if elements_of(shape) >= LARGEST:
        raise ModelError(f"{who} would have {' x '.join(map(str, shape))} elements, more than 2^63", hint=_AGAIN)
    return shape


def _check_type(who: str, elem: int) -> None:
    if elem not in _KNOWN_TYPES:
        what = "no element type" if elem == 0 else f"element type {elem}, which onnx {onnx.__version__} does not know"
        raise ModelError(f"{who} has {what}", hint=_AGAIN)


def _check_external(who: str, tensor: onnx.TensorProto) -> None:
    """The stated place lies in the model's folder, and its offset and length are counts. No file is looked for."""
    entries = {e.key: e.value for e in tensor.external_data}
    location = entries.get("location")
    if location is not None:
        why = _outside(location)
        if why:
            raise ModelError(
                f"{who} has its numbers in '{location}', {why}; it is not opened",
                hint="keep external data in the model's folder and save the model again",
            )
    for key in ("offset", "length"):
        text = entries.get(key)
        if text is not None and not (text.isascii() and text.isdigit() and int(text[:20]) < LARGEST):
            raise ModelError(f"{who} states the {key} of its external data as '{text[:40]}', not a count", hint=_AGAIN)


def _outside(location: str) -> str:
    """Why a path does not lie in the model's folder; empty if it does."""
    if not location or "\0" in location:
        return "which names no file"
    if _ABSOLUTE.match(location):
        return "an absolute path"
    depth = 0
    for part in re.split(r"[/\\]", location):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            return "outside the model's folder"
    return "the model's folder itself" if depth == 0 else ""


def constant_of(proto: onnx.NodeProto) -> Fact | None:
    """The value of a Constant node; None if it states none that is known."""
    attribute = proto.attribute[0] if proto.attribute else None
    if attribute is None:
        return None
    name = proto.output[0]
    if attribute.name == "value":
        return tensor_fact(attribute.t, name)
    if attribute.name == "sparse_value":
        return sparse_fact(attribute.sparse_tensor, name)
    return _listed(attribute)


def _listed(attribute: onnx.AttributeProto) -> Fact | None:
    """The value of value_int, value_floats and the like."""
    fields = {
        "value_int": (attribute.i, np.int64, _PROTO.INT64),
        "value_ints": (attribute.ints, np.int64, _PROTO.INT64),
        "value_float": (attribute.f, np.float32, _PROTO.FLOAT),
        "value_floats": (attribute.floats, np.float32, _PROTO.FLOAT),
        "value_string": (attribute.s, object, _PROTO.STRING),
        "value_strings": (attribute.strings, object, _PROTO.STRING),
    }
    if attribute.name not in fields:
        return None
    value, dtype, elem = fields[attribute.name]
    if attribute.name.endswith("s") and len(value) > LIMIT:
        return Fact(elem, (len(value),), None, Known.FILE)
    array = np.array(list(value) if attribute.name.endswith("s") else value, dtype=dtype)
    return Fact(elem, array.shape, array, Known.FILE)
