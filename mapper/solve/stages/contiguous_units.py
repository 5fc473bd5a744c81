"""What a contiguous split cuts between: tied and strongly connected nodes as one unit, transfers as nets of units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import numpy as np
import numpy.typing as npt

from mapper.solve.stages.problem import Problem, Solution

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

NEVER = 2**61
"""The time of a unit on a class of devices that cannot run it."""


@dataclass(frozen=True)
class Units:
    """Units in a topological order of the forward edges between them.

    members: the nodes of each unit. edges: forward edges between units, each once. nets: (home, readers, ticks): the
    outputs of a unit that the same other units read, with the ticks of moving them all. riders: (nodes, nodes that they
    wait for), in topological order: they take no time anywhere and exchange nothing, and join the last device that they
    wait for. Nodes that are nowhere are left out: a relaxation.
    """

    problem: Problem
    members: tuple[tuple[int, ...], ...]
    edges: tuple[tuple[int, int], ...]
    nets: tuple[tuple[int, tuple[int, ...], int], ...]
    riders: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = ()

    @cached_property
    def times(self) -> Ints:
        """Ticks of each unit on each class of devices [class, unit]; NEVER where it cannot run."""
        found = np.full((len(self.problem.classes), len(self.members)), NEVER, dtype=np.int64)
        for u, group in enumerate(self.members):
            for c in range(len(self.problem.classes)):
                time = self.problem.group_time(group, c)
                if time is not None:
                    found[c, u] = time
        return found

    @cached_property
    def sizes(self) -> Ints:
        """Bytes of each unit."""
        nodes = self.problem.nodes
        return np.array([sum(nodes[i].size for i in group) for group in self.members], dtype=np.int64)

    @cached_property
    def before(self) -> Words:
        """Bit set of the units that come directly before each unit [unit, word of 64]."""
        found = np.zeros((len(self.members), (len(self.members) + 63) // 64), dtype=np.uint64)
        for a, b in self.edges:
            found[b, a // 64] |= np.uint64(1) << np.uint64(a % 64)
        return found

    def solution(self, device: Sequence[int], order: Sequence[int]) -> Solution:
        """A device for each unit as a solution. order: the devices as they follow each other; no node is left out."""
        place = {d: k for k, d in enumerate(order)}
        found = [-1] * len(self.problem.nodes)
        for group, d in zip(self.members, device, strict=True):
            for i in group:
                found[i] = d
        for group, before in self.riders:
            home = max((found[i] for i in before), key=place.__getitem__, default=order[0])
            for i in group:
                found[i] = home
        return Solution(tuple(found))


def forward_groups(problem: Problem) -> list[bool]:
    """Which groups have a forward node; the others have no place of their own in the order of a contiguous split."""
    return [any(not problem.nodes[i].backward for i in group) for group in problem.groups]


def whole(problem: Problem) -> Units:
    """All nodes. Groups of backward nodes only are ordered by the mirror image of their edges.

    Tarnawski et al. order such groups so. With them it is a restriction, without them it is the problem itself.
    """
    group_of, forward = problem.group_of, forward_groups(problem)
    edges = set(_forward_edges(problem))
    for a, b in problem.edges:
        g, h = group_of[a], group_of[b]
        if g != h and problem.nodes[a].backward and problem.nodes[b].backward and not (forward[g] and forward[h]):
            edges.add((h, g))
    return _merged(problem, range(len(problem.groups)), edges)


def unordered(problem: Problem) -> Units:
    """All nodes; groups of backward nodes only stand in no order: the problem itself."""
    return _merged(problem, range(len(problem.groups)), _forward_edges(problem))


def relaxed(problem: Problem) -> Units:
    """The groups with a forward node alone, as if the others took no time and exchanged nothing."""
    kept = [g for g, forward in enumerate(forward_groups(problem)) if forward]
    return _merged(problem, kept, _forward_edges(problem))


def _forward_edges(problem: Problem) -> Iterable[tuple[int, int]]:
    group_of, nodes = problem.group_of, problem.nodes
    for a, b in problem.edges:
        if group_of[a] != group_of[b] and not nodes[a].backward and not nodes[b].backward:
            yield group_of[a], group_of[b]


def _merged(problem: Problem, groups: Iterable[int], edges: Iterable[tuple[int, int]]) -> Units:
    """Groups around which forward edges lead share a device: they become one unit, and so do satellites."""
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(groups)
    graph.add_edges_from(edges)
    label = {g: i for i, part in enumerate(nx.strongly_connected_components(graph)) for g in part}
    while True:
        units = _build(problem, label, graph.edges)
        joined = _satellites(units)
        if not joined:
            return _without_riders(units)
        unit = {i: u for u, group in enumerate(units.members) for i in group}
        for g in label:
            u = unit[problem.groups[g][0]]
            label[g] = joined.get(u, u)


def _build(problem: Problem, label: dict[int, int], edges: Iterable[tuple[int, int]]) -> Units:
    quotient: nx.DiGraph[int] = nx.DiGraph()
    quotient.add_nodes_from(label.values())
    quotient.add_edges_from((label[a], label[b]) for a, b in edges if label[a] != label[b])
    position = {x: u for u, x in enumerate(nx.lexicographical_topological_sort(quotient))}
    members: list[list[int]] = [[] for _ in position]
    for g, x in label.items():
        members[position[x]].extend(problem.groups[g])
    unit = {i: u for u, group in enumerate(members) for i in group}
    nets: dict[tuple[int, tuple[int, ...]], int] = {}
    for i, u in unit.items():
        readers = tuple(sorted({unit[j] for j in problem.consumers[i] if j in unit} - {u}))
        if readers and problem.nodes[i].transfer:
            nets[u, readers] = nets.get((u, readers), 0) + problem.nodes[i].transfer
    return Units(
        problem,
        tuple(tuple(sorted(group)) for group in members),
        tuple(sorted((position[a], position[b]) for a, b in quotient.edges)),
        tuple((home, readers, ticks) for (home, readers), ticks in sorted(nets.items())),
    )


def _slack(problem: Problem) -> bool:
    """Whether everything fits the smallest memory, so that no limit of memory ever binds."""
    limits = [device.memory for device in problem.classes if device.memory is not None and device.count]
    return not limits or sum(node.size for node in problem.nodes) <= min(limits)


def _satellites(units: Units) -> dict[int, int]:
    """Units that some best split has on the device of their only neighbour: unit -> neighbour.

    Precedence, what it reads and who reads it all are with that neighbour, and wherever the neighbour runs, the time of
    the satellite there is at most the transfers that the neighbour's device is sure to save; memory must not bind.
    A satellite joins no satellite.
    """
    count, slack = len(units.members), _slack(units.problem)
    around: list[set[int]] = [set() for _ in range(count)]
    saved = [0] * count
    for a, b in units.edges:
        around[a].add(b)
        around[b].add(a)
    for home, readers, ticks in units.nets:
        around[home].update(readers)
        for u in readers:
            around[u].add(home)
        if len(readers) == 1:
            saved[home] += ticks
            saved[readers[0]] += ticks
    joined: dict[int, int] = {}
    taken: set[int] = set()
    for u in range(count):
        if len(around[u]) != 1 or u in taken or not (slack or not units.sizes[u]):
            continue
        (v,) = around[u]
        if v not in joined and _never_worse(units, u, v, saved[u]):
            joined[u] = v
            taken.add(v)
    return joined


def _never_worse(units: Units, u: int, v: int, saved: int) -> bool:
    for c, device in enumerate(units.problem.classes):
        if device.count and units.times[c, v] < NEVER and units.times[c, u] > (saved if device.transfers else 0):
            return False
    return True


def _without_riders(units: Units) -> Units:
    """The units without those that run anywhere in no time and exchange nothing: they join the last they wait for."""
    usable = [c for c, device in enumerate(units.problem.classes) if device.count]
    in_nets = {u for home, readers, _ in units.nets for u in (home, *readers)}
    idle = units.times[usable].max(axis=0) == 0
    if not _slack(units.problem):
        idle &= units.sizes == 0
    riders = [u for u in range(len(units.members)) if idle[u] and u not in in_nets]
    if not riders or len(riders) == len(units.members):
        return units
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(units.members)))
    graph.add_edges_from(units.edges)
    for u in riders:
        before, after = list(graph.predecessors(u)), list(graph.successors(u))
        graph.add_edges_from((a, b) for a in before for b in after)
        graph.remove_node(u)
    waits = {u: tuple(units.members[a][0] for a, b in units.edges if b == u) for u in riders}
    position = {u: k for k, u in enumerate(sorted(graph))}
    kept = sorted(graph)
    return Units(
        units.problem,
        tuple(units.members[u] for u in kept),
        tuple(sorted((position[a], position[b]) for a, b in graph.edges)),
        tuple((position[h], tuple(position[r] for r in readers), ticks) for h, readers, ticks in units.nets),
        tuple((units.members[u], waits[u]) for u in riders),
    )
