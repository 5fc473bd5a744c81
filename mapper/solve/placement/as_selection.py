"""The placement of least energy as a selection problem: options and transfers as costs of nodes and of pairs.

A net that several items may read in one place is sent there once, and a resident that several options need is kept
once: each is a node of its own with the options 'no' and 'yes', and whoever needs it forbids 'no'. Idle power is the
one thing that is no sum (it is paid for as long as the busiest resource is busy) and is left out: with it a bound of
the selection is still one of the placement, without it the two problems have the same value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mapper.solve.placement.problem import Net, Option, Problem, Solution, Transfer
from mapper.solve.placement.tables import Flags, Ints
from mapper.solve.selection.problem import FORBIDDEN, Edge, Node
from mapper.solve.selection.problem import Problem as Selection

MOST = 1 << 58
"""Costs are halved until they add up to less."""


@dataclass(frozen=True)
class AsSelection:
    """A selection problem whose first nodes are the items; `constant` and its costs are in units of `unit` pJ."""

    selection: Selection
    items: int
    constant: int
    unit: float

    def read(self, choice: Sequence[int]) -> Solution:
        """The placement that a choice of the selection means."""
        return Solution(tuple(int(o) for o in choice[: self.items]))

    def energy(self, value: float) -> float:
        """A value or bound of the selection as energy (pJ)."""
        return (value + self.constant) * self.unit


def as_selection(problem: Problem) -> AsSelection:
    """The selection problem of a placement's energy without idle power."""
    shift = max(0, (_Costs(problem, 0).worst() // MOST).bit_length())
    return _Builder(problem, _Costs(problem, shift)).build()


@dataclass(frozen=True)
class _Costs:
    """What an option and a transfer cost: energy in units of 2^shift pJ, rounded down."""

    problem: Problem
    shift: int

    def of(self, made: Option | Transfer) -> int:
        return made.cost >> self.shift

    def leg(self, size: int, a: int, b: int) -> int:
        """A transfer's cost: nothing within a place, forbidden where no route leads."""
        if a == b:
            return 0
        transfer = self.problem.transfers[size].get((a, b))
        return FORBIDDEN if transfer is None else self.of(transfer)

    def worst(self) -> int:
        """A sum that no solution's cost exceeds."""
        problem = self.problem
        total = sum(max(self.of(o) for o in item.options) for item in problem.items)
        dearest = [max((self.of(t) for t in table.values()), default=0) for table in problem.transfers]
        return total + sum(dearest[net.size] * max(len(problem.places), len(net.sinks)) for net in problem.nets)


@dataclass
class _Builder:
    """Collects nodes, and one matrix for each pair of nodes."""

    problem: Problem
    costs: _Costs
    nodes: list[Node] = field(default_factory=list)
    unary: list[Ints] = field(default_factory=list)
    pairs: dict[tuple[int, int], Ints] = field(default_factory=dict)
    constant: int = 0

    def build(self) -> AsSelection:
        problem = self.problem
        self.places = [np.array([o.place for o in item.options], dtype=np.int64) for item in problem.items]
        for item in problem.items:
            self.unary.append(np.array([self.costs.of(o) for o in item.options], dtype=np.int64))
        self.reads = [np.array([o.reads_at for o in item.options], dtype=np.int64) for item in problem.items]
        usages = self._own_usages()
        for item, (size, memory) in zip(problem.items, usages, strict=True):
            self.nodes.append(Node(item.name, (), size, 0, 1, memory))
        self._add_memory_capacity()
        for n, net in enumerate(problem.nets):
            self._add_transport(n, net)
        self._add_ties()
        nodes = tuple(
            Node(node.name, tuple(np.minimum(cost, FORBIDDEN).tolist()), node.usages, 0, 1, node.memories)
            for node, cost in zip(self.nodes, self.unary, strict=True)
        )
        edges = tuple(
            Edge(a, b, tuple(np.minimum(matrix, FORBIDDEN).ravel().tolist())) for (a, b), matrix in self.pairs.items()
        )
        limits = problem.capacities or (0,)
        return AsSelection(Selection(nodes, edges, limits), len(problem.items), self.constant, 2.0**self.costs.shift)

    def _own_usages(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """For each item, the bytes and the memory of what each option alone needs in the memory where that is most."""
        problem = self.problem
        users = [0] * len(problem.residents)
        for item in problem.items:
            for k in {k for o in item.options for k in o.needs}:
                users[k] += 1
        self.shared: list[list[set[int]]] = []
        found = []
        for item in problem.items:
            sizes, memories, left = [], [], []
            for option in item.options:
                needs = {k for k in option.needs if problem.residents[k].bytes}
                own: dict[int, int] = {}
                for k in needs:
                    if users[k] == 1:
                        resident = problem.residents[k]
                        own[resident.memory] = own.get(resident.memory, 0) + resident.bytes
                memory = max(own, key=lambda m: (own[m], -m), default=0)
                sizes.append(own.get(memory, 0))
                memories.append(memory)
                counted = {k for k in needs if users[k] == 1 and problem.residents[k].memory == memory}
                left.append(needs - counted)
            self.shared.append(left)
            found.append((tuple(sizes), tuple(memories)))
        return found

    def _add_memory_capacity(self) -> None:
        """What several may need, or an option needs in a second memory, is a node: kept or not."""
        node: dict[int, int] = {}
        for i, rows in enumerate(self.shared):
            for k in sorted({k for row in rows for k in row}):
                if k not in node:
                    resident = self.problem.residents[k]
                    node[k] = self._binary(resident.name, (0, resident.bytes), resident.memory)
                self._forbid(i, node[k], np.array([k in row for row in rows]))

    def _add_transport(self, n: int, net: Net) -> None:
        """A net is sent once to each place where somebody needs it."""
        sinks: dict[int, list[int]] = {}
        for i in dict.fromkeys(net.sinks):
            for place in sorted(set(self.reads[i].tolist())):
                sinks.setdefault(place, []).append(i)
        ends = set(net.ends)
        for end in sorted(ends):
            self._always(net, end)
        for place, readers in sinks.items():
            if place in ends:
                continue
            if len(readers) == 1:
                self._when(net, place, readers[0], self.reads[readers[0]] == place)
                continue
            sent = self._binary(f"net {n} to {self.problem.places[place]}", (0, 0), 0)
            for i in readers:
                self._forbid(i, sent, self.reads[i] == place)
            self._when(net, place, sent, np.array([False, True]))

    def _always(self, net: Net, to: int) -> None:
        """Pay for the leg to a place, wherever the net is made."""
        if net.source >= 0:
            self._add(net.source, self._legs(net, to)[self.places[net.source]])
            return
        cost = self.costs.leg(net.size, net.origin, to)
        if cost < FORBIDDEN:
            self.constant += cost
        else:  # no solution: a node that has no option says so
            self.nodes.append(Node(f"a net to {self.problem.places[to]}", (), (0,), 0, 1, (0,)))
            self.unary.append(np.array([FORBIDDEN], dtype=np.int64))

    def _when(self, net: Net, to: int, who: int, when: Flags) -> None:
        """Pay for the leg to a place where node `who` has one of the options `when`."""
        if net.source < 0:
            self._add(who, self.costs.leg(net.size, net.origin, to) * when)
        else:
            self._pair(net.source, who, self._legs(net, to)[self.places[net.source]][:, None] * when)

    def _legs(self, net: Net, to: int) -> Ints:
        """What the leg costs from each place."""
        starts = range(len(self.problem.places))
        return np.array([self.costs.leg(net.size, a, to) for a in starts], dtype=np.int64)

    def _add(self, i: int, costs: Ints) -> None:
        self.unary[i] = np.minimum(self.unary[i] + costs, FORBIDDEN)

    def _add_ties(self) -> None:
        """Tied items lie in the same place."""
        for tie in self.problem.ties:
            first = tie[0]
            for i in dict.fromkeys(tie[1:]):
                if i != first:
                    self._pair(first, i, FORBIDDEN * (self.places[first][:, None] != self.places[i][None, :]))

    def _binary(self, name: str, usages: tuple[int, int], memory: int) -> int:
        """A node with the options 'no' and 'yes', both free of cost."""
        self.nodes.append(Node(name, (), usages, 0, 1, (memory, memory)))
        self.unary.append(np.zeros(2, dtype=np.int64))
        return len(self.nodes) - 1

    def _forbid(self, i: int, binary: int, needs: Flags) -> None:
        """Forbid 'no' to the options of node i that need the 'yes'."""
        self._pair(i, binary, np.stack([FORBIDDEN * needs, 0 * needs], axis=1))

    def _pair(self, a: int, b: int, matrix: Ints) -> None:
        """Add costs of a pair of nodes; both forbidden stays forbidden."""
        if a > b:
            a, b, matrix = b, a, matrix.T
        before = self.pairs.get((a, b))
        total = matrix.astype(np.int64) if before is None else np.minimum(before + matrix, FORBIDDEN)
        self.pairs[a, b] = total
