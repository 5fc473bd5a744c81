"""The axes of all values of a graph in one phase, and how each value can be divided there."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from mapper.cost.shards.axes import NONE, Axes, Seen, outputs_axes, without_ones
from mapper.cost.shards.spread import Columns, Experts, Spread
from mapper.hw.work import Role
from mapper.ir.graph import Binding, Graph, Op, Phase, bind, ops_in
from mapper.ir.kind import OpView
from mapper.ir.kinds import view

_CARRY = ("view", "elementwise", "norm", "cast", "move")
"""Kinds through which heads stay heads."""


class Analysis:
    """What is known of each value's axes in a phase, at its largest sample."""

    def __init__(self, graph: Graph, phase: Phase) -> None:
        self.graph = graph
        self.phase = phase
        self.binding = max(phase.bindings(), key=lambda b: sum(b.values()))
        self.runs = ops_in(graph, phase)
        self.ops = tuple(op for op in graph.ops if op.name in self.runs)
        self.axes: dict[str, Axes] = dict(self._inputs())
        for op in self.ops:
            outs = [n for n in op.outputs if n]
            self.axes.update(zip(outs, outputs_axes(self.seen(op)), strict=True))
        for state in graph.states:
            self.axes.update({n: NONE for n in (state.past, state.present) if n})
        self.heads = _heads(self)
        self._picked = dict(self._fans())

    def seen(self, op: Op) -> Seen:
        """The op with shapes and axes in numbers."""
        names = [n for n in op.inputs if n]
        weights = tuple(self.graph.value[n].role is Role.WEIGHT for n in names)
        return Seen(self.view(op), tuple(self.axes.get(n, NONE) for n in names), weights)

    def view(self, op: Op) -> OpView:
        """The op with its shapes at the phase's largest sample."""
        return view(self.graph, op, self.binding)

    def shape(self, value: str) -> tuple[int, ...]:
        """A value's shape at the phase's largest sample."""
        return bind(self.graph.value[value].shape, self.binding)

    def spread(self, value: str, binding: Binding) -> Spread:
        """How the value can be divided at some sample of the phase."""
        shape = bind(self.graph.value[value].shape, binding)
        elements, axes = prod(shape), self.axes.get(value, NONE)
        if axes == NONE or not elements:
            return Spread(elements)
        rows = prod(shape[t] for t in axes.tokens) if axes.tokens else 0
        return Spread(elements, self.columns(value), rows, self._experts(value, axes, rows, binding))

    def columns(self, value: str) -> tuple[Columns, ...]:
        """The parts of a value's features."""
        axes = self.axes.get(value, NONE)
        if axes.features < 0:
            return ()
        if value in self.heads:
            return self.heads[value]
        units = self.shape(value)[axes.features]
        return (Columns(1, units, units),)

    def _experts(self, value: str, axes: Axes, rows: int, binding: Binding) -> Experts | None:
        experts, product = self._picked.get(value, (0, ""))
        if not experts:
            return None
        shape = bind(self.graph.value[product].shape, binding)
        total = prod(shape[t] for t in self.axes[product].tokens) if self.axes[product].tokens else 1
        return Experts(total, experts, 1 if axes.picked else max(1, total // max(rows, 1)))

    def _inputs(self) -> Iterator[tuple[str, Axes]]:
        """Rows of features that come from outside, as a norm or a product with weights reads them."""
        read = {name for op in self.ops for name in op.inputs if name}
        for value in self.graph.values:
            if value.role is not Role.INPUT or not value.dtype.is_float or value.name not in read:
                continue
            shape = self.shape(value.name)
            if len(shape) in (2, 3) and any(self._reads_rows(op, value.name) for op in self.graph.users[value.name]):
                yield value.name, without_ones(Axes(len(shape) - 1, tuple(range(len(shape) - 1))), shape)

    def _reads_rows(self, op: Op, name: str) -> bool:
        if op.inputs[0] != name:
            return False
        right = op.inputs[1] if len(op.inputs) > 1 else ""
        return op.kind == "norm" or (op.kind == "matmul" and self.graph.value[right].role is Role.WEIGHT)

    def _fans(self) -> Iterator[tuple[str, tuple[int, str]]]:
        """Values that experts read or make, through ops that treat rows one by one: (experts, the product with them,
        which has a row for each expert that a token picks)."""
        known: dict[str, tuple[int, str]] = {}
        for op in self.ops:
            if op.kind == "matmul" and op.attr("experts"):
                found = (self.view(op).size("experts"), op.result)
                known.update(dict.fromkeys((op.inputs[0], op.result), found))
            elif op.kind in _CARRY and self.axes.get(next(iter(op.outputs), ""), NONE).picked:
                inside = [known[n] for n in op.inputs if n in known and self.axes.get(n, NONE).picked]
                known.update(dict.fromkeys((n for n in op.outputs if n), inside[0]) if inside else {})
        yield from known.items()


def _heads(found: Analysis) -> dict[str, tuple[Columns, ...]]:
    """Values whose features are heads of an attention, which stay whole: its operands, its result, and what they are
    reshaped, rotated and normed from and to."""
    heads: dict[str, tuple[Columns, ...]] = {}
    for op in found.ops:
        if op.kind != "attention":
            continue
        for name, columns in _of_attention(found, op):
            heads.setdefault(name, columns)
    for op in reversed(found.ops):
        if _cuts_features(found, op):
            _packed(found, heads, op)
        else:
            _hand_on(found, heads, op, op.outputs, op.inputs)
    for op in found.ops:
        if not _cuts_features(found, op):
            _hand_on(found, heads, op, op.inputs, op.outputs)
    return heads


def _cuts_features(found: Analysis, op: Op) -> bool:
    """Whether the op cuts the features of a value into parts, as packed queries, keys and values are cut."""
    features, axis = found.axes.get(next(iter(op.inputs), ""), NONE).features, op.attr("axis")
    if op.kind != "move" or op.attr("op_type") != "Split" or features < 0 or not isinstance(axis, int):
        return False
    return axis % len(found.shape(op.inputs[0])) == features


def _packed(found: Analysis, heads: dict[str, tuple[Columns, ...]], op: Op) -> None:
    """What is cut into heads of one size holds them one after the other: a rank has its heads of every part."""
    parts = [n for n in op.outputs if n]
    known = [column for n in parts for column in heads.get(n, ())]
    widths = {
        found.shape(n)[found.axes[n].features] / sum(c.units for c in heads[n])
        for n in parts
        if n in heads and found.axes[n].features >= 0
    }
    if len(widths) == 1 and all(n in heads for n in parts):
        heads.setdefault(op.inputs[0], tuple(known))


def _of_attention(found: Analysis, op: Op) -> Iterator[tuple[str, tuple[Columns, ...]]]:
    seen = found.view(op)
    heads, groups = seen.size("heads"), seen.size("kv_heads")
    query, key = Columns(heads, heads, groups), Columns(groups, groups, groups)
    yield op.result, (query,)
    names = list(op.inputs[:3])
    named = [n for n in dict.fromkeys(names) if n and found.axes.get(n, NONE).features >= 0]
    if len(named) == 1:
        yield named[0], (query, key, key)
        return
    for place, name in enumerate(names):
        if name in named and names.count(name) == 1:
            yield name, (query,) if place == 0 else (key,)


def _hand_on(
    found: Analysis, heads: dict[str, tuple[Columns, ...]], op: Op, sources: tuple[str, ...], sinks: tuple[str, ...]
) -> None:
    if op.kind not in _CARRY:
        return
    known = [heads[n] for n in sources if n in heads]
    if not known or len(set(known)) > 1:
        return
    units = sum(c.units for c in known[0])
    for name in sinks:
        axes = found.axes.get(name, NONE)
        if name and name not in heads and axes.features >= 0 and found.shape(name)[axes.features] % units == 0:
            heads[name] = known[0]
