"""Subgraphs of If, Loop and Scan, taken apart once and placed in the surrounding graph as often as they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import onnx

from mapper.errors import ModelError
from mapper.frontend.facts import Fact, Node
from mapper.frontend.file.identity import home_of
from mapper.frontend.file.nodes import label, nodes_of
from mapper.frontend.file.order import sort_nodes
from mapper.frontend.file.tensors import initializers

DEEPEST = 200
"""Levels of graphs in graphs; real exports stay below ten."""


@dataclass(frozen=True)
class Body:
    """A subgraph: its nodes with producers first, the names of its inputs and outputs, its constants."""

    proto: onnx.GraphProto
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, Fact]
    home: str

    @cached_property
    def made(self) -> frozenset[str]:
        """Names of the values that its nodes make."""
        return frozenset(out for node in self.nodes for out in node.outputs if out)

    @cached_property
    def size(self) -> int:
        """Its nodes, those of its own subgraphs included, once each."""
        return len(self.nodes) + sum(_nodes_below(n.proto) for n in self.nodes if n.has_subgraph)

    def names(self, home: str, prefix: str, given: Mapping[str, str], scope: Mapping[str, str]) -> dict[str, str]:
        """What each of its names is called outside. home: before its constants; prefix: before what its nodes make."""
        names = dict(scope)
        names.update((name, f"{home}/{name}") for name in self.constants)
        names.update((name, prefix + name) for name in self.made)
        names.update(given)
        return names

    def placed(self, names: Mapping[str, str], prefix: str) -> list[Node]:
        """Its nodes as nodes of the surrounding graph; `prefix` goes before the nodes' own names."""
        return [_placed(node, names, prefix) for node in self.nodes]


def _placed(node: Node, names: Mapping[str, str], prefix: str) -> Node:
    get = names.get
    scope = {name: get(name, name) for name in node.captures}
    return Node(
        node.op_type,
        node.domain,
        prefix + node.name if node.name else "",
        tuple([get(n, n) for n in node.inputs]),
        tuple([get(n, n) for n in node.outputs]),
        node.proto,
        node.key,
        tuple(sorted(set(scope.values()))),
        node.has_subgraph,
        scope,
        node.origin,
    )


def body_of(node: Node, attribute: str, taken: Mapping[str, int]) -> Body:
    """The node's subgraph, or a ModelError where it is missing or contradicts itself. taken: names of the file."""
    proto = next((a.g for a in node.proto.attribute if a.name == attribute and a.HasField("g")), None)
    if proto is None:
        raise ModelError(f"{label(node)} has no {attribute}", hint="export the model again")
    _check_depth(node, proto)
    constants = initializers(proto)
    home = home_of(node.origin, attribute)
    nodes = nodes_of(proto, constants, taken, home)
    inputs, outputs = tuple(i.name for i in proto.input), tuple(o.name for o in proto.output)
    made = set(inputs) | set(constants)
    for inner in nodes:
        for out in inner.outputs:
            if out in made:
                raise ModelError(f"{label(node)}: value '{out}' of its {attribute} is made twice")
            if out:
                made.add(out)
    return Body(proto, tuple(sort_nodes(nodes)), inputs, outputs, constants, home)


def _check_depth(node: Node, graph: onnx.GraphProto) -> None:
    waiting = [(graph, 1)]
    while waiting:
        inner, depth = waiting.pop()
        if depth > DEEPEST:
            raise ModelError(f"{label(node)} holds graphs in graphs, more than {DEEPEST} deep")
        waiting += [(g, depth + 1) for n in inner.node for g in _graphs(n)]


def _nodes_below(proto: onnx.NodeProto) -> int:
    waiting, count = _graphs(proto), 0
    while waiting:
        graph = waiting.pop()
        count += len(graph.node)
        waiting += [g for n in graph.node for g in _graphs(n)]
    return count


def _graphs(proto: onnx.NodeProto) -> list[onnx.GraphProto]:
    return [g for a in proto.attribute for g in (*((a.g,) if a.HasField("g") else ()), *a.graphs)]
