"""What a contiguous split cuts between: tied and strongly connected nodes as one unit, transfers as nets of units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mapper.solve.stages.problem import Problem, Solution

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

NEVER = 2**61
"""The time of a unit on a class of devices that cannot run it."""


@dataclass(frozen=True, slots=True)
class FreeNet:
    """An output that free groups exchange with units, or with each other, as it concerns one cluster of free groups.

    home: the unit that has it, or -1; free_home: the place in the cluster of the free group that has it, or -1.
    readers: units; free_readers: places in the cluster, as bits.
    """

    cluster: int
    home: int
    free_home: int
    readers: tuple[int, ...]
    free_readers: int
    ticks: int


@dataclass(frozen=True)
class Units:
    """Units in a topological order of the forward edges between them.

    members: the nodes of each unit. edges: forward edges between units, each once. nets: (home, readers, ticks): the
    outputs of a unit that the same other units read, with the ticks of moving them all. riders: (nodes, nodes that they
    wait for), in topological order: they take no time anywhere and exchange nothing, and join the last device that they
    wait for. free: what stands in no order, left out of the units; clusters of it are bound to each other, and
    `free_nets` say what a stage pays for its choice which of them to have.
    upper: only splits with loads below it are looked for.
    """

    problem: Problem
    members: tuple[tuple[int, ...], ...]
    edges: tuple[tuple[int, int], ...]
    nets: tuple[tuple[int, tuple[int, ...], int], ...]
    riders: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = ()
    free: tuple[tuple[int, ...], ...] = ()
    clusters: tuple[tuple[int, ...], ...] = ()
    free_nets: tuple[FreeNet, ...] = ()
    upper: int = NEVER

    @cached_property
    def times(self) -> Ints:
        """Ticks of each unit on each class of devices [class, unit]; NEVER where it cannot run below `upper`."""
        return self._times(self.members)

    @cached_property
    def free_times(self) -> Ints:
        """The same of what is free."""
        return self._times(self.free)

    def _times(self, groups: Sequence[Sequence[int]]) -> Ints:
        found = np.full((len(self.problem.classes), len(groups)), NEVER, dtype=np.int64)
        for u, group in enumerate(groups):
            for c, device in enumerate(self.problem.classes):
                time = self.problem.group_time(group, c) if device.count else None
                if time is not None and time < self.upper:
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
        """A device for each unit as a solution. order: the devices as they follow each other.

        What is free goes, the largest first, where the busiest device stays least busy.
        """
        place = {d: k for k, d in enumerate(order)}
        found = [-1] * len(self.problem.nodes)
        for group, d in zip(self.members, device, strict=True):
            for i in group:
                found[i] = d
        for group, before in self.riders:
            home = max((found[i] for i in before), key=place.__getitem__, default=order[0])
            for i in group:
                found[i] = home
        return Solution(tuple(place_free(self, found)))


def place_free(units: Units, device: list[int]) -> list[int]:
    """Devices with what is free (-1 so far) where the busiest device stays least busy, then moved while that helps."""
    problem = units.problem
    times = [
        max((t for i in group for t in problem.nodes[i].times if t is not None), default=0) for group in units.free
    ]
    order = sorted(range(len(units.free)), key=lambda f: -times[f])
    sizes = [sum(problem.nodes[i].size for i in group) for group in units.free]
    loads, held = _known_loads(problem, device, range(len(device))), [0] * len(problem.devices)
    for i, d in enumerate(device):
        held[d] += problem.nodes[i].size if d >= 0 else 0
    for f in (*order, *order):
        group, choices = units.free[f], []
        around = {*group, *(j for i in group for j in problem.producers[i])}
        rest = [a - b for a, b in zip(loads, _known_loads(problem, device, around), strict=True)]
        held[device[group[0]]] -= sizes[f] if device[group[0]] >= 0 else 0
        for d, c in enumerate(problem.devices):
            limit = problem.classes[c].memory
            if problem.group_time(group, c) is not None and (limit is None or held[d] + sizes[f] <= limit):
                _put(device, group, d)
                tried = [a + b for a, b in zip(rest, _known_loads(problem, device, around), strict=True)]
                choices.append((sorted(tried, reverse=True), d))
        d = min(choices)[1] if choices else 0  # where none will do this is no split, as verifying it tells
        _put(device, group, d)
        loads = [a + b for a, b in zip(rest, _known_loads(problem, device, around), strict=True)]
        held[d] += sizes[f]
    return device


def _put(device: list[int], group: Sequence[int], d: int) -> None:
    for i in group:
        device[i] = d


def _known_loads(problem: Problem, device: Sequence[int], nodes: Iterable[int]) -> list[int]:
    """The loads that some nodes, with their outputs, make on devices; nothing where a device is not known (-1)."""
    loads = [0] * len(problem.devices)
    for i in nodes:
        node, home = problem.nodes[i], device[i]
        ends = {device[j] for j in problem.consumers[i]} - {home, -1}
        if home < 0:
            continue
        loads[home] += node.times[problem.devices[home]] or 0
        for d in {home, *ends} if ends else ():
            if problem.classes[problem.devices[d]].transfers:
                loads[d] += node.transfer
    return loads
