"""A stages problem as units and nets: what shares a device anyway is one unit, an output with its readers one net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mapper.solve.stages.problem import Problem, Solution

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FORBIDDEN = -1
"""The time of a unit on a class of devices that cannot take it."""


@dataclass(frozen=True)
class Units:
    """Groups of nodes that share a device, and the nets between them.

    nodes: the nodes of each unit. times: ticks of each unit on each class of devices [classes, units], `FORBIDDEN`
    where it cannot run. sizes: bytes. nets: the units that an output touches, with its ticks: every device with a unit
    of the net pays them unless it has all units of the net.
    """

    problem: Problem
    nodes: tuple[tuple[int, ...], ...]
    times: Ints
    sizes: Ints
    nets: tuple[tuple[int, ...], ...]
    costs: tuple[int, ...]

    @cached_property
    def devices(self) -> Ints:
        """The class of each device."""
        return np.array(self.problem.devices, dtype=np.int64)

    @cached_property
    def around(self) -> tuple[tuple[int, ...], ...]:
        """The nets of each unit."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for net, members in enumerate(self.nets):
            for unit in members:
                found[unit].append(net)
        return tuple(map(tuple, found))

    def solution(self, device: Sequence[int] | Ints) -> Solution:
        """The device of each node from the device of each unit."""
        at = [0] * len(self.problem.nodes)
        for nodes, d in zip(self.nodes, device, strict=True):
            for node in nodes:
                at[node] = int(d)
        return Solution(tuple(at))

    def split(self, solution: Solution) -> Ints:
        """The device of each unit. Of a unit whose nodes are apart, as only units joined for free may be, the first."""
        return np.array([solution.device[nodes[0]] for nodes in self.nodes], dtype=np.int64)


def units(problem: Problem, *, join: bool) -> Units:
    """The units of a problem: its tied groups, in a topological order.

    join: also put units without work to a neighbour where no load of any split gets larger by it. That is without
    loss while no memory limit is in the way, and a relaxation otherwise.
    """
    place = {node: i for i, node in enumerate(problem.order)}
    groups = sorted(problem.groups, key=lambda group: min(place[i] for i in group))
    unit_of = {node: u for u, group in enumerate(groups) for node in group}
    nets = _Nets(len(groups))
    for i, node in enumerate(problem.nodes):
        nets.add({unit_of[i], *(unit_of[j] for j in problem.consumers[i])}, node.transfer)
    idle = [all(problem.group_time(group, c) == 0 for c in range(len(problem.classes))) for group in groups]
    home = nets.join(idle) if join else list(range(len(groups)))
    members: dict[int, list[int]] = {}
    for u, group in enumerate(groups):
        members.setdefault(_root(home, u), []).extend(group)
    number = {u: i for i, u in enumerate(members)}
    merged = nets.merged()
    return Units(
        problem,
        tuple(tuple(nodes) for nodes in members.values()),
        np.array(
            [[_time(problem, groups[u], c) for u in members] for c in range(len(problem.classes))], dtype=np.int64
        ),
        np.array([sum(problem.nodes[i].size for i in nodes) for nodes in members.values()], dtype=np.int64),
        tuple(tuple(sorted(number[u] for u in net)) for net in merged),
        tuple(merged.values()),
    )


def roomy(problem: Problem) -> bool:
    """Whether every device could hold all nodes, so that memory limits nothing."""
    total = sum(node.size for node in problem.nodes)
    return all(c.memory is None or c.memory >= total for c in problem.classes if c.count)


def _time(problem: Problem, group: Sequence[int], device_class: int) -> int:
    time = problem.group_time(group, device_class)
    return FORBIDDEN if time is None else time


def _root(home: Sequence[int], u: int) -> int:
    while home[u] != u:
        u = home[u]
    return u


class _Nets:
    """Nets that shrink while units are joined."""

    def __init__(self, count: int) -> None:
        self.members: list[set[int]] = []
        self.costs: list[int] = []
        self.around: list[set[int]] = [set() for _ in range(count)]

    def add(self, members: set[int], cost: int) -> None:
        """A net; one that touches a single unit, or costs nothing, is none."""
        if cost > 0 and len(members) > 1:
            for u in members:
                self.around[u].add(len(self.members))
            self.members.append(members)
            self.costs.append(cost)

    def join(self, idle: Sequence[bool]) -> list[int]:
        """The unit that each idle unit (no work on any class of devices) is put to; others are put to themselves."""
        home = list(range(len(idle)))
        waiting = [u for u, free in enumerate(idle) if free]
        while waiting:
            u = waiting.pop()
            target = self._target(u) if home[u] == u else None
            if target is None:
                continue
            home[u] = target
            touched = self._move(u, target)
            waiting += [v for v in touched if idle[v] and home[v] == v]
        return home

    def _target(self, u: int) -> int | None:
        """Where unit u goes without making any load larger, if that is known.

        With one net: to any other unit of it. Joined to v by nets of two that cost as much as all its other nets: to v,
        since both devices save the former and pay at most the latter.
        """
        if len(self.around[u]) == 1:
            (net,) = self.around[u]
            return min(self.members[net] - {u})
        total = sum(self.costs[net] for net in self.around[u])
        pairs: dict[int, int] = {}
        for net in sorted(self.around[u]):
            if len(self.members[net]) == 2:
                (v,) = self.members[net] - {u}
                pairs[v] = pairs.get(v, 0) + self.costs[net]
                if 2 * pairs[v] >= total:
                    return v
        return None

    def _move(self, u: int, target: int) -> set[int]:
        """Take unit u into the target; the units whose nets changed. A net left with one unit is no net any more."""
        touched: set[int] = {target}
        for net in self.around[u]:
            members = self.members[net]
            members.discard(u)
            members.add(target)
            self.around[target].add(net)
            touched |= members
            if len(members) == 1:
                self.around[target].discard(net)
        self.around[u] = set()
        return touched

    def merged(self) -> dict[tuple[int, ...], int]:
        """The nets by their units, costs of equal ones summed."""
        found: dict[tuple[int, ...], int] = {}
        for members, cost in zip(self.members, self.costs, strict=True):
            if len(members) > 1:
                key = tuple(sorted(members))
                found[key] = found.get(key, 0) + cost
        return found
