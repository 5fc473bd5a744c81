"""Weights and constants of a file as facts; numbers are read only where they are few and inside the file."""

from __future__ import annotations

from math import prod

import numpy as np
import onnx
from onnx import numpy_helper

from mapper.frontend.facts import LIMIT, Fact, Known

_PROTO = onnx.TensorProto


def initializers(graph: onnx.GraphProto) -> dict[str, Fact]:
    """The graph's weights as facts; numbers are read only where they are few and inside the file."""
    found = {t.name: tensor_fact(t) for t in graph.initializer}
    for sparse in graph.sparse_initializer:
        found[sparse.values.name] = Fact(sparse.values.data_type, tuple(sparse.dims), None, Known.FILE)
    return found


def tensor_fact(tensor: onnx.TensorProto) -> Fact:
    """A tensor of the file as a fact."""
    shape = tuple(tensor.dims)
    data = None
    if tensor.data_location != _PROTO.EXTERNAL and prod(shape) <= LIMIT:
        try:
            data = numpy_helper.to_array(tensor)
        except (ValueError, TypeError, KeyError):  # numbers missing or cut short: its shape is enough
            data = None
    return Fact(tensor.data_type, shape, data, Known.FILE)


def constant_of(proto: onnx.NodeProto) -> Fact | None:
    """The value of a Constant node."""
    attribute = proto.attribute[0] if proto.attribute else None
    if attribute is None:
        return None
    if attribute.name == "value":
        return tensor_fact(attribute.t)
    if attribute.name == "sparse_value":
        tensor = attribute.sparse_tensor
        return Fact(tensor.values.data_type, tuple(tensor.dims), None, Known.FILE)
    value = onnx.helper.get_attribute_value(attribute)
    kinds = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32, "value_floats": np.float32}
    elems = {np.int64: _PROTO.INT64, np.float32: _PROTO.FLOAT}
    if attribute.name not in kinds:
        array = np.array(value, dtype=object)
        return Fact(_PROTO.STRING, array.shape, array, Known.FILE)
    dtype = kinds[attribute.name]
    array = np.array(value, dtype=dtype)
    return Fact(elems[dtype], array.shape, array, Known.FILE)
