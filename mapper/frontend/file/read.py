"""Reads an ONNX file without its weights and checks its structure."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import inliner
from onnx.checker import ValidationError
from onnx.shape_inference import InferenceError

from mapper.errors import ModelError
from mapper.frontend.facts import Declared, DimTerm, Source
from mapper.frontend.file.beside import put_numbers_inside, with_numbers_beside
from mapper.frontend.file.check import check_nodes, check_tensors, check_text, opset_warnings, opsets_of
from mapper.frontend.file.containers import tensor_inside
from mapper.frontend.file.identity import file_nodes, node_names
from mapper.frontend.file.nodes import nodes_of
from mapper.frontend.file.order import live_nodes, sort_nodes
from mapper.frontend.file.proto import Contents, contents
from mapper.frontend.file.tensors import initializers
from mapper.frontend.file.ties import tied_external

_UNNAMED = frozenset({"", "?", "-1", "None", "unk", "unknown"})


def read(path: Path) -> Source:
    """The file taken apart, or a ModelError that says what is wrong with it."""
    found = contents(path)
    check_text(path, found.model)
    opsets = opsets_of(path, found.model)
    model = inlined(path, found.model) if found.model.functions else found.model
    return _take_apart(path, model, opsets, found)


def inlined(path: Path, model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without functions: their nodes in the places of their calls."""
    try:
        return inliner.inline_local_functions(model)
    except (RuntimeError, ValueError, TypeError, ValidationError, InferenceError) as error:
        raise ModelError(f"{path}: its functions cannot be inlined: {error}") from None


def _take_apart(path: Path, model: onnx.ModelProto, opsets: dict[str, int], found: Contents) -> Source:
    graph = model.graph
    if not graph.node:
        raise ModelError(f"{path}: its graph has no nodes", hint="export the model again")
    check_tensors(path, graph)
    put_numbers_inside(path.parent, graph)
    constants = with_numbers_beside(path.parent, graph, initializers(graph))
    outputs = tuple(o.name for o in graph.output)
    inputs = {i.name: _declared(i) for i in graph.input if i.name not in constants}
    taken = node_names(graph)
    nodes = nodes_of(graph, constants, taken)
    check_nodes(path, nodes, inputs, constants, outputs)
    stated = {v.name: _declared(v) for v in (*graph.value_info, *graph.output)}
    source = Source(graph.name or path.stem, found.digest, opsets, [], inputs, outputs, constants, stated)
    source.tied.update({**tied_external(graph.initializer), **found.tied})
    source.node_count, source.taken = len(graph.node), taken
    source.every_node = tuple(file_nodes(graph, taken))
    source.nodes = live_nodes(sort_nodes(nodes), outputs)
    source.warnings += opset_warnings(path, source.nodes, opsets)
    return source


def _declared(info: onnx.ValueInfoProto) -> Declared:
    container, tensor = tensor_inside(info.type)
    if not tensor.HasField("shape"):
        return Declared(tensor.elem_type, None, container)
    return Declared(tensor.elem_type, tuple(_dim(d) for d in tensor.shape.dim), container)


def _dim(dim: onnx.TensorShapeProto.Dimension) -> DimTerm:
    if dim.HasField("dim_value"):
        return int(dim.dim_value) if dim.dim_value >= 0 else None
    name = str(dim.dim_param).strip()
    return None if name in _UNNAMED else name
