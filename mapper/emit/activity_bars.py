"""Bars of a trace for what a plan does in one call: tasks with their ops on units, moves on links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mapper.cost.activity import Activity
from mapper.cost.estimate import Estimator
from mapper.emit.events import Bar, about
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND, Cost
from mapper.ir.graph import Phase
from mapper.ir.plan import Cluster, Option, Plan, Slot, Task

TICKS_PER_NANOSECOND = TICKS_PER_SECOND // 10**9
MOST_OPS = 50_000
"""Bars of ops: in plans with more of them tasks name their ops, but show no parts."""


def nanoseconds(ticks: int) -> int:
    """The nanosecond that a tick is in."""
    return ticks // TICKS_PER_NANOSECOND


@dataclass(frozen=True)
class FirstCall:
    """The first call of a phase, from tick `start` of the request on. timed: the phase's activities, each with its
    slot. lost: slots that the plan does not call for. names: of all activities of the phase."""

    phase: Phase
    start: int
    length: int
    timed: tuple[tuple[Activity, Slot], ...]
    lost: tuple[Slot, ...]
    names: tuple[str, ...]

    def bar(self, name: str, start: int, end: int, category: str, **words: object) -> Bar:
        """A bar of ticks within the call."""
        first, last = nanoseconds(self.start + start), nanoseconds(self.start + end)
        return Bar(name.removeprefix(f"{self.phase.name}/"), first, last, category, about(words))


class ActivityBars:
    """Bars of a plan's activities, by place."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[tuple[Option, str, str, int], tuple[Cost, ...]] = {}
        ops = sum(len(plan.cluster[task.cluster].ops) for task in plan.tasks or ())
        self.ops_left_out = ops if ops > MOST_OPS else 0

    @cached_property
    def _estimator(self) -> Estimator:
        plan = self._plan
        return Estimator(plan.target, plan.graph, plan.phases, plan.precision)

    def of(self, call: FirstCall) -> Iterator[tuple[str, Bar]]:
        """Places with what each does in a call; a move is on all links that it holds."""
        for activity, slot in call.timed:
            key = (call.phase.name, activity.name)
            if activity.task:
                yield activity.where, self._task(call, activity, slot, key)
            elif activity.where in self._plan.target.unit:
                words = {"bytes": activity.bytes, "energy_uj": _microjoules(activity.energy_pj)}
                bar = call.bar(activity.name, slot.start, slot.end, activity.kind, **words)
                yield activity.where, _keyed(bar, key)
            for k, place in enumerate(links_of(self._plan, activity)):
                bar = self._move(call, activity, slot)
                yield place, _keyed(bar, key if not k and activity.where not in self._plan.target.unit else None)
        for slot in call.lost:
            yield slot.where, call.bar(slot.what, slot.start, slot.end, "move")

    def _task(self, call: FirstCall, activity: Activity, slot: Slot, key: tuple[str, str]) -> Bar:
        plan = self._plan
        task, place = plan.task[activity.task], plan.place[activity.task]
        cluster = plan.cluster[task.cluster]
        option = plan.chosen(task.name)
        bar = call.bar(
            activity.name,
            slot.start,
            slot.end,
            "task",
            ops=" ".join(cluster.ops),
            limited_by=activity.limited_by,
            bytes=activity.bytes,
            gb_per_s=_rate(activity.bytes, slot.end - slot.start),
            energy_uj=_microjoules(activity.energy_pj),
            types=" ".join(dict.fromkeys(t.value for t in option.types)),
            weights=place.weights,
            shard=place.shard,
            repeat=cluster.repeat,
        )
        return Bar(bar.name, bar.start, bar.end, bar.category, bar.args, tuple(self._ops(bar, task, cluster)), key)

    def _move(self, call: FirstCall, activity: Activity, slot: Slot) -> Bar:
        """From when it holds its links until it lets them go; what it carries arrives after their latency."""
        held = min(slot.end, slot.start + activity.hold)
        return call.bar(
            activity.name,
            slot.start,
            held,
            activity.kind,
            value=next((value for value, _, _ in activity.makes), ""),
            route=activity.where,
            bytes=activity.bytes,
            gb_per_s=_rate(activity.bytes, held - slot.start),
            arrives_after_us=(slot.end - slot.start) * 1e6 / TICKS_PER_SECOND,
            energy_uj=_microjoules(activity.energy_pj),
        )

    def _ops(self, bar: Bar, task: Task, cluster: Cluster) -> Iterator[Bar]:
        """The ops of a task one after the other, in the parts that each has of its cost."""
        if len(cluster.ops) < 2 or self.ops_left_out:
            return
        costs = self._op_costs(task, cluster)
        whole, gone = sum(cost.ticks for cost in costs), 0
        for name, cost in zip(cluster.ops, costs, strict=True):
            start, gone = gone, gone + cost.ticks
            if cost.ticks:
                length = bar.end - bar.start
                first, last = bar.start + start * length // whole, bar.start + gone * length // whole
                words = {"limited_by": cost.limited_by, "bytes": cost.data_bytes + cost.weight_bytes}
                yield Bar(name, first, last, self._plan.graph.op[name].kind, about(words))

    def _op_costs(self, task: Task, cluster: Cluster) -> tuple[Cost, ...]:
        plan = self._plan
        option, unit = plan.chosen(task.name), plan.target.unit[plan.place[task.name].unit]
        key = (option, unit.kind, task.phase, len(cluster.ops))
        if key not in self._known:
            self._known[key] = self._estimator.op_costs(cluster, unit, option, plan.phase[task.phase])
        return self._known[key]


def by_place(plan: Plan, rows: Mapping[str, list[Bar]]) -> dict[str, list[Bar]]:
    """Tracks by name: units, then links, in the order of the target."""
    rank = {name: k for k, name in enumerate(plan.target.link)}
    others = sorted(rows.keys() - plan.target.unit.keys(), key=lambda x: (rank.get(x.partition(":")[0], len(rank)), x))
    units = {f"unit {unit}": rows[unit] for unit in plan.target.unit if unit in rows}
    return units | {f"link {place}": rows[place] for place in others}


def _keyed(bar: Bar, key: tuple[str, str] | None) -> Bar:
    return Bar(bar.name, bar.start, bar.end, bar.category, bar.args, bar.inside, key)


def links_of(plan: Plan, activity: Activity) -> Sequence[str]:
    """The directions of links that a move or a cast holds, or its route where it holds none; of tasks none."""
    if activity.task:
        return ()
    held = [resource for resource, _ in activity.exclusive if resource.partition(":")[0] in plan.target.link]
    return held or ([] if activity.where in plan.target.unit else [activity.where])


def _microjoules(energy: Sequence[tuple[str, int]]) -> float:
    return sum(pj for _, pj in energy) / PJ_PER_J * 1e6


def _rate(size: int, ticks: int) -> float:
    return size / ticks * (TICKS_PER_SECOND / 1e9) if ticks else 0.0
