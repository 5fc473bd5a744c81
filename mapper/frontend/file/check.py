"""What must hold of a file before anything is inferred: names are text and unique, types and sizes are possible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import onnx

from mapper.errors import ModelError
from mapper.frontend.facts import Node
from mapper.frontend.file.nodes import label

OLDEST_OPSET = 6
_AGAIN = "export the model again"
_DOMAINS = {"ai.onnx": ""}
_TYPES = frozenset(onnx.TensorProto.DataType.values()) - {onnx.TensorProto.UNDEFINED}
_LARGEST_OPSET = 2**31 - 1


def check_text(path: Path, model: onnx.ModelProto) -> None:
    """All names are text; the parser hands on a damaged one as bytes."""
    for name in _names(model):
        if not isinstance(name, str):
            raise ModelError(
                f"{path} is damaged: it holds names that are not UTF-8, e.g. {str(name)[:60]}",
                hint="export or copy it again",
            )


def _names(model: onnx.ModelProto) -> Iterator[object]:
    for opset in model.opset_import:
        yield opset.domain
    for function in model.functions:
        yield from (function.name, function.domain, *function.input, *function.output, *function.attribute)
        yield from (o.domain for o in function.opset_import)
        yield from _names_in_nodes(function.node)
    yield from _names_in_graph(model.graph)


def _names_in_graph(graph: onnx.GraphProto) -> Iterator[object]:
    yield graph.name
    for tensor in (*graph.initializer, *(s.values for s in graph.sparse_initializer)):
        yield tensor.name
        for entry in tensor.external_data:
            yield from (entry.key, entry.value)
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield value.name
        if value.type.HasField("tensor_type"):
            yield from (d.dim_param for d in value.type.tensor_type.shape.dim if d.HasField("dim_param"))
    yield from _names_in_nodes(graph.node)


def _names_in_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[object]:
    for node in nodes:
        yield from (node.op_type, node.domain, node.name, node.overload)
        yield from node.input
        yield from node.output
        for attribute in node.attribute:
            yield attribute.name
            yield attribute.ref_attr_name
            if attribute.HasField("g"):
                yield from _names_in_graph(attribute.g)
            for graph in attribute.graphs:
                yield from _names_in_graph(graph)


def opsets_of(path: Path, model: onnx.ModelProto) -> dict[str, int]:
    """Versions by domain; a ModelError where they are missing, contradict each other or are too old."""
    opsets: dict[str, int] = {}
    for entry in model.opset_import:
        domain, version = _DOMAINS.get(entry.domain, entry.domain), int(entry.version)
        if not -_LARGEST_OPSET <= version <= _LARGEST_OPSET:
            raise ModelError(f"{path} states opset {version} for domain '{domain}'", hint=_AGAIN)
        if opsets.setdefault(domain, version) != version:
            raise ModelError(f"{path} states opsets {opsets[domain]} and {version} for one domain '{domain}'")
    if not opsets:
        raise ModelError(f"{path} states no opset", hint="export it again with an opset of 11 or later")
    version = opsets.get("", OLDEST_OPSET)
    if version < OLDEST_OPSET:
        raise ModelError(
            f"{path} uses opset {version}; {OLDEST_OPSET} is the oldest supported",
            hint="convert it with onnx.version_converter.convert_version(model, 17)",
        )
    return opsets


def opset_warnings(path: Path, nodes: Sequence[Node], opsets: Mapping[str, int]) -> list[str]:
    """Versions that are newer than known or missing; a ModelError where that of standard operators is missing."""
    found = []
    known = onnx.defs.onnx_opset_version()
    if opsets.get("", 0) > known:
        found.append(f"opset {opsets['']} is newer than the installed onnx knows ({known})")
    used = Counter(node.domain for node in nodes)
    if used[""] and "" not in opsets:
        raise ModelError(
            f"{path} uses {used['']} operators of ai.onnx but states no opset for it",
            hint="add it: model.opset_import.append(onnx.helper.make_opsetid('', 17))",
        )
    missing = sorted(domain for domain in used if domain not in opsets)
    if missing:
        found.append(f"no opset is stated for {', '.join(missing)}; its operators are taken as version 1")
    return found


def check_tensors(path: Path, graph: onnx.GraphProto) -> None:
    """Inputs and initializers have types that exist, each name once."""
    for what, names in (
        ("graph inputs are", [i.name for i in graph.input]),
        ("initializers are", [t.name for t in graph.initializer] + [s.values.name for s in graph.sparse_initializer]),
        ("graph outputs are", [o.name for o in graph.output]),
    ):
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            raise ModelError(f"{path}: two {what} called '{twice[0]}'", hint=_AGAIN)
    weights = {t.name for t in graph.initializer}
    for value in graph.input:
        kind = value.type.WhichOneof("value")
        if kind == "tensor_type" and value.name not in weights:
            _check_elem(value.type.tensor_type.elem_type, f"{path}: input '{value.name}'")


def _check_elem(elem: int, who: str) -> None:
    if elem not in _TYPES:
        what = "no element type" if elem == 0 else f"element type {elem}, which onnx {onnx.__version__} does not know"
        raise ModelError(f"{who} has {what}", hint=_AGAIN)


def check_nodes(
    path: Path, nodes: Sequence[Node], inputs: Iterable[str], constants: Iterable[str], outputs: Sequence[str]
) -> None:
    """Nodes exist, each value is made once, and all that is read is made."""
    if not outputs:
        raise ModelError(f"{path}: its graph has no outputs", hint=_AGAIN)
    made: dict[str, str | Node] = {
        **dict.fromkeys(inputs, "the graph's inputs"), **dict.fromkeys(constants, "its constants"),
    }  # fmt: skip
    for node in nodes:
        for out in node.outputs:
            if out in made:
                before = made[out]
                first = before if isinstance(before, str) else label(before)
                raise ModelError(f"{path}: value '{out}' is made twice, by {first} and by {label(node)}", hint=_AGAIN)
            if out:
                made[out] = node
    dangling = [
        f"'{name}', read by {label(node)}"
        for node in nodes
        for name in (*node.inputs, *node.captures)
        if name and name not in made
    ] + [f"'{name}', a graph output" for name in outputs if name not in made]
    if dangling:
        many = "s are" if len(dangling) > 1 else " is"
        raise ModelError(f"{path}: {len(dangling)} value{many} read but never made", details=dangling[:10], hint=_AGAIN)


def check_arity(node: Node, opset: int) -> None:
    """A standard operator has the inputs and outputs that it cannot do without."""
    try:
        schema = onnx.defs.get_schema(node.op_type, opset, node.domain)
    except onnx.defs.SchemaError:
        return
    lacking = lacking_input(schema, node.inputs) or _first_single(schema.outputs, node.outputs, "output")
    if lacking:
        raise ModelError(f"{label(node)} lacks its {lacking}", hint=_AGAIN)


def lacking_input(schema: onnx.defs.OpSchema, inputs: Sequence[object]) -> str:
    """The first input that the operator needs and the node omits, in words; empty if there is none."""
    return _first_single(schema.inputs, inputs, "input")


def _first_single(formal: Sequence[onnx.defs.OpSchema.FormalParameter], names: Sequence[object], what: str) -> str:
    single = onnx.defs.OpSchema.FormalParameterOption.Single
    for index, parameter in enumerate(formal):
        omitted = index >= len(names) or names[index] is None or names[index] == ""
        if parameter.option == single and omitted:
            return f"{what} '{parameter.name}'"
    return ""
