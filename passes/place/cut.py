"""Placement problem -> stages problem: clusters as nodes, alike units as devices of a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from mapper.cost.engines import POWER
from mapper.ir.plan import Plan
from mapper.solve import stages as st
from mapper.solve.placement import problem as pb
from mapper.solve.stages.problem import MOST
from passes.place.translate import Translation

NOBODY = ""
"""The owner of a resource that several units load."""


@dataclass(frozen=True)
class Pipeline:
    """A stages problem, the clusters that its nodes are, and the units that its devices are."""

    problem: st.Problem
    clusters: tuple[str, ...]
    units: tuple[str, ...]


@dataclass(frozen=True)
class _Stay:
    """What a cluster takes on a unit in all phases: ticks of the busiest resource, bytes of memory."""

    ticks: int
    bytes: int


def as_stages(plan: Plan, t: Translation) -> Pipeline | None:
    """The pipeline whose stages a plan's clusters could be; None when a cluster needs different units in two phases."""
    return _Cutter(plan, t).pipeline()


@dataclass(frozen=True)
class _Cutter:
    plan: Plan
    t: Translation

    def pipeline(self) -> Pipeline | None:
        kinds = self._kinds
        rows = [[self._stay(members, kind[0]) for kind in kinds] for members in self._members.values()]
        if not all(any(row) for row in rows):
            return None
        transfers, ties = self._transfers(), self._ties()
        nodes = []
        for name, row in zip(self._members, rows, strict=True):
            times = tuple(stay.ticks if stay else None for stay in row)
            size = max(stay.bytes for stay in row if stay)
            nodes.append(st.Node(name, times, size, transfers[name], ties.get(name)))
        classes = []
        for k, kind in enumerate(kinds):
            classes.append(st.DeviceClass(kind[0], len(kind), self._memory(kind[0], nodes, [row[k] for row in rows])))
        units = tuple(unit for kind in kinds for unit in kind)
        return Pipeline(st.Problem(tuple(nodes), self._edges(), tuple(classes)), tuple(self._members), units)

    @cached_property
    def _kinds(self) -> list[tuple[str, ...]]:
        """Units that run the same options, group by group."""
        found: dict[frozenset[int], list[str]] = {}
        for unit in self.plan.target.units:
            options = frozenset(k for k, o in enumerate(self.plan.options or ()) if unit.name in o.units)
            if options:
                found.setdefault(options, []).append(unit.name)
        return list(map(tuple, found.values()))

    @cached_property
    def _members(self) -> dict[str, list[int]]:
        """The items of each cluster."""
        found: dict[str, list[int]] = {}
        for i, task in enumerate(self.t.tasks):
            found.setdefault(task.cluster, []).append(i)
        return found

    @cached_property
    def _owner(self) -> dict[int, str]:
        """The unit whose options alone load a resource, and more than one cluster's; NOBODY where there is none."""
        units: dict[int, set[str]] = {}
        clusters: dict[int, set[str]] = {}
        for task, item, meaning in zip(self.t.tasks, self.t.problem.items, self.t.meaning, strict=True):
            for option, (unit, _) in zip(item.options, meaning, strict=True):
                for r, _ in option.loads:
                    units.setdefault(r, set()).add(unit)
                    clusters.setdefault(r, set()).add(task.cluster)
        return {r: min(u) if len(u) == 1 and len(clusters[r]) > 1 else NOBODY for r, u in units.items()}

    @cached_property
    def _holder(self) -> dict[int, str]:
        """The unit whose options alone keep anything in a memory."""
        units: dict[int, set[str]] = {}
        for item, meaning in zip(self.t.problem.items, self.t.meaning, strict=True):
            for option, (unit, _) in zip(item.options, meaning, strict=True):
                for k in set(option.needs) - self.t.room:
                    units.setdefault(self.t.problem.residents[k].memory, set()).add(unit)
        return {m: min(u) if len(u) == 1 else NOBODY for m, u in units.items()}

    def _stay(self, members: Sequence[int], unit: str) -> _Stay | None:
        """A cluster on a unit by its quickest options; None where it cannot run in some phase."""
        ticks, needs = 0, set[int]()
        for i in members:
            pairs = zip(self.t.problem.items[i].options, self.t.meaning[i], strict=True)
            options = [option for option, (name, _) in pairs if name == unit]
            if not options:
                return None
            best = min(options, key=lambda o: (self._busy(o, unit), self._bytes(set(o.needs), unit)))
            ticks += self._busy(best, unit)
            needs.update(best.needs)
        return _Stay(ticks, self._bytes(needs, unit))

    def _busy(self, option: pb.Option, unit: str) -> int:
        return max((ticks for r, ticks in option.loads if self._owner[r] == unit), default=0)

    def _bytes(self, needs: set[int], unit: str) -> int:
        residents = self.t.problem.residents
        return sum(residents[k].bytes for k in needs - self.t.room if self._holder[residents[k].memory] == unit)

    def _memory(self, unit: str, nodes: Sequence[st.Node], stays: Sequence[_Stay | None]) -> int | None:
        """What a unit holds, in the nodes' bytes: where clusters take less there than elsewhere, it holds more."""
        here = sum(stay.bytes for stay in stays if stay)
        if not here:
            return None
        most = sum(node.size for node, stay in zip(nodes, stays, strict=True) if stay)
        capacity = sum(c for m, c in enumerate(self.t.problem.capacities) if self._holder.get(m) == unit)
        values = (self.t.problem.residents[k] for k in self.t.room)  # the largest of each phase, whoever has it
        capacity -= sum(value.bytes for value in values if self._holder.get(value.memory) == unit)
        return min(max(0, capacity) * most // here, MOST - 1)

    def _transfers(self) -> dict[str, int]:
        """Ticks that the results of each cluster take between two places, in the mean."""
        power = self.t.problem.resources.index(POWER) if POWER in self.t.problem.resources else -1
        mean = [
            round(fmean(max((b for r, b in leg.loads if r != power), default=0) for leg in table.values()))
            if table
            else 0
            for table in self.t.problem.transfers
        ]
        found = dict.fromkeys(self._members, 0)
        for net in self.t.problem.nets:
            if net.source >= 0 and any(self._apart(net.source, s) for s in net.sinks):
                found[self.t.tasks[net.source].cluster] += mean[net.size]
        return found

    def _apart(self, i: int, j: int) -> bool:
        """Whether two items are of different clusters: what a cluster hands to its own next phase is no edge."""
        return self.t.tasks[i].cluster != self.t.tasks[j].cluster

    def _edges(self) -> tuple[tuple[int, int], ...]:
        number = {c: k for k, c in enumerate(self._members)}
        tasks = self.t.tasks
        nets = [net for net in self.t.problem.nets if net.source >= 0]
        pairs = {
            (number[tasks[net.source].cluster], number[tasks[s].cluster])
            for net in nets
            for s in net.sinks
            if self._apart(net.source, s)
        }
        return tuple(sorted(pairs))

    def _ties(self) -> dict[str, int]:
        """Clusters that share a state stay together; ties that meet are one."""
        home: dict[str, int] = {}
        for number, tie in enumerate(self.t.problem.ties):
            clusters = {self.t.tasks[i].cluster for i in tie}
            known = {home[c] for c in clusters if c in home}
            home.update(dict.fromkeys(clusters, number))
            for cluster, old in home.items():
                if old in known:
                    home[cluster] = number
        return home
