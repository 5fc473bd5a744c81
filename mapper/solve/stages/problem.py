"""The stages problem: nodes of a graph on devices, so that the busiest device is as little busy as can be.

Nothing here knows a solver, a model or a chip. Times are integer ticks, sizes bytes. A device works on one sample at a
time and the pipeline advances at the pace of its busiest device: Tarnawski et al., "Efficient Algorithms for Device
Placement of DNN Graph Operators" (NeurIPS 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import networkx as nx

from mapper.errors import Infeasible, MapperError

MOST = 2**61
"""Sums of ticks and of bytes stay below this: 64-bit integers hold two of them, and searches can say never."""


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of work.

    times: ticks on a device of each class, None where it cannot run. size: bytes it keeps in the memory of its device.
    transfer: ticks to move its output between a device and the host. tie: nodes of the same tie share a device.
    backward: it belongs to the backward part of a training graph, which the rule of contiguity leaves alone.
    """

    name: str
    times: tuple[int | None, ...]
    size: int = 0
    transfer: int = 0
    tie: int | None = None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class DeviceClass:
    """`count` equal devices, each with `memory` bytes (None: without limit).

    transfers: whether a device pays for what it exchanges with others (an accelerator does, a core of the host not).
    """

    name: str
    count: int
    memory: int | None = None
    transfers: bool = True


@dataclass(frozen=True)
class Problem:
    """Nodes, edges (producer, consumer), the classes of devices, and whether stages must be contiguous.

    Contiguous: the devices can be ordered so that every edge between forward nodes goes to the same or a later device.
    """

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...]
    classes: tuple[DeviceClass, ...]
    contiguous: bool = True

    def check(self) -> None:
        """Refuse a malformed problem, and one whose ties leave a group no class of devices that can take it."""
        if not self.nodes:
            raise MapperError("a stages problem without nodes")
        if not self.devices:
            raise MapperError("a stages problem without devices")
        for device in self.classes:
            if device.count < 0 or (device.memory is not None and device.memory < 0):
                raise MapperError(f"device class '{device.name}': {device.count} devices of {device.memory} bytes")
            if (device.memory or 0) >= MOST:
                raise MapperError(
                    f"device class '{device.name}' holds {device.memory} bytes, beyond {MOST - 1}: None is no limit"
                )
        for node in self.nodes:
            _check_node(node, len(self.classes))
        for a, b in self.edges:
            if not (0 <= a < len(self.nodes) and 0 <= b < len(self.nodes)):
                raise MapperError(f"edge ({a}, {b}) leaves the {len(self.nodes)} nodes")
        self._check_sums()
        _ = self.order
        for group in self.groups:
            self._check_group(group)

    def _check_sums(self) -> None:
        ticks = sum(max((t for t in n.times if t is not None), default=0) + 2 * n.transfer for n in self.nodes)
        total = sum(n.size for n in self.nodes)
        for what, value in (("ticks", ticks), ("bytes", total)):
            if value >= MOST:
                raise MapperError(f"the {what} of all nodes sum to {value}, beyond {MOST - 1}")

    def _check_group(self, group: tuple[int, ...]) -> None:
        """Some class of devices runs all nodes of a tied group and has the memory for them."""
        if any(self.group_time(group, c) is not None for c, device in enumerate(self.classes) if device.count):
            return
        size = sum(self.nodes[i].size for i in group)
        names = ", ".join(f"'{self.nodes[i].name}'" for i in group[:5]) + (", ..." if len(group) > 5 else "")
        details = []
        for c, device in enumerate(self.classes):
            not_run = [self.nodes[i].name for i in group if self.nodes[i].times[c] is None]
            if not device.count:
                details.append(f"there is no device of class '{device.name}'")
            elif not_run:
                details.append(f"class '{device.name}' cannot run '{not_run[0]}'")
            elif device.memory is not None:
                details.append(f"class '{device.name}' holds {device.memory} bytes, {size - device.memory} too few")
        raise Infeasible(
            f"no device can take {names}, which need {size} bytes on one device",
            details=details,
            hint="levers: devices with more memory | smaller weights | fewer ties | a class that runs them",
        )

    @cached_property
    def devices(self) -> tuple[int, ...]:
        """The class of each device; the devices of a class are neighbours, classes in their order."""
        return tuple(c for c, device in enumerate(self.classes) for _ in range(device.count))

    @cached_property
    def device_names(self) -> tuple[str, ...]:
        """The name of each device: its class and its number in it, as in acc0."""
        return tuple(f"{device.name}{i}" for device in self.classes for i in range(device.count))

    @cached_property
    def consumers(self) -> tuple[tuple[int, ...], ...]:
        """For each node, who reads its output, each once."""
        return self._sides[1]

    @cached_property
    def producers(self) -> tuple[tuple[int, ...], ...]:
        """For each node, whose outputs it reads, each once."""
        return self._sides[0]

    @cached_property
    def _sides(self) -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]:
        ins: list[list[int]] = [[] for _ in self.nodes]
        outs: list[list[int]] = [[] for _ in self.nodes]
        for a, b in sorted(set(self.edges)):
            ins[b].append(a)
            outs[a].append(b)
        return tuple(map(tuple, ins)), tuple(map(tuple, outs))

    @cached_property
    def order(self) -> tuple[int, ...]:
        """A topological order of the nodes. Raises MapperError naming a cycle when there is none."""
        missing = [len(ins) for ins in self.producers]
        found = [i for i, n in enumerate(missing) if n == 0]
        for i in found:  # grows while it is read
            for j in self.consumers[i]:
                missing[j] -= 1
                if missing[j] == 0:
                    found.append(j)
        if len(found) < len(self.nodes):
            raise MapperError(f"cyclic precedence: {self._cycle(missing)}")
        return tuple(found)

    def _cycle(self, missing: Sequence[int]) -> str:
        at, seen = next(i for i, n in enumerate(missing) if n), list[int]()
        while at not in seen:
            seen.append(at)
            at = next(p for p in self.producers[at] if missing[p])
        cycle = [*seen[seen.index(at) :], at][::-1]
        return " -> ".join(f"'{self.nodes[i].name}'" for i in cycle)

    @cached_property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The nodes that share a device by their tie, as groups; a node without a tie is a group of its own."""
        found: dict[object, list[int]] = {}
        for i, node in enumerate(self.nodes):
            found.setdefault(("node", i) if node.tie is None else ("tie", node.tie), []).append(i)
        return tuple(map(tuple, found.values()))

    @cached_property
    def group_of(self) -> tuple[int, ...]:
        """The group of each node."""
        found = [0] * len(self.nodes)
        for g, group in enumerate(self.groups):
            for i in group:
                found[i] = g
        return tuple(found)

    def group_time(self, group: Sequence[int], device_class: int) -> int | None:
        """Ticks of a group on a device of the class; None if one of its nodes cannot run there or it does not fit."""
        memory = self.classes[device_class].memory
        if memory is not None and sum(self.nodes[i].size for i in group) > memory:
            return None
        total = 0
        for i in group:
            time = self.nodes[i].times[device_class]
            if time is None:
                return None
            total += time
        return total

    def loads(self, device: Sequence[int]) -> list[int]:
        """The ticks per sample of each device. device: the device of each node, which can run it.

        An output that crosses devices costs its transfer once on the producer's device and once on each device that
        reads it.
        """
        loads = [0] * len(self.devices)
        pays = [self.classes[c].transfers for c in self.devices]
        for i, node in enumerate(self.nodes):
            home = device[i]
            loads[home] += node.times[self.devices[home]] or 0
            readers = {device[j] for j in self.consumers[i]} - {home}
            if readers and pays[home]:
                loads[home] += node.transfer
            for d in readers:
                if pays[d]:
                    loads[d] += node.transfer
        return loads

    def value(self, solution: Solution) -> int:
        """The objective: the ticks of the busiest device."""
        return max(self.loads(solution.device))

    def pipeline(self, solution: Solution) -> tuple[int, ...]:
        """The devices of a contiguous split in an order that every forward edge follows; idle devices come last."""
        between: nx.DiGraph[int] = nx.DiGraph()
        used = sorted(set(solution.device))
        between.add_nodes_from(used)
        for a, b in self.edges:
            if not self.nodes[a].backward and not self.nodes[b].backward and solution.device[a] != solution.device[b]:
                between.add_edge(solution.device[a], solution.device[b])
        idle = (d for d in range(len(self.devices)) if d not in between)
        return (*nx.lexicographical_topological_sort(between), *idle)


def _check_node(node: Node, classes: int) -> None:
    if len(node.times) != classes:
        raise MapperError(f"node '{node.name}' has {len(node.times)} times for {classes} classes of devices")
    for what, value in (("size", node.size), ("transfer", node.transfer), *(("time", t) for t in node.times)):
        if value is not None and value < 0:
            raise MapperError(f"node '{node.name}' has negative {what} {value}")
    if all(t is None for t in node.times):
        raise Infeasible(f"node '{node.name}' runs on no class of devices")


@dataclass(frozen=True, slots=True)
class Solution:
    """The device of each node, as an index into `Problem.devices`."""

    device: tuple[int, ...]
