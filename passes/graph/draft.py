"""A graph under rewriting: ops and values by name, who makes and who reads each value, kept up to date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mapper.ir.graph import Attr, Graph, Op, Value
from passes.graph.heirs import with_heirs


class Draft:
    """A working copy of a graph. Passes stay pure: they make a draft, rewrite it and return `graph()`."""

    def __init__(self, graph: Graph) -> None:
        self.source = graph
        self.values: dict[str, Value] = dict(graph.value)
        self.kept: frozenset[str] = frozenset(graph.outputs)
        self._ops: dict[str, Op] = {}
        self._place: dict[str, int] = {}
        self._maker: dict[str, str] = {}
        self._readers: dict[str, dict[str, None]] = {}
        for position, op in enumerate(graph.ops):
            self.put(op, position)

    def ops(self) -> list[Op]:
        """The ops as they are now, in graph order; safe to rewrite while walking over it."""
        return sorted(self._ops.values(), key=lambda op: self._place[op.name])

    def has(self, op: Op) -> bool:
        """Whether exactly this op is still there."""
        return self._ops.get(op.name) is op

    def named(self, name: str) -> Op:
        """The op of that name."""
        return self._ops[name]

    def place(self, op: Op) -> int:
        """Where the op stands in the order."""
        return self._place[op.name]

    def maker(self, value: str) -> Op | None:
        """The op that makes a value."""
        name = self._maker.get(value)
        return None if name is None else self._ops[name]

    def readers(self, value: str) -> list[Op]:
        """The ops that read a value."""
        return [self._ops[name] for name in self._readers.get(value, ())]

    def each_reader(self, value: str) -> Iterator[Op]:
        """The ops that read a value, one by one; stop before rewriting any."""
        return map(self._ops.__getitem__, self._readers.get(value, ()))

    def reader(self, value: str) -> Op | None:
        """The only op that reads a value, unless the value is needed elsewhere or leaves the graph."""
        readers = self._readers.get(value, {})
        return self._ops[next(iter(readers))] if len(readers) == 1 and value not in self.kept else None

    def private(self, value: str, inside: Iterable[str]) -> bool:
        """Whether a value stays in the graph and only the named ops read it."""
        return value not in self.kept and self._readers.get(value, {}).keys() <= set(inside)

    def shape(self, value: str) -> tuple[int | str, ...]:
        """The shape of a value."""
        return self.values[value].shape

    def put(self, op: Op, place: int | None = None) -> None:
        """Adds an op, or puts it in the place of the one of the same name."""
        before = self._ops.get(op.name)
        if before is not None and place is None and (before.inputs, before.outputs) == (op.inputs, op.outputs):
            self._ops[op.name] = op  # keeps its turn among the readers
            return
        if before is not None:
            place = self._place[op.name] if place is None else place
            self.drop(before)
        if place is None:
            raise ValueError(f"op '{op.name}' is new and needs a place")
        self._ops[op.name] = op
        self._place[op.name] = place
        for value in filter(None, op.outputs):
            self._maker[value] = op.name
        for value in filter(None, op.inputs):
            self._readers.setdefault(value, {})[op.name] = None

    def drop(self, op: Op) -> None:
        """Removes an op."""
        del self._ops[op.name]
        del self._place[op.name]
        for value in op.outputs:
            if self._maker.get(value) == op.name:
                del self._maker[value]
        for value in filter(None, set(op.inputs)):
            del self._readers[value][op.name]

    def add_value(self, value: Value) -> str:
        """Declares a value (again, if it was there) and returns its name."""
        self.values[value.name] = value
        return value.name

    def redirect(self, old: str, new: str) -> None:
        """Lets all readers of `old` read `new`."""
        for op in self.readers(old):
            self.put(replace(op, inputs=tuple(new if i == old else i for i in op.inputs)))

    def prune(self, suspects: Iterable[Op]) -> None:
        """Removes those of the ops, and of their makers in turn, whose outputs nobody needs."""
        waiting = [op for op in suspects if self.has(op)]
        while waiting:
            op = waiting.pop()
            if self.has(op) and not any(self._readers.get(o) or o in self.kept for o in op.outputs if o):
                self.drop(op)
                waiting += [maker for value in op.inputs if (maker := self.maker(value))]

    def graph(self) -> Graph:
        """The graph as rewritten, without dead ops; the nodes that these stood for go to the ops that are left."""
        self.prune(reversed(self.ops()))
        if not self._is_rewritten():
            return self.source
        return self.source.with_ops(with_heirs(self.source, self.ops()), self.values.values())

    def _is_rewritten(self) -> bool:
        """Whether anything differs from the source: most passes find nothing in most graphs."""
        if len(self.values) != len(self.source.value) or len(self._ops) != len(self.source.ops):
            return True
        if any(value is not self.source.value[name] for name, value in self.values.items()):
            return True
        return any(after is not before for after, before in zip(self.ops(), self.source.ops, strict=True))


def with_attrs(op: Op, **changes: Attr | None) -> tuple[tuple[str, Attr], ...]:
    """The op's attributes with some set, or removed where the change is None."""
    merged: dict[str, Attr | None] = {**dict(op.attrs), **changes}
    return tuple((key, value) for key, value in merged.items() if value is not None)


def origins(ops: Iterable[Op]) -> tuple[str, ...]:
    """The original nodes of several ops, each once, in the order of the ops."""
    return tuple(dict.fromkeys(name for op in ops for name in op.origin))
