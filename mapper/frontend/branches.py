"""Takes the branch of an If whose condition is known, as nodes of the surrounding graph."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from mapper.errors import ModelError
from mapper.frontend.facts import Fact, Node, Source
from mapper.frontend.read import label, make_node, nodes_of
from mapper.frontend.tensors import initializers


def branch_of(node: Node, facts: Mapping[str, Fact], choices: dict[int, bool], source: Source) -> list[Node] | str:
    """The nodes of the branch taken, its results under the If's own output names; or why it is not known.

    `choices` remembers the branch by node: all samples take the same one. Constants of the branch join the source's.
    """
    condition = facts.get(node.inputs[0])
    if condition is None or condition.data is None or condition.data.size != 1:
        scalars = [n for n, d in source.inputs.items() if d.dims in ((), (1,))]
        hint = f"; give the value of a scalar input, e.g. --dim {scalars[0]}=1" if scalars else ""
        return f"'{node.outputs[0]}', made by {label(node)}: its condition '{node.inputs[0]}' is not known{hint}"
    taken = bool(condition.data.reshape(-1)[0])
    if choices.setdefault(id(node.proto), taken) != taken:
        raise ModelError(
            f"{label(node)} takes its then-branch at some sizes and its else-branch at others",
            hint="map these sizes in separate runs",
        )
    graph = node.attr("then_branch" if taken else "else_branch")
    if not isinstance(graph, onnx.GraphProto):
        return f"'{node.outputs[0]}', made by {label(node)}: it lacks the branch that its condition takes"
    return _spliced(node, graph, source)


def _spliced(node: Node, graph: onnx.GraphProto, source: Source) -> list[Node]:
    """The branch's nodes with names that do not clash with the rest of the graph."""
    constants = initializers(graph)
    nodes = nodes_of(graph, constants)
    inner = {out for n in nodes for out in n.outputs if out} | set(constants)
    prefix = f"{node.outputs[0]}/"
    renamed = {name: prefix + name for name in inner}
    for name, fact in constants.items():
        source.constants[renamed[name]] = fact
    spliced = [_renamed(n, renamed) for n in nodes]
    for result, out in zip(graph.output, node.outputs, strict=False):
        if out:
            spliced.append(make_node(onnx.helper.make_node("Identity", [renamed.get(result.name, result.name)], [out])))
    return spliced


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    proto = onnx.NodeProto()
    proto.CopyFrom(node.proto)
    rename_node(proto, names)
    return make_node(proto)


def rename_node(proto: onnx.NodeProto, names: Mapping[str, str]) -> None:
    """Renames the values that a node reads and makes, also inside its subgraphs where they are not hidden."""
    for values in (proto.input, proto.output):
        for i, name in enumerate(values):
            values[i] = names.get(name, name)
    for attribute in proto.attribute:
        if attribute.type != onnx.AttributeProto.GRAPH:
            continue
        graph = attribute.g
        hidden = {i.name for i in graph.input} | {t.name for t in graph.initializer}
        hidden |= {out for n in graph.node for out in n.output}
        outside = {old: new for old, new in names.items() if old not in hidden}
        for inner in graph.node:
            rename_node(inner, outside)
        for result in graph.output:
            result.name = outside.get(result.name, result.name)
