"""What a plan does, activity by activity, under names that it shares with the plan it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mapper.cost.activity import Activity
from mapper.cost.judge import Verdict
from mapper.report.diff.pairing import Pairing
from mapper.report.diff.places import Spelled, spelled

Who = tuple[str, str, str, str]
"""Who does something, the same in both plans: its kind (task, move, cast, ...), what it does (a group of clusters, or
the value that it brings), in which phase, and for transfers on which way."""

Amounts = Mapping[Who, int]
"""How much of something each has."""


@dataclass(frozen=True, slots=True)
class Doing:
    """What one does in one of the plans. where: the unit or route, as the second plan calls it; way: memory of the
    weights, copies, division among ranks, tiles, number types. label: what is alike in every block; of transfers
    that of the value's maker. is_shared: whether the other plan has what it is about. ticks: of one call.
    """

    label: str
    kind: str
    block: int
    phase: str
    where: tuple[str, ...]
    way: tuple[object, ...]
    limited_by: str
    is_shared: bool
    ticks: int


class Side:
    """One of two compared plans. Holds caches only."""

    def __init__(self, verdict: Verdict, pairing: Pairing, is_before: bool) -> None:
        self.verdict, self.plan, self.pairing, self.is_before = verdict, verdict.plan, pairing, is_before
        self._group = pairing.of_before if is_before else pairing.of_after

    @cached_property
    def names(self) -> dict[str, Spelled]:
        """Labels of clusters."""
        return spelled(self.plan)

    def name(self, part: str) -> str:
        """What the second plan calls a unit, memory, link or route of this one."""
        return self.pairing.machines.name(part) if self.is_before else part

    def phase(self, name: str) -> str:
        """What the second plan calls a phase of this one."""
        return self.pairing.phase[name] if self.is_before else name

    @cached_property
    def who(self) -> tuple[tuple[Who, ...], ...]:
        """Who each activity of each program is."""
        return tuple(
            tuple(self._who(self.phase(p.name), a) for a in program.activities)
            for p, program in zip(self.plan.phases, self.verdict.programs, strict=True)
        )

    def _who(self, phase: str, activity: Activity) -> Who:
        if activity.kind == "task":
            return "task", str(self._group[self.plan.task[activity.task].cluster]), phase, ""
        return activity.kind, self._shared_name(self._value(activity)), phase, self.name(activity.where)

    def _value(self, activity: Activity) -> str:
        """The value that a transfer brings: of a piece, the whole."""
        label = activity.makes[0][0] if activity.makes else activity.name.partition("/")[2].partition(" -> ")[0]
        if label in self.plan.graph.value:
            return label
        whole = label.rpartition(" [")[0]
        return whole if whole in self.plan.graph.value else label

    def _shared_name(self, value: str) -> str:
        """The name of a value in both plans: where it is made, since another graph may name its values otherwise."""
        maker = self.plan.graph.producer.get(value)
        group = self._group.get(self._owner.get(maker.name, "")) if maker else None
        if maker is None or group is None or not self.pairing.groups[group].is_shared:
            return value
        at = sum(len(self.plan.graph.op[n].outputs) for n in self._before(maker.name)) + maker.outputs.index(value)
        return f"{at} of {group}" if self.pairing.groups[group].is_pair else value

    @cached_property
    def _owner(self) -> dict[str, str]:
        """The cluster of each op."""
        return {op: cluster.name for cluster in self.plan.clusters or () for op in cluster.ops}

    def _before(self, op: str) -> Sequence[str]:
        """The ops before an op in its cluster."""
        ops = self.plan.cluster[self._owner[op]].ops
        return ops[: ops.index(op)]

    @cached_property
    def doings(self) -> dict[Who, Doing]:
        """What each does."""
        rows: dict[Who, list[tuple[str, Activity]]] = {}
        for phase, who, program in zip(self.plan.phases, self.who, self.verdict.programs, strict=True):
            for one, activity in zip(who, program.activities, strict=True):
                rows.setdefault(one, []).append((phase.name, activity))
        return {who: self._doing(who, [a for _, a in found], found[0][0]) for who, found in rows.items()}

    def _doing(self, who: Who, activities: Sequence[Activity], phase: str) -> Doing:
        first = max(activities, key=lambda a: a.ticks)
        where = tuple(sorted({self.name(a.where) for a in activities}))
        ticks = sum(a.ticks for a in activities)
        if first.kind == "task":
            cluster = self.plan.task[first.task].cluster
            group, name = self.pairing.groups[int(who[1])], self.names[cluster]
            ways = sorted({self.way(a.task) for a in activities}, key=str)
            own = group.before if self.is_before else group.after
            way = (len(own), *ways) if not group.is_pair else tuple(ways)
            kind, shared, limited = name.kind, group.is_shared, first.limited_by
        else:
            name, shared = self._maker(first)
            way, kind, limited = (), first.kind, ""
        return Doing(name.label, kind, name.block, self.phase(phase), where, way, limited, shared, ticks)

    def way(self, task: str) -> tuple[str, int, str, int, tuple[str, ...]]:
        """How a task runs on its unit."""
        place = self.plan.place[task]
        types = tuple(t.value for t in self.plan.chosen(task).types)
        return self.name(place.weights) if place.weights else "", place.replicas, place.shard, place.tiles, types

    def _maker(self, activity: Activity) -> tuple[Spelled, bool]:
        """Who makes what a transfer brings, and whether the other plan has that value: an input of the graph stands for
        itself."""
        value = self._value(activity)
        maker = self.plan.graph.producer.get(value)
        cluster = self._owner.get(maker.name) if maker else None
        if cluster is None:
            return Spelled(value, -1, "input"), True
        return self.names[cluster], self.pairing.groups[self._group[cluster]].is_shared

    def amounts(self, counts: Sequence[int], measure: Callable[[Activity], int]) -> dict[Who, int]:
        """How much each has of what is measured by activity, when each phase runs so often."""
        found: dict[Who, int] = {}
        for count, who, program in zip(counts, self.who, self.verdict.programs, strict=True):
            for one, activity in zip(who, program.activities, strict=True):
                if count and (amount := measure(activity)):
                    found[one] = found.get(one, 0) + count * amount
        return found
