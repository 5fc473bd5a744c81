"""A small writer of ONNX graphs whose weights are declared but not stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INLINE_BYTES = 1024
"""Initializers up to this size stand in the file itself, as the constants of real exports do."""

STRIPPED = "weights.stripped"
"""The external file that larger initializers refer to; it does not exist."""

Dims = Sequence[int | str]


class GraphWriter:
    """Collects the nodes of one graph in order; `seed` writes random weights inline instead of declaring them."""

    def __init__(self, name: str, seed: int | None = None) -> None:
        self.name = name
        self.random = None if seed is None else np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self._makers: dict[str, onnx.NodeProto] = {}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}
        self.path: tuple[str, ...] = ()

    @contextmanager
    def scope(self, *names: str) -> Iterator[None]:
        """Node and weight names written inside carry these names as a prefix, as module paths do."""
        before, self.path = self.path, (*self.path, *names)
        yield
        self.path = before

    def input(self, name: str, dims: Dims, dtype: int = TensorProto.FLOAT) -> str:
        """A graph input."""
        self.inputs.append(helper.make_tensor_value_info(name, dtype, dims))
        return name

    def output(self, value: str, name: str, dims: Dims, dtype: int = TensorProto.FLOAT) -> None:
        """Makes `value` leave the graph as `name`."""
        last, readers = self._makers.pop(value), self._readers.pop(value, [])
        for node in readers:
            node.input[:] = [name if i == value else i for i in node.input]
        last.output[:] = [name if o == value else o for o in last.output]
        self._makers[name], self._readers[name] = last, readers
        self.outputs.append(helper.make_tensor_value_info(name, dtype, dims))

    def output_first(self, name: str) -> None:
        """Lists an output before all others, where exporters put the logits."""
        self.outputs.sort(key=lambda output: output.name != name)

    def weight(self, name: str, *shape: int) -> str:
        """A parameter of the model, declared as external data unless it is small or random weights are asked for."""
        full = ".".join((*self.path, name))
        size_bytes = 4 * int(np.prod(shape))
        if self.random is None and size_bytes > INLINE_BYTES:
            self.initializers[full] = _declared(full, shape, size_bytes)
        else:
            self.initializers[full] = numpy_helper.from_array(self._numbers(name, shape), full)
        return full

    def constant(self, value: object, dtype: type[np.generic] = np.float32) -> str:
        """A small constant, stored once per value."""
        array = np.asarray(value, dtype=dtype)
        name = f"const_{array.dtype}_{'x'.join(map(str, array.ravel().tolist())) or 'empty'}_{array.ndim}"
        self.initializers.setdefault(name, numpy_helper.from_array(array, name))
        return name

    def table(self, name: str, numbers: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> str:
        """A constant of many numbers that is no parameter of the model, stored once per name."""
        full = f"const_{name}"
        self.initializers.setdefault(full, numpy_helper.from_array(numbers, full))
        return full

    def ints(self, *values: int) -> str:
        """A constant vector of int64, as shapes, axes and bounds are given."""
        return self.constant(values, np.int64)

    def node(self, op_type: str, *inputs: str, **attrs: Any) -> str:
        """Adds a node with one output and returns that output's name."""
        return self.nodes_out(op_type, 1, *inputs, **attrs)[0]

    def nodes_out(self, op_type: str, count: int, *inputs: str, **attrs: Any) -> list[str]:
        """Adds a node with `count` outputs and returns their names."""
        name = "/" + "/".join((*self.path, f"{op_type}_{len(self.nodes)}"))
        outputs = [f"{name}_output_{i}" for i in range(count)]
        made = helper.make_node(op_type, list(inputs), outputs, name=name, **attrs)
        self.nodes.append(made)
        self._makers.update(dict.fromkeys(outputs, made))
        for value in inputs:
            self._readers.setdefault(value, []).append(made)
        return outputs

    def model(self, opset: int) -> onnx.ModelProto:
        """The finished model; one that stores its weights is checked against the ONNX standard."""
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, list(self.initializers.values()))
        domains = sorted({node.domain for node in self.nodes} - {""})
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)],
            ir_version=8,
            producer_name="mapper.samples",
        )
        if self.random is not None:
            onnx.checker.check_model(model, full_check=True)
        return model

    def _numbers(self, name: str, shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        if self.random is None:
            return np.full(shape, 1.0 if name == "weight" else 0.0, np.float32)
        return self.random.normal(scale=0.2, size=shape).astype(np.float32)


def _declared(name: str, shape: tuple[int, ...], size_bytes: int) -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=STRIPPED)
    tensor.external_data.add(key="length", value=str(size_bytes))
    return tensor
