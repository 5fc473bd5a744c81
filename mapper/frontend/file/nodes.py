"""Nodes of a file as the frontend sees them: each with the key of what it computes and the outer values it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import onnx

from mapper.errors import ModelError
from mapper.frontend.facts import Fact, Node
from mapper.frontend.file.identity import identity
from mapper.frontend.file.tensors import constant_of

_AGAIN = "export the model again"
_TYPE = onnx.AttributeProto.AttributeType.Value
_GRAPH, _GRAPHS = onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS


def nodes_of(
    graph: onnx.GraphProto, constants: dict[str, Fact], taken: Mapping[str, int], home: str = ""
) -> list[Node]:
    """The graph's nodes; its Constant nodes move to `constants`. taken, home: see `identity`."""
    nodes = []
    for index, proto in enumerate(graph.node):
        if proto.op_type == "Constant" and proto.domain in ("", "ai.onnx") and proto.output:
            fact = constant_of(proto)
            if fact is not None and proto.output[0] not in constants:
                constants[proto.output[0]] = fact
                continue
        node = make_node(proto)
        node.origin = identity(proto, index, home, taken)
        nodes.append(node)
    return nodes


def make_node(proto: onnx.NodeProto) -> Node:
    """A node with the key of what it computes."""
    op_type, domain = proto.op_type, "" if proto.domain == "ai.onnx" else proto.domain
    inputs, outputs = tuple(proto.input), tuple(proto.output)
    attributes = [a for a in proto.attribute if a.name != "doc_string"]
    _check_attributes(proto, domain, attributes)
    subgraphs = [g for a in attributes if a.type in (_GRAPH, _GRAPHS) for g in (a.g, *a.graphs)]
    content = tuple(sorted(a.SerializeToString(deterministic=True) for a in attributes)) if not subgraphs else ()
    wanted = (tuple(map(bool, inputs)), tuple(map(bool, outputs)))
    captures = tuple(sorted({name for g in subgraphs for name in free_names(g)}))
    key = (domain, op_type, content, wanted)
    return Node(op_type, domain, proto.name, inputs, outputs, proto, key, captures, bool(subgraphs))


def _check_attributes(proto: onnx.NodeProto, domain: str, attributes: Sequence[onnx.AttributeProto]) -> None:
    """Each attribute is there once and, where onnx knows the operator, of its type."""
    types = attribute_types(proto.op_type, domain)
    if len({a.name for a in attributes}) == len(attributes) and all(
        types.get(a.name, a.type) == a.type != 0 for a in attributes
    ):
        return
    who = f"{proto.op_type} '{proto.name or next(iter(proto.output), '')}'"
    kind = onnx.AttributeProto.AttributeType.Name
    for a in attributes:
        wanted = types.get(a.name)
        if wanted not in (None, a.type) or a.type == 0:
            instead = f", not {kind(wanted)}" if wanted else ""
            raise ModelError(f"{who}: attribute '{a.name}' is of type {kind(a.type)}{instead}", hint=_AGAIN)
    raise ModelError(f"{who}: an attribute is stated twice", hint=_AGAIN)


@lru_cache(maxsize=4096)
def attribute_types(op_type: str, domain: str) -> Mapping[str, int]:
    """Types of the operator's attributes in its newest version; they do not change between versions."""
    try:
        schema = onnx.defs.get_schema(op_type, domain=domain)
    except onnx.defs.SchemaError:
        return {}
    return {name: _TYPE(str(attribute.type).rpartition(".")[2]) for name, attribute in schema.attributes.items()}


def free_names(graph: onnx.GraphProto) -> set[str]:
    """Names that a subgraph reads from outside."""
    read: set[str] = {o.name for o in graph.output}
    made = {i.name for i in graph.input} | {t.name for t in graph.initializer}
    made |= {s.values.name for s in graph.sparse_initializer}
    for node in graph.node:
        read.update(node.input)
        made.update(node.output)
        for a in node.attribute:
            if a.type in (_GRAPH, _GRAPHS):
                for inner in (a.g, *a.graphs):
                    read |= free_names(inner)
    return read - made - {""}


def label(node: Node) -> str:
    """The node in words, for messages."""
    kind = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
    return f"{kind} '{node.name}'" if node.name else f"{kind} -> '{next(filter(None, node.outputs), '')}'"
