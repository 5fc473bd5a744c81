"""Which node of the file is meant: one name for each, also where the file gives none or gives one twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import onnx

from mapper.frontend.facts import FileNode


def node_names(graph: onnx.GraphProto) -> Counter[str]:
    """How often each name is borne in a graph, its branches and loops included."""
    found = Counter(node.name for node in graph.node)
    for node in graph.node:
        for _, body in _bodies(node):
            found.update(node_names(body))
    return found


def file_nodes(graph: onnx.GraphProto, taken: Mapping[str, int], owner: str = "", home: str = "") -> Iterator[FileNode]:
    """The nodes of a graph, those of its branches and loops after the node that they belong to."""
    for index, node in enumerate(graph.node):
        name = identity(node, index, home, taken)
        yield FileNode(name, node.op_type, home, owner)
        for attribute, body in _bodies(node):
            yield from file_nodes(body, taken, name, home_of(name, attribute))


def identity(node: onnx.NodeProto, index: int, home: str, taken: Mapping[str, int]) -> str:
    """The node's name if no other bears it, else where it stands: `Add_12`, in a branch `If_3/then_branch/Add_2`."""
    if node.name and taken.get(node.name, 0) <= 1:
        return node.name
    name = f"{home}{node.op_type}_{index}"
    while name in taken:
        name += "_"
    return name


def home_of(owner: str, attribute: str) -> str:
    """What stands before the nodes without names of a branch or a loop's body."""
    return f"{owner}/{attribute}/"


def _bodies(node: onnx.NodeProto) -> Iterator[tuple[str, onnx.GraphProto]]:
    for a in node.attribute:
        if a.HasField("g"):
            yield a.name, a.g
        yield from ((f"{a.name}/{i}", graph) for i, graph in enumerate(a.graphs))
