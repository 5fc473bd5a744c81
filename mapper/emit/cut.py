"""Cutting: a stretch of a file's nodes as a model of its own, with the file's names, opsets and attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import onnx

from mapper.errors import ModelError
from mapper.frontend.anatomy import Anatomy, Dim, FileNode

PRODUCER = "hetmap"

FIRST_WITHOUT_DEFAULTS = 4
"""The first IR version in which weights need not be inputs too (onnx, IR.md)."""


@dataclass(frozen=True)
class Cut:
    """Nodes that become one model: copies of cheap ones included. inputs: values that come from elsewhere, in the order
    of their first use. outputs: values that are wanted elsewhere. weights: the initializers that the nodes read."""

    nodes: tuple[FileNode, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: tuple[str, ...]

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for cuts that make the same model of one file."""
        return tuple(node.name for node in self.nodes), self.inputs, self.outputs


def cuts(
    anatomy: Anatomy, nodes: Sequence[FileNode], groups: Sequence[Sequence[FileNode]], ends: Sequence[str]
) -> list[Cut]:
    """Each group with the copies that it reads, and what goes in and out.

    nodes: all live nodes, producers before users; those in no group are copied. ends: results of the phase.
    """
    place = {node.name: k for k, node in enumerate(nodes)}
    maker = {out: node for node in nodes for out in node.outputs if out}
    grouped = {node.name for group in groups for node in group}
    whole = [_with_copies(group, maker, grouped, place) for group in groups]
    wanted = set(ends)
    for group in whole:
        made = {out for node in group for out in node.outputs}
        wanted.update(name for node in group for name in node.reads if name not in made)
    return [_cut(anatomy, group, {n.name for n in own}, wanted) for group, own in zip(whole, groups, strict=True)]


def _with_copies(
    group: Sequence[FileNode], maker: Mapping[str, FileNode], grouped: set[str], place: Mapping[str, int]
) -> list[FileNode]:
    found = {node.name: node for node in group}
    waiting = list(group)
    while waiting:
        for name in waiting.pop().reads:
            source = maker.get(name)
            if source is not None and source.name not in grouped and source.name not in found:
                found[source.name] = source
                waiting.append(source)
    return sorted(found.values(), key=lambda node: place[node.name])


def _cut(anatomy: Anatomy, nodes: Sequence[FileNode], own: set[str], wanted: set[str]) -> Cut:
    made = {out for node in nodes for out in node.outputs if out}
    read = dict.fromkeys(name for node in nodes for name in node.reads if name not in made)
    weights = tuple(name for name in read if anatomy.is_weight(name))
    inputs = tuple(name for name in read if not anatomy.is_weight(name))
    outputs = tuple(out for node in nodes if node.name in own for out in node.outputs if out and out in wanted)
    return Cut(tuple(nodes), inputs, outputs, weights)


Stored = Callable[[onnx.TensorProto], onnx.TensorProto]
"""A tensor as it is written: with the place of its numbers."""


def model_of(anatomy: Anatomy, cut: Cut, name: str, stored: Stored) -> onnx.ModelProto:
    """The cut as a model. stored: where an initializer lies for it. Raises ModelError for a value at its border whose
    type is not known."""
    weights = [stored(anatomy.initializers[n]) for n in cut.weights if n in anatomy.initializers]
    inputs = [value_info(anatomy, n) for n in cut.inputs]
    outputs = [value_info(anatomy, n) for n in cut.outputs]
    nodes = [with_stored(node.proto, stored) for node in cut.nodes]
    return assembled(anatomy, name, nodes, inputs, outputs, weights)


def assembled(
    anatomy: Anatomy,
    name: str,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: Sequence[onnx.TensorProto],
) -> onnx.ModelProto:
    """A piece of a file, in its opsets and IR version, with the sparse initializers that the nodes read."""
    source, read = anatomy.model, {name for node in nodes for name in read_by(node)}
    old = source.ir_version < FIRST_WITHOUT_DEFAULTS
    extra = [onnx.helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in weights] if old else []
    sparse = [tensor for name, tensor in anatomy.sparse.items() if name in read]
    graph = onnx.helper.make_graph(nodes, name, [*inputs, *extra], outputs, list(weights), sparse_initializer=sparse)
    found = onnx.helper.make_model(graph, producer_name=PRODUCER, ir_version=source.ir_version)
    del found.opset_import[:]
    found.opset_import.extend(source.opset_import)
    return found


def read_by(proto: onnx.NodeProto) -> set[str]:
    """What a node reads, with its branches and bodies."""
    found = set(proto.input)
    for attribute in proto.attribute:
        for graph in (attribute.g, *attribute.graphs):
            found.update(name for node in graph.node for name in read_by(node))
            found.update(out.name for out in graph.output)
    return found


def with_stored(node: onnx.NodeProto, stored: Stored) -> onnx.NodeProto:
    """The node with the tensors inside it (its constant, weights of its branches and bodies) as they are written."""
    if not any(a.HasField("t") or a.HasField("g") or a.tensors or a.graphs for a in node.attribute):
        return node
    found = onnx.NodeProto()
    found.CopyFrom(node)
    for attribute in found.attribute:
        for tensor in (attribute.t,) if attribute.HasField("t") else attribute.tensors:
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                tensor.CopyFrom(stored(tensor))
        for graph in (attribute.g,) if attribute.HasField("g") else attribute.graphs:
            store_all(graph, stored)
    return found


def store_all(graph: onnx.GraphProto, stored: Stored) -> None:
    """Change all tensors of a graph to what is written."""
    for tensor in graph.initializer:
        tensor.CopyFrom(stored(tensor))
    for node in graph.node:
        node.CopyFrom(with_stored(node, stored))


def value_info(anatomy: Anatomy, name: str) -> onnx.ValueInfoProto:
    """The type of a value at the border of a piece."""
    found = anatomy.type_of(name)
    if found is None:
        raise ModelError(
            f"{anatomy.path}: '{name}' would go from one unit to another, but it is no tensor of known type",
            hint="place what makes it and what reads it on one unit",
        )
    return onnx.helper.make_tensor_value_info(name, found.elem, opened(anatomy, name, found.shape))


_GROWS = 2
"""The axis of rows of the keys and values that GroupQueryAttention takes: [batch, heads, rows, head]."""


def opened(anatomy: Anatomy, name: str, shape: Sequence[Dim]) -> list[Dim | None]:
    """The shape of a value with nothing where the size depends on data (a plan only expects one), and where a cache
    grows: onnxruntime takes a fixed length that goes into its GroupQueryAttention for the one that comes out."""
    unknown = anatomy.data_dims(name) | ({_GROWS} if name in anatomy.caches else set())
    return [None if i in unknown else dim for i, dim in enumerate(shape)]
