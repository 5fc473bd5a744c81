"""One-op models from one line each: `"Op", "f2,4,8 f8", "f2,4,8"` is an op with two inputs and one output.

A tensor is a letter for its element type and its dims: `f2,4` is float [2, 4], `l` an int64 scalar. `l=3,4` is a
constant vector, `l:3` a constant scalar, `-` an input or output left out. A leading `w` is a weight without numbers
in the file. `?` in place of dims says that only the element type is expected.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.frontend.onnx_graphs import weight

MS, NHWC, NCHWC = "com.microsoft", "com.ms.internal.nhwc", "com.microsoft.nchwc"

_T = TensorProto
ELEMS = {
    "f": _T.FLOAT, "h": _T.FLOAT16, "d": _T.DOUBLE, "g": _T.BFLOAT16, "i": _T.INT32, "l": _T.INT64, "b": _T.INT8,
    "u": _T.UINT8, "q": _T.UINT32, "Q": _T.UINT64, "o": _T.BOOL, "s": _T.STRING, "n": _T.INT4, "N": _T.UINT4,
    "e": _T.FLOAT8E4M3FN, "t": _T.INT16, "c": _T.COMPLEX64, "z": _T.FLOAT8E8M0,
}  # fmt: skip


@dataclass(frozen=True)
class Probe:
    """One operator with its inputs, what comes out, and what it counts as."""

    op: str
    inputs: str
    outputs: str
    kind: str
    attrs: dict[str, object] = field(default_factory=dict)
    domain: str = MS
    macs: int | None = None
    oracle: bool = True  # whether onnxruntime's own inference agrees

    @property
    def name(self) -> str:
        attrs = ",".join(f"{k}={v}" for k, v in self.attrs.items() if not isinstance(v, onnx.GraphProto))
        return f"{self.domain.rpartition('.')[2]}-{self.op}-{attrs}-{self.inputs}".replace(" ", "_")

    def expected(self) -> list[tuple[int, tuple[int, ...] | None] | None]:
        """Element type and shape of each output."""
        return [None if text == "-" else parse(text) for text in self.outputs.split()]

    @property
    def opset(self) -> int:
        """The opset of ai.onnx that has the operator."""
        return {"Upsample": 9, "TensorScatter": 24, "Scatter": 10}.get(self.op, 21)

    def model(self) -> onnx.ModelProto:
        """The model; its outputs state no shapes."""
        infos, constants, names = [], [], []
        for index, text in enumerate(self.inputs.split()):
            name = "" if text == "-" else f"x{index}"
            names.append(name)
            if name and ("=" in text or ":" in text):
                constants.append(_constant(name, text))
            elif name and text[0] == "w":
                constants.append(weight(name, parse(text[1:])[1] or (), parse(text[1:])[0]))
            elif name:
                infos.append(helper.make_tensor_value_info(name, *parse(text)))
        outs = [f"y{i}" if text != "-" else "" for i, text in enumerate(self.outputs.split())]
        node = helper.make_node(self.op, names, outs, domain=self.domain, name="probe", **self.attrs)
        results = [
            helper.make_tensor_value_info(name, parse(text)[0], None)
            for name, text in zip(outs, self.outputs.split(), strict=True)
            if name
        ]
        graph = helper.make_graph([node], "probe", infos, results, constants)
        imports = [helper.make_opsetid("", self.opset)]
        if self.domain:
            imports.append(helper.make_opsetid(self.domain, {NHWC: 17, "ai.onnx.ml": 3}.get(self.domain, 1)))
        return helper.make_model(graph, opset_imports=imports, ir_version=10)


def parse(text: str) -> tuple[int, tuple[int, ...] | None]:
    """Element type and shape of a tensor in this notation."""
    dims = text[1:]
    return ELEMS[text[0]], None if dims == "?" else tuple(int(d) for d in dims.split(",")) if dims else ()


def _constant(name: str, text: str) -> TensorProto:
    elem = ELEMS[text[0]]
    values = text[2:].split(",") if text[2:] else []
    dtype = helper.tensor_dtype_to_np_dtype(elem)
    array = np.array([float(v) for v in values]).astype(dtype)
    return numpy_helper.from_array(array.reshape(()) if text[1] == ":" else array, name)
