"""Reads an ONNX file without its weights and checks its structure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import inliner

from mapper.errors import ModelError
from mapper.frontend.facts import Declared, DimTerm, Fact, Node, Source
from mapper.frontend.order import live, sort_nodes
from mapper.frontend.tensors import constant_of, initializers

OLDEST_OPSET = 9
_UNNAMED = frozenset({"", "?", "-1", "None", "unk", "unknown"})
_MODEL_TAGS = frozenset(b"\x08\x12\x1a\x22\x28\x32\x3a\x42\x72")
"""First bytes that open a field of ModelProto."""


def read(path: Path) -> Source:
    """The file taken apart, or a ModelError that says what is wrong with it."""
    blob = _bytes(path)
    model = _parse(path, blob)
    opsets = _opsets(path, model)
    if model.functions:
        model = _inline(path, model)
    return _take_apart(path, model, opsets, hashlib.sha256(blob).hexdigest())


def _bytes(path: Path) -> bytes:
    if path.is_dir():
        raise ModelError(f"{path} is a folder, not an ONNX file", hint="name the .onnx file in it")
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}", hint="check the path") from None
    if not blob:
        raise ModelError(f"{path} is empty (0 bytes), not an ONNX file", hint="export or copy the model again")
    return blob


def _parse(path: Path, blob: bytes) -> onnx.ModelProto:
    model = onnx.ModelProto()
    size = f"{len(blob):,} bytes"
    if blob.startswith(b"version https://git-lfs"):
        raise ModelError(f"{path} is a Git LFS pointer, not an ONNX file ({size})", hint="run `git lfs pull`")
    try:
        model.ParseFromString(blob)
    except DecodeError:
        if blob[0] in _MODEL_TAGS:
            raise ModelError(f"{path} is truncated or damaged ({size})", hint="export or copy it again") from None
        raise ModelError(f"{path} is not an ONNX file ({size})", hint="name a file in ONNX protobuf format") from None
    if not model.HasField("graph"):
        what = "truncated: it holds no graph" if blob[0] == 8 else "not an ONNX file: it holds no graph"
        raise ModelError(f"{path} is {what} ({size})", hint="export or copy it again")
    if not _is_text(model.graph):
        raise ModelError(
            f"{path} is damaged: it holds names that are not UTF-8 ({size})", hint="export or copy it again"
        )
    return model


def _is_text(graph: onnx.GraphProto) -> bool:
    """Whether all names are text; the parser hands on a damaged one as bytes."""
    names = [t.name for t in graph.initializer]
    for value in (*graph.input, *graph.output, *graph.value_info):
        names += [value.name, *(d.dim_param for d in value.type.tensor_type.shape.dim)]
    for node in graph.node:
        names += [node.op_type, node.domain, node.name, *node.input, *node.output, *(a.name for a in node.attribute)]
        if not all(_is_text(a.g) for a in node.attribute if a.HasField("g")):
            return False
    return all(isinstance(name, str) for name in names) and isinstance(graph.name, str)


def _opsets(path: Path, model: onnx.ModelProto) -> dict[str, int]:
    opsets = {"" if o.domain == "ai.onnx" else o.domain: int(o.version) for o in model.opset_import}
    if not opsets:
        raise ModelError(f"{path} states no opset", hint="export it again with an opset of 11 or later")
    version = opsets.get("")
    if version is not None and version < OLDEST_OPSET:
        raise ModelError(
            f"{path} uses opset {version}; {OLDEST_OPSET} is the oldest supported",
            hint="convert it with onnx.version_converter.convert_version(model, 17)",
        )
    return opsets


def _inline(path: Path, model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return inliner.inline_local_functions(model)
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{path}: its functions cannot be inlined: {error}") from None


def _take_apart(path: Path, model: onnx.ModelProto, opsets: dict[str, int], digest: str) -> Source:
    graph = model.graph
    constants = initializers(graph)
    nodes = nodes_of(graph, constants)
    outputs = tuple(o.name for o in graph.output)
    inputs = {i.name: _declared(i) for i in graph.input if i.name not in constants}
    _check(path, graph, nodes, inputs.keys() | constants.keys(), outputs)
    stated = {v.name: _declared(v) for v in (*graph.value_info, *graph.output)}
    source = Source(graph.name or path.stem, digest, opsets, [], inputs, outputs, constants, stated)
    source.nodes = live(sort_nodes(nodes), outputs)
    source.node_count = len(graph.node)
    known = onnx.defs.onnx_opset_version()
    if source.opset > known:
        source.warnings.append(f"opset {source.opset} is newer than the installed onnx knows ({known})")
    return source


def _check(
    path: Path, graph: onnx.GraphProto, nodes: list[Node], given: Iterable[str], outputs: tuple[str, ...]
) -> None:
    """Nodes exist, each value is made once, and all that is read is made."""
    if not graph.node:
        raise ModelError(f"{path}: its graph has no nodes", hint="export the model again")
    if not outputs:
        raise ModelError(f"{path}: its graph has no outputs", hint="export the model again")
    twice = sorted({name for name in outputs if outputs.count(name) > 1})
    if twice:
        raise ModelError(f"{path}: graph output '{twice[0]}' is listed twice", hint="export the model again")
    made = dict.fromkeys(given, "the graph's inputs")
    for node in nodes:
        for out in node.outputs:
            if out in made:
                raise ModelError(f"{path}: value '{out}' is made twice, by {made[out]} and by {label(node)}")
            if out:
                made[out] = label(node)
    dangling = [
        f"'{name}', read by {label(node)}"
        for node in nodes
        for name in (*node.inputs, *node.captures)
        if name and name not in made
    ] + [f"'{name}', a graph output" for name in outputs if name not in made]
    if dangling:
        raise ModelError(
            f"{path}: {len(dangling)} values are read but never made",
            details=dangling[:10],
            hint="export the model again",
        )


def label(node: Node) -> str:
    """The node in words, for messages."""
    kind = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
    return f"{kind} '{node.name}'" if node.name else f"{kind} -> '{next(filter(None, node.outputs), '')}'"


def nodes_of(graph: onnx.GraphProto, constants: dict[str, Fact]) -> list[Node]:
    """The graph's nodes; its Constant nodes move to `constants`."""
    nodes = []
    for proto in graph.node:
        if proto.op_type == "Constant" and proto.domain in ("", "ai.onnx") and proto.output:
            fact = constant_of(proto)
            if fact is not None:
                constants[proto.output[0]] = fact
                continue
        nodes.append(make_node(proto))
    return nodes


def make_node(proto: onnx.NodeProto) -> Node:
    """A node with the key of what it computes."""
    domain = "" if proto.domain == "ai.onnx" else proto.domain
    attributes = [a for a in proto.attribute if a.name != "doc_string"]
    subgraphs = [g for a in attributes for g in ((a.g,) if a.type == onnx.AttributeProto.GRAPH else tuple(a.graphs))]
    content = tuple(sorted(a.SerializeToString(deterministic=True) for a in attributes)) if not subgraphs else ()
    wanted = (tuple(bool(n) for n in proto.input), tuple(bool(n) for n in proto.output))
    captures = tuple(sorted({name for g in subgraphs for name in _free_names(g)}))
    return Node(
        proto.op_type,
        domain,
        proto.name,
        tuple(proto.input),
        tuple(proto.output),
        proto,
        (domain, proto.op_type, content, wanted),
        captures,
        bool(subgraphs),
    )


def _free_names(graph: onnx.GraphProto) -> set[str]:
    """Names that a subgraph reads from outside."""
    read: set[str] = {o.name for o in graph.output}
    made = {i.name for i in graph.input} | {t.name for t in graph.initializer}
    for node in graph.node:
        read.update(node.input)
        made.update(node.output)
        for a in node.attribute:
            if a.type == onnx.AttributeProto.GRAPH:
                read |= _free_names(a.g)
    return read - made - {""}


def _declared(info: onnx.ValueInfoProto) -> Declared:
    tensor = info.type.tensor_type
    if not tensor.HasField("shape"):
        return Declared(tensor.elem_type, None)
    return Declared(tensor.elem_type, tuple(_dim(d) for d in tensor.shape.dim))


def _dim(dim: onnx.TensorShapeProto.Dimension) -> DimTerm:
    if dim.HasField("dim_value"):
        return int(dim.dim_value) if dim.dim_value > 0 else None
    name = str(dim.dim_param).strip()
    return None if name in _UNNAMED else name
