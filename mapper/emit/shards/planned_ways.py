"""What a plan says of the ranks of a team: the way of each op, and how it wants what it reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise

from mapper.cost.shards.axes import NONE
from mapper.cost.shards.chain import Way
from mapper.cost.shards.op_ways import OpWay
from mapper.cost.shards.sharing import Sharing
from mapper.emit.planned import Planned
from mapper.emit.shards.layouts import WHOLE, Lay, Ranges, Split, by_columns, even, packed
from mapper.emit.shards.rules import ELEMENTWISE
from mapper.emit.shards.sizes import PhaseFacts
from mapper.frontend.anatomy import Anatomy, FileNode
from mapper.hw.layout import Layout
from mapper.ir.graph import Op

_KEEP_LAST = ELEMENTWISE | {"Unsqueeze", "Squeeze", "Reshape"}
"""Nodes through which a last axis of one size is the same axis."""


_COPIES = frozenset({"Cast", "Dropout", "Identity"})
"""Nodes that the graph passes may have taken out."""


class PlannedWays:
    """The ways of a phase's ops, asked by node of the file."""

    def __init__(self, planned: Planned, anatomy: Anatomy, phase: str, facts: PhaseFacts) -> None:
        self.planned, self.anatomy, self.phase, self.facts = planned, anatomy, phase, facts
        self._sharing = Sharing(planned.plan.graph, planned.plan.phases)
        self._prefix = f"{planned.label}/" if planned.label else ""
        self._found: dict[str, dict[str, OpWay]] = {}

    def of_node(self, node: FileNode) -> Iterator[tuple[Op, OpWay]]:
        """The ops that a node stands in and the way that the plan has for each; none where no team runs it."""
        for task, op in self.planned.tasks_of(node, self.phase):
            way = self._ways(task.name).get(op.name)
            if way is not None:
                yield op, way

    def _ways(self, task: str) -> dict[str, OpWay]:
        if task not in self._found:
            plan = self.planned.plan
            place, ops = plan.place[task], plan.cluster[plan.task[task].cluster].ops
            ranks = plan.target.unit[place.unit].ranks
            ways: tuple[Way, ...] = self._sharing.ways(ops, self.phase, ranks) if ranks > 1 else ()
            chosen = next((way for way in ways if way.name == place.shard), None)
            self._found[task] = dict(zip(ops, chosen.ops, strict=True)) if chosen else {}
        return self._found[task]

    def wanted(self, node: FileNode, name: str, lies: Lay, ranks: int) -> Lay:
        """How the plan wants the node to read a value that lies so; as it lies where the plan does not say."""
        ways = [way for _, way in self.of_node(node)]
        for same in self._copies(name) if ways else ():
            layout = next((dict(way.wants)[same] for way in ways if same in dict(way.wants)), None)
            if layout is not None:
                return self._laid(same, layout, lies, ranks)
        return lies

    def _copies(self, name: str) -> Iterator[str]:
        """The plan's name of a value, and of those of which it is a copy that the plan does not know."""
        while True:
            yield self._prefix + name
            node = self._makers.get(name)
            if node is None or node.proto.op_type not in _COPIES or any(self.planned.tasks_of(node, self.phase)):
                return
            name = node.proto.input[0]

    @cached_property
    def _makers(self) -> dict[str, FileNode]:
        return {out: node for node in self.anatomy.nodes for out in node.outputs if out}

    def _laid(self, value: str, layout: Layout, lies: Lay, ranks: int) -> Lay:
        match layout:
            case Layout.COPY | Layout.ONE:
                return WHOLE
            case Layout.SUM:
                return lies
            case Layout.FEATURES:
                found = self._features(value, ranks)
                return lies if isinstance(lies, Split) and (found is None or lies.axis == found.axis) else found or lies
            case Layout.TOKENS:
                rows = self._tokens(value, ranks)
                return rows or lies
            case Layout.EXPERTS:  # rows are dealt from whole values
                return WHOLE if isinstance(lies, Split) else lies
        return lies

    def _features(self, value: str, ranks: int) -> Split | None:
        analysis = self._sharing.analysis(self.phase)
        axis, shape = analysis.axes.get(value, NONE).features, self.facts.shape(value.removeprefix(self._prefix))
        if axis < 0 or shape is None or axis >= len(shape) or shape[axis] is None:
            return None
        size, ranges = int(shape[axis] or 0), None
        if value not in analysis.heads and axis == len(shape) - 1:
            parts = self._parts((value.removeprefix(self._prefix),), size)
            ranges = packed(parts, ranks) if len(parts) > 1 else None
        ranges = ranges or by_columns(analysis.columns(value), size, ranks)
        return Split(axis, ranges) if ranges else None

    def _tokens(self, value: str, ranks: int) -> Split | None:
        """The first axis of tokens that has enough entries."""
        analysis = self._sharing.analysis(self.phase)
        shape = self.facts.shape(value.removeprefix(self._prefix)) or ()
        for axis in analysis.axes.get(value, NONE).tokens:
            size = shape[axis] if axis < len(shape) else None
            if size is not None and size >= ranks:
                return Split(axis, even(size, ranks))
        return None

    def rows(self, node: FileNode, ranks: int) -> tuple[str, Split] | None:
        """The tokens that each rank makes of a node's result where the plan has it read its operands whole."""
        for op, way in self.of_node(node):
            if way.leaves is not Layout.TOKENS:
                continue
            made = {self.facts.shape(name): name for name in node.outputs if name}
            for out in op.outputs:  # of an op of several nodes, those whose results look like the op's
                name = made.get(self.facts.shape(out.removeprefix(self._prefix)))
                if name is not None and (found := self._tokens(out, ranks)) is not None:
                    return name, found
        return None

    def columns(self, node: FileNode, output: str, size: int, ranks: int) -> Ranges | None:
        """The features that each rank makes of a node's result, of so many. Heads stay whole; what is cut into parts
        further on is divided part by part."""
        analysis = self._sharing.analysis(self.phase)
        for op, way in self.of_node(node):
            if way.name != "column" or not op.outputs:
                continue
            columns = analysis.columns(op.result)
            if op.result not in analysis.heads:
                parts = self._parts((output, op.result.removeprefix(self._prefix)), size)
                if len(parts) > 1 and (found := packed(parts, ranks)) is not None:
                    return found
            if columns and (found := by_columns(columns, size, ranks)) is not None:
                return found
        return None

    @cached_property
    def _readers(self) -> dict[str, list[FileNode]]:
        found: dict[str, list[FileNode]] = {}
        for node in self.anatomy.nodes:
            for name in node.reads:
                found.setdefault(name, []).append(node)
        return found

    def matrix_axis(self, node: FileNode, way: str) -> int | None:
        """Of matrices [experts, _, _] that a node picks: the axis that a product behind reads as columns (results) or
        as rows (what it sums over)."""
        perm, reader = [0, 1, 2], next(iter(self._readers.get(node.outputs[0], ())), None)
        name = node.outputs[0]
        while reader is not None and reader.proto.op_type in ("Transpose", "Identity", "Cast"):
            own = next((list(a.ints) for a in reader.proto.attribute if a.name == "perm"), None)
            if own is not None and len(own) != 3:
                return None
            perm = [perm[i] for i in own] if own else perm
            name, reader = reader.outputs[0], next(iter(self._readers.get(reader.outputs[0], ())), None)
        if reader is None or reader.proto.op_type != "MatMul" or way not in ("column", "row"):
            return None
        left = reader.proto.input[0] == name
        return perm[1 if left == (way == "column") else 2]

    def _parts(self, names: Sequence[str], size: int) -> list[int]:
        """The sizes into which the last axis of values is cut by what reads them, itself or through elementwise ops."""
        marks, waiting, seen = {0, size}, list(names), set(names)
        while waiting:
            for node in self._readers.get(waiting.pop(), ()):
                kind = node.proto.op_type
                for out in node.outputs if kind in _KEEP_LAST else ():
                    shape = self.facts.shape(out)
                    if out not in seen and shape and shape[-1] == size:
                        seen.add(out)
                        waiting.append(out)
                if kind in ("Split", "Slice"):
                    marks |= self._cuts(node, size)
        ordered = sorted(marks)
        return [b - a for a, b in pairwise(ordered)]

    def _cuts(self, node: FileNode, size: int) -> set[int]:
        outs = [self.facts.shape(out) for out in node.outputs]
        source = self.facts.shape(node.proto.input[0])
        if not source or any(not out or len(out) != len(source) or out[-1] is None for out in outs):
            return set()
        if source[-1] != size or any(out and out[-1] == size for out in outs):
            return set()
        if node.proto.op_type == "Split":
            return set(accumulate(int(out[-1] or 0) for out in outs if out))
        start = self.facts.numbers(node.proto.input[1]) if len(node.proto.input) > 1 else None
        first = int(start.reshape(-1)[-1]) if start is not None and start.size else 0
        first = first + size if first < 0 else first
        return {first, min(size, first + int((outs[0] or (0,))[-1] or 0))}
