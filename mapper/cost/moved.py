"""What a plan's loads and energy become where tasks run elsewhere: the difference, by the prices of options and of the
transfers that come and go, without a schedule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mapper.cost.engines import POWER
from mapper.cost.handover import HandOver
from mapper.cost.places import Place
from mapper.cost.program import Spelling
from mapper.cost.residency import states_of, weights_of
from mapper.cost.shards.spread import Spread
from mapper.hw.layout import Layout
from mapper.hw.work import TICKS_PER_SECOND, DType, Role
from mapper.ir.graph import Phase
from mapper.ir.plan import Cluster, Option, Plan, Task

At = tuple[str, Option]
"""A unit and the way in which a task runs there."""


@dataclass
class Change:
    """What one request takes more (or, below 0, less): ticks by resource, picojoules, and the ticks of all tasks and
    transfers one after the other."""

    loads: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    pj: int = 0
    ticks: int = 0

    def add(self, other: Change, times: int) -> None:
        """Count another change so many times."""
        loads = self.loads
        for resource, ticks in other.loads.items():
            loads[resource] += times * ticks
        self.pj += times * other.pj
        self.ticks += times * other.ticks


class Moved:
    """Answers for one plan. Holds caches only. Tasks in tiles and operands that come late are taken as if they did not;
    so the answer for a plan with either is near, not exact."""

    def __init__(self, spelling: Spelling) -> None:
        self.plan: Plan = spelling.plan
        self._spelling = spelling
        self._steps: dict[tuple[Spread, DType, Place, Place], Change] = {}
        self._kept: dict[str, At] = {}
        self._sizes: dict[tuple[str, str], Spread] = {}
        self._known: dict[tuple[str, str], Change] = {}
        self._places: dict[tuple[str, Layout], Place] = {}

    def change(self, places: Mapping[str, At]) -> Change:
        """What changes when these tasks run elsewhere, each on a unit in a way, and everything else stays."""
        found = Change()
        phases = dict.fromkeys(self.plan.task[name].phase for name in places)
        for phase in phases:
            total = Change()
            for name in places:
                task = self.plan.task[name]
                if task.phase == phase:
                    total.add(self._task(task, places[name]), 1)
                    total.add(self._task(task, self._now(task)), -1)
            for value in self._touched([n for n in places if self.plan.task[n].phase == phase]):
                total.add(self._value(value, phase, places), 1)
                total.add(self._value_now(value, phase), -1)
            found.add(total, self.plan.phase[phase].calls)
        for handed in self._spelling.hand_overs:
            ends = self._ends(handed)
            if any(name in places for name in ends):
                found.add(self._hand_over(handed, places), self.plan.phase[handed.phase].calls)
                found.add(self._hand_over(handed, {}), -self.plan.phase[handed.phase].calls)
        found.loads[POWER] = self._power(found.pj)
        return found

    def missing_bytes(self, places: Mapping[str, At]) -> dict[str, int]:
        """What the tasks must keep in memories where it is not yet: weights, and states of all requests in flight."""
        here = {(r.what, r.memory) for r in self.plan.residency or ()}
        found: dict[tuple[str, str], int] = {}
        for name, (unit_name, option) in places.items():
            cluster, unit = self.plan.cluster[self.plan.task[name].cluster], self.plan.target.unit[unit_name]
            states, requests = states_of(self.plan, cluster, unit, option), self.plan.inflight or 1
            kept = [(what, memory, size * requests) for what, memory, size in states]
            if option.source >= 0:
                kept.append(weights_of(self.plan, self._spelling.estimator, cluster, unit, option))
            found.update({(what, memory): size for what, memory, size in kept if (what, memory) not in here})
        sums: defaultdict[str, int] = defaultdict(int)
        for (_, memory), size in found.items():
            sums[memory] += size
        return dict(sums)

    def _now(self, task: Task) -> At:
        if task.name not in self._kept:
            self._kept[task.name] = (self.plan.place[task.name].unit, self.plan.chosen(task.name))
        return self._kept[task.name]

    def load(self, task: str, at: At) -> int:
        """Ticks that a task takes of its unit's engine, or of its own arrays, in one call."""
        asked = self.plan.task[task]
        engine = self._spelling.engine_at(at[0], self.plan.holder[asked.cluster], at[1], asked.phase)
        return engine.load(at[1].cost(asked.phase).ticks)

    def is_resident(self, unit: str, option: Option) -> bool:
        """Whether the option's weights sit in the unit's own arrays."""
        return self._spelling.estimator.is_resident(self.plan.target.unit[unit], option.source)

    def _task(self, task: Task, at: At) -> Change:
        name, option = at
        unit, cost = self.plan.target.unit[name], option.cost(task.phase)
        engine = self._spelling.engine_at(name, self.plan.holder[task.cluster], option, task.phase)
        found = Change(pj=cost.total_pj, ticks=cost.ticks)
        found.loads[engine.name] = engine.load(cost.ticks)
        memories = [(unit.data, cost.data_bytes)]
        memories += [(unit.weights[option.source], cost.weight_bytes)] if option.source >= 0 else []
        for name, size in memories:
            memory = self.plan.target.memory[name]
            found.loads[name] += round(size / memory.bandwidth_bytes_per_s * TICKS_PER_SECOND)
            found.pj += round(8 * size * memory.energy_pj_per_bit)
        return found

    def _touched(self, tasks: Sequence[str]) -> Iterable[str]:
        """Values that the tasks read or leave."""
        found: dict[str, None] = {}
        for name in tasks:
            cluster = self.plan.cluster[self.plan.task[name].cluster]
            found.update(dict.fromkeys((*self._operands(cluster), *self._results(cluster))))
        return found

    def _operands(self, cluster: Cluster) -> list[str]:
        graph = self.plan.graph
        ops = [graph.op[n] for n in cluster.ops]
        made = {n for op in ops for n in op.outputs}
        read = dict.fromkeys(n for op in ops for n in op.inputs if n and n not in made)
        return [n for n in read if self._is_brought(n)]

    def _is_brought(self, name: str) -> bool:
        graph = self.plan.graph
        return graph.value[name].role is not Role.WEIGHT and (name in graph.producer or name not in self._pasts)

    @cached_property
    def _pasts(self) -> frozenset[str]:
        return frozenset(n for s in self.plan.graph.states for n in (s.past, s.present) if n)

    def _results(self, cluster: Cluster) -> list[str]:
        inside = self._spelling.estimator.inside(cluster)
        return [n for op in cluster.ops for n in self.plan.graph.op[op].outputs if n and n not in inside]

    @cached_property
    def _readers(self) -> dict[tuple[str, str], list[Task]]:
        """The tasks that read each value in each phase."""
        found: dict[tuple[str, str], list[Task]] = {}
        for task in self.plan.tasks or ():
            for name in self._operands(self.plan.cluster[task.cluster]):
                found.setdefault((name, task.phase), []).append(task)
        return found

    @cached_property
    def _maker(self) -> dict[tuple[str, str], Task]:
        return {
            (name, task.phase): task
            for task in self.plan.tasks or ()
            for name in self._results(self.plan.cluster[task.cluster])
        }

    def _value_now(self, name: str, phase: str) -> Change:
        if (name, phase) not in self._known:
            self._known[name, phase] = self._value(name, phase, {})
        return self._known[name, phase]

    def _value(self, name: str, phase: str, places: Mapping[str, At]) -> Change:
        """What it takes to bring a value from where it is made to everywhere it is read in a phase."""
        maker = self._maker.get((name, phase))
        home = self._spelling.places.io if maker is None else self._place(maker, places, takes=False)
        ends = dict.fromkeys(self._place(t, places, takes=True) for t in self._readers.get((name, phase), ()))
        if name in self._ends_at_io and maker is not None:
            ends[self._spelling.places.io] = None
        found = Change()
        for end in ends if ends.keys() != {home} else ():
            found.add(self._carried(name, self.plan.phase[phase], home, end), 1)
        return found

    @cached_property
    def _ends_at_io(self) -> frozenset[str]:
        return frozenset(self.plan.graph.outputs) - self._pasts

    def _place(self, task: Task, places: Mapping[str, At], *, takes: bool) -> Place:
        unit, option = places.get(task.name) or self._now(task)
        key = (unit, option.takes if takes else option.leaves)
        if key not in self._places:
            self._places[key] = self._spelling.places.of(self.plan.target.unit[unit], key[1])
        return self._places[key]

    def _carried(self, name: str, phase: Phase, a: Place, b: Place) -> Change:
        key = (name, phase.name)
        if key not in self._sizes:
            self._sizes[key] = self._spelling.sizes.mean(name, phase)
        return self._brought(self._sizes[key], self.plan.graph.value[name].dtype, a, b)

    def _brought(self, size: Spread, dtype: DType, a: Place, b: Place) -> Change:
        key = (size, dtype, a, b)
        if key not in self._steps:
            found = Change()
            for step in self._spelling.places.steps(size, dtype, a, b):
                for resource, ticks in (*step.busy, *step.channels):
                    found.loads[resource] += ticks
                found.pj += sum(pj for _, pj in step.energy_pj)
                found.ticks += step.ticks
            self._steps[key] = found
        return self._steps[key]

    def _ends(self, handed: HandOver) -> tuple[str, str]:
        """The tasks that leave a state and that read it first."""
        known = self._spelling.task_of
        return known[handed.phase, handed.source], known[handed.to, handed.readers[0]]

    def _hand_over(self, handed: HandOver, places: Mapping[str, At]) -> Change:
        units = [(places.get(n) or self._now(self.plan.task[n]))[0] for n in self._ends(handed)]
        a, b = (self._spelling.places.of(self.plan.target.unit[u]) for u in units)
        dtype = self.plan.graph.value[handed.value].dtype
        return self._brought(Spread(handed.elements), dtype, a, b)

    def _power(self, pj: int) -> int:
        target = self.plan.target
        return round(pj / (target.power_limit_w - target.idle_power_w)) if target.power_limit_w is not None else 0
