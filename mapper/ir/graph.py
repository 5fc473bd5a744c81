"""What to compute: values, ops and the graph they form, and the phases that bind its dims to numbers."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from math import prod
from typing import Any

from mapper.errors import InvalidPlan
from mapper.hw.work import DType, Role
from mapper.ir.order import live, sort_topologically

Attr = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor. A str in `shape` is a symbolic dim; a Phase gives it a number at each of its samples."""

    name: str
    shape: tuple[int | str, ...]
    dtype: DType
    role: Role


@dataclass(frozen=True, slots=True)
class Op:
    """A node of the graph.

    `kind` is a word of the closed vocabulary in `mapper.ir.kinds`. `origin` lists the nodes of the ONNX file that this
    op stands for, each once; a view that a pass put in stands for none.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: tuple[tuple[str, Attr], ...] = ()
    origin: tuple[str, ...] = ()

    def attr(self, name: str, default: Attr | None = None) -> Attr | None:
        """The attribute's value, or `default`."""
        return next((value for key, value in self.attrs if key == name), default)

    @property
    def result(self) -> str:
        """The first output that is there; one that nobody reads has no name."""
        return next(name for name in self.outputs if name)


@dataclass(frozen=True, slots=True)
class State:
    """A tensor that outlives a call (a KV cache, a recurrent state): read as `past`, left as `present`.

    `past` is empty in a graph that only creates the state (a prefill export), `present` in one that only reads it (a
    decoder's cache of what its encoder left). `same` names the state of another file that this one goes on with (its
    past, or its present where it has none), '' for none.
    """

    past: str
    present: str
    same: str = ""

    @property
    def name(self) -> str:
        """What the state is called wherever it is met: by the first file that has it."""
        return self.same or self.past or self.present

    @property
    def left(self) -> str:
        """The value that holds the state after a call."""
        return self.present or self.past


@dataclass(frozen=True)
class Graph:
    """Ops in topological order over named values. An empty string among an op's inputs is an omitted optional input.

    A graph of several files holds the ops of all; weights that files share stand once. handed: (result of one file,
    input of another that receives it), as an encoder's result and a decoder's input.
    """

    name: str
    ops: tuple[Op, ...]
    values: tuple[Value, ...]
    states: tuple[State, ...] = ()
    handed: tuple[tuple[str, str], ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """What the graph is, without what is found of it."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @cached_property
    def derived(self) -> dict[Hashable, Any]:
        """What others have found of the graph, by a key of theirs: a graph never changes, so it holds as long as the
        graph lives, for all who ask. No part of what the graph is: neither compared nor copied."""
        return {}

    @cached_property
    def value(self) -> dict[str, Value]:
        """Values by name."""
        return {v.name: v for v in self.values}

    @cached_property
    def op(self) -> dict[str, Op]:
        """Ops by name."""
        return {o.name: o for o in self.ops}

    @cached_property
    def producer(self) -> dict[str, Op]:
        """The op that makes a value; graph inputs, weights and past states have none."""
        return {out: op for op in self.ops for out in op.outputs if out}

    @cached_property
    def users(self) -> dict[str, tuple[Op, ...]]:
        """The ops that read a value, in graph order, each once."""
        found: dict[str, list[Op]] = {v.name: [] for v in self.values}
        for op in self.ops:
            for name in dict.fromkeys(op.inputs):
                if name:
                    found.setdefault(name, []).append(op)
        return {name: tuple(ops) for name, ops in found.items()}

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Values that leave the graph: results and present states."""
        presents = {s.present for s in self.states}
        return tuple(v.name for v in self.values if v.role is Role.OUTPUT or v.name in presents)

    @cached_property
    def ends(self) -> frozenset[str]:
        """`outputs` as a set."""
        return frozenset(self.outputs)

    @cached_property
    def states_at(self) -> dict[str, tuple[int, ...]]:
        """For each value that is a state before or after the call, the positions of its states."""
        found: dict[str, tuple[int, ...]] = {}
        for k, state in enumerate(self.states):
            for name in dict.fromkeys(n for n in (state.past, state.present) if n):
                found[name] = (*found.get(name, ()), k)
        return found

    @cached_property
    def states_named(self) -> dict[str, tuple[int, ...]]:
        """The positions of the states of each name."""
        found: dict[str, tuple[int, ...]] = {}
        for k, state in enumerate(self.states):
            found[state.name] = (*found.get(state.name, ()), k)
        return found

    @cached_property
    def pasts(self) -> dict[str, str]:
        """What a state was before the call, by what it is after it."""
        return {s.present: s.past for s in self.states}

    @cached_property
    def parameters(self) -> int:
        """Elements of all weights that some op reads."""
        return sum(static_elements(v) for v in self.values if v.role is Role.WEIGHT and self.users[v.name])

    def with_ops(self, ops: Iterable[Op], values: Iterable[Value] = ()) -> Graph:
        """This graph with other ops (sorted topologically) and only the values they mention; `values` are added."""
        kept = sort_ops(tuple(ops))
        mentioned = {n for op in kept for n in (*op.inputs, *op.outputs) if n}
        mentioned |= {n for s in self.states for n in (s.past, s.present) if n}
        table = {**self.value, **{v.name: v for v in values}}
        ends = {v.name for v in self.values if v.role in (Role.INPUT, Role.OUTPUT)}
        names = dict.fromkeys([*(v.name for v in self.values), *(v.name for v in values)])
        values = tuple(table[n] for n in names if n in mentioned or n in ends)
        return replace(self, ops=kept, values=values)


def sort_ops(ops: Sequence[Op]) -> tuple[Op, ...]:
    """The ops with producers before users, otherwise in the given order; a cycle is refused by naming an op on it."""
    order, waiting = sort_topologically(ops, _reads)
    for op in waiting:
        if not set(op.inputs).isdisjoint(filter(None, op.outputs)):
            raise InvalidPlan(f"op '{op.name}' reads its own output", rule="graph-acyclic")
    if waiting:
        raise InvalidPlan(f"the graph has a cycle through op '{waiting[0].name}'", rule="graph-acyclic")
    return tuple(order)


def live_ops(ops: Sequence[Op], outputs: Iterable[str]) -> list[Op]:
    """The ops that some output depends on, in the same order."""
    return live(ops, outputs, _reads)


def _reads(op: Op) -> tuple[str, ...]:
    return op.inputs


def main_weight(graph: Graph, ops: Iterable[str]) -> str:
    """The largest weight that some ops read, the first among equals; '' where there is none."""
    inputs = dict.fromkeys(n for op in ops for n in graph.op[op].inputs if n)
    weights = [n for n in inputs if graph.value[n].role is Role.WEIGHT]
    return max(weights, key=lambda n: static_elements(graph.value[n]), default="")


def static_elements(value: Value) -> int:
    """Elements of a value whose shape has no symbolic dim (weights never have one)."""
    return prod(d for d in value.shape if isinstance(d, int))


Binding = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Phase:
    """A named binding of symbolic dims and how often it runs per request.

    given: what the user asked, e.g. (("past", "512..639"),). dims: symbol -> its size at each sample (a range of sizes
    is priced at a few samples). shares: the part of the calls that each sample stands for; they add up to 1. results:
    the graph's outputs that the phase is run for, where the graph holds more than one file; empty for all.
    """

    name: str
    given: tuple[tuple[str, str], ...]
    calls: int
    dims: tuple[tuple[str, tuple[int, ...]], ...] = ()
    shares: tuple[float, ...] = (1.0,)
    results: tuple[str, ...] = ()

    def bindings(self) -> tuple[dict[str, int], ...]:
        """One binding of all symbols per sample."""
        return tuple({name: sizes[i] for name, sizes in self.dims} for i in range(len(self.shares)))


def ops_in(graph: Graph, phase: Phase) -> frozenset[str]:
    """The names of the ops that a phase runs: all that its results depend on."""
    if not phase.results:
        return frozenset(graph.op)
    return frozenset(op.name for op in live_ops(graph.ops, phase.results))


def bind(shape: tuple[int | str, ...], binding: Binding) -> Shape:
    """The shape in numbers."""
    return tuple([d if isinstance(d, int) else binding[d] for d in shape])
