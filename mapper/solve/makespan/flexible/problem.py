"""The flexible makespan problem: which mode each task takes and when it starts, and when what it sends travels.

Nothing here knows a solver, a graph or a chip. Times are integer ticks, demands integers in the resource's own unit.
A choice of modes leaves a problem of `mapper.solve.makespan` (see `fixed`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mapper.errors import MapperError
from mapper.solve.makespan.problem import MOST, Resource


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to run a task: its ticks, the (resource, amount) pairs it holds for all of them, and where its result lies.

    ticks from `FORBIDDEN` on mean that the mode is not possible.
    """

    name: str
    ticks: int
    demands: tuple[tuple[int, int], ...] = ()
    place: int = 0


FORBIDDEN = 10**18
"""Ticks from here on mean: not possible."""


@dataclass(frozen=True, slots=True)
class Task:
    """Something to run in one of its modes."""

    name: str
    modes: tuple[Mode, ...]


@dataclass(frozen=True, slots=True)
class Transfer:
    """What moving a value between two places takes: ticks, and what it holds for all of them (the links).

    ticks from `FORBIDDEN` on mean that there is no route.
    """

    ticks: int
    demands: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """The sink reads what the source makes.

    size: index into `Problem.transfers`, None when nothing has to travel. tiles: with 1 the sink starts after the
    source has ended; with n it streams: each of source, transfer and sink makes a tile in the n-th part of its ticks
    (rounded up), and the next stage starts a tile after the stage before it and ends a tile of its own after it.
    """

    source: int
    sink: int
    size: int | None = None
    tiles: int = 1


@dataclass(frozen=True)
class Problem:
    """Tasks, edges, resources, and transfers[size][(place, other place)]; a missing pair means that no route exists."""

    tasks: tuple[Task, ...]
    edges: tuple[Edge, ...]
    resources: tuple[Resource, ...]
    transfers: tuple[Mapping[tuple[int, int], Transfer], ...] = ()

    @cached_property
    def inputs(self) -> tuple[tuple[int, ...], ...]:
        """For each task, the edges that it reads."""
        found: list[list[int]] = [[] for _ in self.tasks]
        for e, edge in enumerate(self.edges):
            found[edge.sink].append(e)
        return tuple(map(tuple, found))

    @cached_property
    def outputs(self) -> tuple[tuple[int, ...], ...]:
        """For each task, the edges that read it."""
        found: list[list[int]] = [[] for _ in self.tasks]
        for e, edge in enumerate(self.edges):
            found[edge.source].append(e)
        return tuple(map(tuple, found))

    @cached_property
    def order(self) -> tuple[int, ...]:
        """A topological order. Raises MapperError naming a cycle when there is none."""
        missing = [len(edges) for edges in self.inputs]
        found = [i for i, n in enumerate(missing) if n == 0]
        for i in found:  # grows while it is read
            for e in self.outputs[i]:
                j = self.edges[e].sink
                missing[j] -= 1
                if missing[j] == 0:
                    found.append(j)
        if len(found) < len(missing):
            raise MapperError("cycle: " + " -> ".join(f"'{self.tasks[i].name}'" for i in self._cycle(missing)))
        return tuple(found)

    def _cycle(self, missing: Sequence[int]) -> list[int]:
        """A cycle among the tasks that still miss an input, in the order in which they wait."""
        at = next(i for i, n in enumerate(missing) if n)
        path: list[int] = []
        while at not in path:
            path.append(at)
            at = next(self.edges[e].source for e in self.inputs[at] if missing[self.edges[e].source])
        return [*path[path.index(at) :], at][::-1]

    def transfer(self, edge: Edge, source: Mode, sink: Mode) -> Transfer | None:
        """What moves along an edge between two modes; None when nothing has to. Raises MapperError without a route."""
        if edge.size is None or source.place == sink.place:
            return None
        found = self.route(edge.size, source.place, sink.place)
        if found is None:
            names = self.tasks[edge.source].name, self.tasks[edge.sink].name
            raise MapperError(
                f"transfer: no route from place {source.place} of '{names[0]}' to place {sink.place} of '{names[1]}'"
            )
        return found

    def reachable(self, edge: Edge, source: Mode, sink: Mode) -> bool:
        """Whether the sink's mode can read the source's."""
        if edge.size is None or source.place == sink.place:
            return True
        return self.route(edge.size, source.place, sink.place) is not None

    def route(self, size: int, source: int, sink: int) -> Transfer | None:
        """What moves a value of a size from one place to another; None where nothing does."""
        found = self.transfers[size].get((source, sink))
        return None if found is None or found.ticks >= FORBIDDEN else found

    def check(self) -> None:
        """Refuse a malformed problem, naming what is wrong and the numbers."""
        for resource in self.resources:
            resource.check()
        for task in self.tasks:
            if not task.modes:
                raise MapperError(f"task '{task.name}' has no mode")
            for mode in task.modes:
                self._check_piece(f"task '{task.name}', mode '{mode.name}'", mode.ticks, mode.demands)
            if all(m.ticks >= FORBIDDEN or self._excess(m) for m in task.modes):
                raise MapperError(self._no_mode(task))
        for edge in self.edges:
            self._check_edge(edge)
        for table in self.transfers:
            for (a, b), transfer in table.items():
                self._check_piece(f"transfer from place {a} to {b}", transfer.ticks, transfer.demands)
                for r, amount in transfer.demands:
                    if amount > self.resources[r].capacity:
                        raise MapperError(
                            f"demand: the transfer from place {a} to {b} wants {amount} of "
                            f"'{self.resources[r].name}', which has {self.resources[r].capacity}"
                        )
        ticks = (t.ticks for table in self.transfers for t in table.values())
        longest = max((t for t in ticks if t < FORBIDDEN), default=0)
        horizon = sum(max(m.ticks for m in t.modes if m.ticks < FORBIDDEN) for t in self.tasks)
        horizon += longest * len(self.edges)
        if horizon >= MOST:
            raise MapperError(f"the ticks of all tasks and transfers sum to {horizon}, beyond {MOST - 1}")
        _ = self.order

    def _check_edge(self, edge: Edge) -> None:
        for end in (edge.source, edge.sink):
            if not 0 <= end < len(self.tasks):
                raise MapperError(f"an edge's end has index {end}, which is not among {len(self.tasks)}")
        names = f"edge from '{self.tasks[edge.source].name}' to '{self.tasks[edge.sink].name}'"
        if edge.tiles < 1:
            raise MapperError(f"{names} has {edge.tiles} tiles")
        if edge.size is not None and not 0 <= edge.size < len(self.transfers):
            raise MapperError(f"{names} has size {edge.size}, which is not among {len(self.transfers)}")
        pairs = ((a, b) for a in self.tasks[edge.source].modes for b in self.tasks[edge.sink].modes)
        if not any(self.reachable(edge, a, b) for a, b in pairs):
            raise MapperError(f"{names}: no mode of the one can reach a mode of the other")

    def _check_piece(self, name: str, ticks: int, demands: Sequence[tuple[int, int]]) -> None:
        if ticks < 0:
            raise MapperError(f"{name} has negative ticks {ticks}")
        for r, amount in demands:
            if not 0 <= r < len(self.resources):
                raise MapperError(f"{name} demands index {r}, which is not among {len(self.resources)}")
            if amount < 0:
                raise MapperError(f"{name} has negative demand {amount} of '{self.resources[r].name}'")
        if len({r for r, _ in demands}) < len(demands):
            raise MapperError(f"{name} names a resource twice in its demands")

    def _excess(self, mode: Mode) -> tuple[Resource, int] | None:
        """The first resource of which a mode wants more than there is, and how much it wants."""
        return next(
            ((self.resources[r], a) for r, a in mode.demands if a > self.resources[r].capacity and mode.ticks), None
        )

    def _no_mode(self, task: Task) -> str:
        reasons = []
        for mode in task.modes:
            excess = self._excess(mode)
            if mode.ticks >= FORBIDDEN or excess is None:
                reasons.append(f"mode '{mode.name}' is forbidden")
            else:
                reasons.append(
                    f"mode '{mode.name}' wants {excess[1]} of '{excess[0].name}', which has {excess[0].capacity}"
                )
        return f"demand: task '{task.name}' has no possible mode: {'; '.join(reasons)}"

    @cached_property
    def possible(self) -> tuple[tuple[int, ...], ...]:
        """For each task, the modes that are not forbidden and within every capacity."""
        return tuple(
            tuple(m for m, mode in enumerate(t.modes) if mode.ticks < FORBIDDEN and not self._excess(mode))
            for t in self.tasks
        )


@dataclass(frozen=True, slots=True)
class Solution:
    """The mode and start of each task, the ticks at which all ends, and the start of each transfer by edge."""

    mode: tuple[int, ...]
    start: tuple[int, ...]
    makespan: int
    moves: Mapping[int, int] = field(default_factory=dict)
