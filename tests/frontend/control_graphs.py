"""Tiny graphs with loops, scans and branches, and what onnxruntime makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx_graphs import node, save

from mapper.frontend import load_model
from mapper.frontend.load import Imported
from mapper.ir.op_work import work

FLOAT, INT, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def value(name: str, dims: Sequence[int | str | None] | None = None, elem: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, elem, dims)


def loop_body(
    nodes: Sequence[onnx.NodeProto],
    carried: Sequence[tuple[str, str]],
    scans: Sequence[str] = (),
    *,
    condition: str = "keep",
    weights: Sequence[TensorProto] = (),
) -> onnx.GraphProto:
    """A Loop's body over iteration `i` and condition `keep_in`; carried: pairs of what it reads and makes."""
    keep = [node("Identity", ["keep_in"], ["keep"])] if condition == "keep" else []
    inputs = [value("i", [], INT), value("keep_in", [], BOOL), *(value(a) for a, _ in carried)]
    outputs = [value(condition, [], BOOL), *(value(b) for _, b in carried), *(value(s) for s in scans)]
    return helper.make_graph([*keep, *nodes], "body", inputs, outputs, weights)


def scan_body(
    nodes: Sequence[onnx.NodeProto], states: Sequence[tuple[str, str]], elements: Sequence[str], outs: Sequence[str]
) -> onnx.GraphProto:
    inputs = [*(value(a) for a, _ in states), *(value(e) for e in elements)]
    return helper.make_graph(nodes, "body", inputs, [*(value(b) for _, b in states), *(value(o) for o in outs)])


def branch(nodes: Sequence[onnx.NodeProto], out: str, weights: Sequence[TensorProto] = ()) -> onnx.GraphProto:
    return helper.make_graph(nodes, "branch", [], [value(out)], weights)


def load(folder: Path, built: onnx.ModelProto, expect: Mapping[str, int] | None = None, **dims: int) -> Imported:
    return load_model(save(folder, built), dims=dims, expect=expect or {})


def macs(imported: Imported, phase: int = 0) -> int:
    binding = imported.phases[phase].bindings()[0]
    return sum(work(imported.graph, op, binding).macs for op in imported.graph.ops)


def out_shapes(imported: Imported) -> list[tuple[int | str, ...]]:
    """Shapes of the results, in the order of the ops that make them."""
    graph = imported.graph
    return [graph.value[n].shape for op in graph.ops for n in op.outputs if n in graph.outputs]


def shape(imported: Imported, name: str) -> tuple[int | str, ...]:
    return imported.graph.value[name].shape


def run(built: onnx.ModelProto, feeds: Mapping[str, Any]) -> dict[str, Any]:
    """What onnxruntime computes."""
    import onnxruntime

    built.ir_version = min(built.ir_version, 10)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(built.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def random(*dims: int) -> Any:
    return np.random.default_rng(0).standard_normal(dims).astype(np.float32)
