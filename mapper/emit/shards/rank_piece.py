"""The nodes that one rank runs in a stretch, with its parts of weights and what it cuts for itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from mapper.emit.shards.experts import rows_of, summand
from mapper.emit.shards.layouts import SUM, WHOLE, Dealt, Lay, Split, Stretch, located
from mapper.emit.shards.products import quantized
from mapper.emit.shards.program import Form, Program, Run, Segment
from mapper.emit.shards.rules import Asked, Division, Numbers, opset_of
from mapper.frontend.anatomy import Anatomy, FileNode

Stored = Callable[[onnx.TensorProto, int, Sequence[Stretch]], onnx.TensorProto]
"""Where an initializer lies, or stretches of it along an axis (-1: all of it)."""


class RankPiece:
    """Builds the graph of one rank of a segment. inputs: by the name in the piece, the phase's value with its form.
    sums: what rows of experts are called that leave the piece, as summands."""

    def __init__(
        self,
        anatomy: Anatomy,
        program: Program,
        copied: Mapping[str, FileNode],
        segment: Segment,
        rank: int,
        stored: Stored,
    ) -> None:
        self.anatomy, self.program, self.copied, self.stored = anatomy, program, copied, stored
        self.segment, self.rank = segment, rank
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: dict[str, tuple[str, str, Form]] = {}
        self.initializers: dict[str, onnx.TensorProto] = {}
        self.made: dict[str, Lay] = {}
        self._local: dict[tuple[str, Lay], str] = {}
        self._rows_of: dict[Dealt, str] = {}
        self._taken = {out for run in segment.runs for out in run.node.outputs}
        for run in segment.runs:
            self._run(run)
        self.sums = {value: self.local(value, SUM) for value, lay in self.made.items() if isinstance(lay, Dealt)}

    def _run(self, run: Run) -> None:
        if run.division is None:
            self._whole(run.node)
        else:
            self._divided(run.node, run.division)
        for i, out in enumerate(run.node.outputs):
            if out:
                self.made[out] = run.division.leaves[i] if run.division else WHOLE

    def _whole(self, node: FileNode) -> None:
        names = {name: self.local(name, WHOLE) for name in node.reads}
        self.nodes.append(renamed(node.proto, names))

    def _divided(self, node: FileNode, division: Division) -> None:
        proto = onnx.NodeProto()
        proto.CopyFrom(node.proto)
        rank = self.rank
        if division.alone is not None and rank > 0:
            kind, place = division.alone
            operand = self.local(proto.input[place], division.wants[place])
            self.nodes.append(onnx.helper.make_node(kind, [operand], list(proto.output), name=proto.name))
            return
        inputs = [
            "" if not name or (i in division.first and rank > 0) or i in division.fixed else self.local(name, want)
            for i, (name, want) in enumerate(zip(proto.input, division.wants, strict=True))
        ]
        for i, numbers in division.fixed.items():
            inputs += [""] * (i + 1 - len(inputs))
            inputs[i] = self._constant(f"{proto.output[0]} operand {i}", numbers[rank])
        for i, (entry, sizes) in division.patched.items():
            inputs[i] = self._patched(inputs[i], proto.input[i], f"{proto.output[0]} operand {i}", entry, sizes[rank])
        while inputs and not inputs[-1]:
            inputs.pop()
        del proto.input[:]
        proto.input.extend(inputs)
        for name, values in division.attrs.items():
            _set(proto, name, values[rank])
        self._append(proto, division)

    def _append(self, proto: onnx.NodeProto, division: Division) -> None:
        if division.nodes is not None:
            self._add(division.nodes(self.rank, proto))
        elif division.entry is not None:
            out = proto.output[0]
            proto.output[0] = f"{out} of the part"
            self.nodes.append(proto)
            self._replaced(proto.output[0], out, self._length(out), *division.entry)
        else:
            self.nodes.append(proto)

    def _length(self, name: str) -> int:
        shape = self.program.facts.shape(name)
        return int((shape or (0,))[0] or 0)

    def _patched(self, local: str, name: str, new: str, entry: int, size: int) -> str:
        self._replaced(local, new, self._length(name), entry, size)
        return new

    def _replaced(self, source: str, sink: str, length: int, entry: int, size: int) -> None:
        """One entry of a vector of sizes becomes another number."""
        here = self._constant(f"{sink} entry", np.arange(length) == entry)
        there = self._constant(f"{sink} size", np.array(size, np.int64))
        self.nodes.append(onnx.helper.make_node("Where", [here, there, source], [sink], name=f"{sink} entry"))

    def _constant(self, name: str, numbers: Numbers) -> str:
        self.initializers[name] = numpy_helper.from_array(np.asarray(numbers), name)
        return name

    def local(self, value: str, want: Lay) -> str:
        """The name in the piece of a value as it is wanted."""
        key = (value, want)
        if key not in self._local:
            self._local[key] = self._found(value, want)
        return self._local[key]

    def _found(self, value: str, want: Lay) -> str:
        made = self.made.get(value)
        if isinstance(want, Dealt) and made != want:
            return self._rows(self.local(value, WHOLE), value, want)
        if isinstance(made, Dealt) and want is SUM:
            return self._summand(value, made)
        if value in self.made:
            return value if self.made[value] == want else self._cut(value, value, self.made[value], want)
        if value in self.anatomy.initializers:
            return self._weight(value, want)
        if value in self.copied:
            return self._copy(value, want)
        if value in self.anatomy.sparse:
            return value if want is WHOLE else self._cut(value, value, WHOLE, want)
        form = self.program.form(value, self.segment.ranks, want)
        assert form is not None
        name = self._port(value, form)
        return name if form[1] == want else self._cut(name, value, form[1], want)

    def _port(self, value: str, form: Form) -> str:
        phase_name = value_name(self.program, value, form, self.rank, self.segment.ranks)
        for name, (known, _, _) in self.inputs.items():
            if known == phase_name:
                return name
        name = self._free(value, phase_name)
        self.inputs[name] = (phase_name, value, form)
        return name

    def _free(self, name: str, other: str) -> str:
        found = name if name not in self._taken else other
        while found in self._taken:
            found += "'"
        self._taken.add(found)
        return found

    def _weight(self, name: str, want: Lay) -> str:
        tensor = self.anatomy.initializers[name]
        part = self._suffixed(name)
        local = self._free(name, part if isinstance(want, Split) else f"{name} whole")
        found = onnx.TensorProto()
        if isinstance(want, Split):
            found.CopyFrom(self.stored(tensor, want.axis, want.ranges[self.rank]))
        else:
            found.CopyFrom(self.stored(tensor, -1, ()))
        found.name = local
        self.initializers[local] = found
        return local

    def _suffixed(self, name: str) -> str:
        return f"{name} [{self.rank}/{self.segment.ranks}]"

    def _copy(self, value: str, want: Lay) -> str:
        """A copied node's result; of what only constants make, a part is made of their parts where that is simple."""
        node = self.copied[value]
        if isinstance(want, Split):
            pulled = self._pulled(node, want)
            if pulled is not None:
                return pulled
            return self._cut(self.local(value, WHOLE), value, WHOLE, want)
        names = {name: self._shape_source(node, name) for name in node.reads}
        self._taken.update(out for out in node.outputs if out)
        proto = renamed(node.proto, names)
        entry = self._entry(node)
        if entry is None:
            self.nodes.append(proto)
        else:
            self._append(proto, Division((), (), entry=entry))
        for out in node.outputs:
            if out:
                self._local[(out, WHOLE)] = out
        return value

    def _shape_source(self, node: FileNode, name: str) -> str:
        """Sizes of a value that is divided are taken from the part that is at hand, of rank 0 in another unit."""
        form = self.program.forms.get(name, [(0, WHOLE)])[0]
        if node.proto.op_type != "Shape" or not isinstance(form[1], Split):
            return self.local(name, WHOLE)
        return self._port(name, form)

    def _entry(self, node: FileNode) -> tuple[int, int] | None:
        """For a Shape of a divided value: the entry that the whole has."""
        if node.proto.op_type != "Shape":
            return None
        lay = self.program.forms.get(node.proto.input[0], [(0, WHOLE)])[0][1]
        shape = self.program.facts.shape(node.proto.input[0])
        if not isinstance(lay, Split) or shape is None:
            return None
        start = next((a.i for a in node.proto.attribute if a.name == "start"), 0)
        return lay.axis - (start + len(shape) if start < 0 else start), int(shape[lay.axis] or 0)

    def _pulled(self, node: FileNode, want: Split) -> str | None:
        """A part of a weight that is turned, converted or unpacked first, from that part of the weight."""
        proto, facts = node.proto, self.program.facts
        if len(proto.input) < 1 or not self._is_weight(proto.input[0]):
            return None
        wants: dict[int, Lay]
        shape = facts.shape(proto.input[0])
        if proto.op_type in ("Cast", "Identity"):
            wants = {0: want}
        elif proto.op_type == "Transpose" and shape is not None:
            perm = next((list(a.ints) for a in proto.attribute if a.name == "perm"), None)
            wants = {0: want.along((perm or list(reversed(range(len(shape)))))[want.axis])}
        elif proto.op_type == "DequantizeLinear":
            found = _parts_of_scales(self.program, proto, want)
            if found is None:
                return None
            wants = found
        else:
            return None
        name = self._free(node.outputs[0], self._suffixed(node.outputs[0]))
        inputs = [self.local(n, wants.get(i, WHOLE)) if n else "" for i, n in enumerate(proto.input)]
        made = onnx.NodeProto()
        made.CopyFrom(proto)
        del made.input[:], made.output[:]
        made.input.extend(inputs)
        made.output.append(name)
        self.nodes.append(made)
        return name

    def _is_weight(self, name: str) -> bool:
        if name in self.anatomy.initializers:
            return True
        node = self.copied.get(name)
        return node is not None and bool(node.reads) and self._is_weight(node.reads[0])

    def _dealt(self, lay: Dealt) -> str:
        """What names of nodes that find a rank's rows begin with."""
        key = lay.along(0)
        if key not in self._rows_of:
            self._rows_of[key] = name = self._free(f"{lay.by} of rank", self._suffixed(lay.by))
            elem = self.program.facts.elem(lay.by) or onnx.TensorProto.INT64
            kind = onnx.helper.tensor_dtype_to_np_dtype(elem)
            self._add(rows_of(lay, self.rank, self.local(lay.by, WHOLE), name, kind))
        return self._rows_of[key]

    def _rows(self, local: str, value: str, want: Dealt) -> str:
        """A rank's rows of what it has whole."""
        rows, name = f"{self._dealt(want)} rows", self._free(self._suffixed(value), f"{value} {want.axis} rows")
        self.nodes.append(onnx.helper.make_node("Gather", [local, rows], [name], axis=want.axis))
        return name

    def _summand(self, value: str, lay: Dealt) -> str:
        name, shape = self._free(f"{value} of rank", self._suffixed(value)), self.program.facts.shape(value)
        assert shape is not None
        self._add(summand(value, name, self._dealt(lay), lay.axis, len(shape)))
        return name

    def _add(self, found: tuple[list[onnx.NodeProto], dict[str, Numbers]]) -> None:
        self.nodes += found[0]
        for name, array in found[1].items():
            self._constant(name, array)

    def _cut(self, local: str, value: str, lay: Lay, want: Lay) -> str:
        """A rank's stretches of what it holds."""
        assert isinstance(want, Split)
        held = lay.ranges[self.rank] if isinstance(lay, Split) else ((0, 1 << 62),)
        places = located(want.ranges[self.rank], held)
        assert places is not None
        name = self._free(self._suffixed(value), f"{value} {want.axis} [{self.rank}/{self.segment.ranks}]")
        nodes, numbers = slices(local, name, want.axis, places, opset_of(self.anatomy.model))
        for key, array in numbers.items():
            self._constant(key, array)
        self.nodes += nodes
        return name


def slices(
    source: str, sink: str, axis: int, places: Sequence[Stretch], opset: int
) -> tuple[list[onnx.NodeProto], dict[str, Numbers]]:
    """Stretches of a value along an axis as a value of its own. opset: before 10, bounds are attributes."""
    numbers: dict[str, Numbers] = {f"{sink} axis": np.array([axis], np.int64)} if opset >= 10 else {}
    outs, nodes = [], []
    for k, (start, stop) in enumerate(places):
        out = sink if len(places) == 1 else f"{sink} {k}"
        outs.append(out)
        if opset < 10:
            more: dict[str, Any] = {"starts": [start], "ends": [stop], "axes": [axis]}
            nodes.append(onnx.helper.make_node("Slice", [source], [out], name=f"{out} cut", **more))
            continue
        bounds = {f"{out} from": start, f"{out} to": stop}
        numbers |= {key: np.array([bound], np.int64) for key, bound in bounds.items()}
        nodes.append(onnx.helper.make_node("Slice", [source, *bounds, f"{sink} axis"], [out], name=f"{out} cut"))
    if len(places) > 1:
        nodes.append(onnx.helper.make_node("Concat", outs, [sink], name=f"{sink} joined", axis=axis))
    return nodes, numbers


def value_name(program: Program, value: str, form: Form, rank: int, ranks: int) -> str:
    """The phase's name of a rank's part of a value: `x [2/8]`; of a copy that all have, rank 0 has `x` itself."""
    among, lay = form
    if among == 0 or (lay is WHOLE and (rank == 0 or among != ranks)):
        return value
    mine = f"{value} [{rank if among == ranks else 0}/{among}]"
    place = program.forms[value].index(form)
    return mine if place == 0 else f"{mine} {place}"


def _parts_of_scales(program: Program, proto: onnx.NodeProto, want: Split) -> dict[int, Lay] | None:
    """How scales and zero points of a quantised weight are cut with it."""

    lays: tuple[Lay, ...] = (want, *([WHOLE] * (len(proto.input) - 1)))
    answer = quantized(Asked(proto, lays, program.facts, len(want.ranges)))
    return None if isinstance(answer, str) else dict(enumerate(answer.wants))


def renamed(proto: onnx.NodeProto, names: Mapping[str, str]) -> onnx.NodeProto:
    """The node with other names for what it and its branches and bodies read."""
    found = onnx.NodeProto()
    found.CopyFrom(proto)
    _rename(found, {old: new for old, new in names.items() if old != new})
    return found


def _rename(proto: onnx.NodeProto, names: Mapping[str, str]) -> None:
    if not names:
        return
    for i, name in enumerate(proto.input):
        proto.input[i] = names.get(name, name)
    for attribute in proto.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for node in graph.node:
                _rename(node, names)
            for out in graph.output:
                out.name = names.get(out.name, out.name)


def _set(proto: onnx.NodeProto, name: str, value: Any) -> None:
    """An attribute's value; None: the node has it no longer."""
    kept = [a for a in proto.attribute if a.name != name]
    del proto.attribute[:]
    proto.attribute.extend(kept)
    if value is not None:
        proto.attribute.append(onnx.helper.make_attribute(name, value))
