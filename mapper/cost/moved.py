"""What a plan's loads and energy become where tasks run elsewhere: the difference, by the prices of options and of the
transfers that come and go, without a schedule."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mapper.cost.engines import POWER
from mapper.cost.handover import HandOver
from mapper.cost.places import Place, Step
from mapper.cost.program import Spelling
from mapper.cost.residency import Stored, states_of, stored_as, weights_of
from mapper.cost.shards.spread import Spread
from mapper.hw.layout import Layout
from mapper.hw.target import Unit
from mapper.hw.work import TICKS_PER_SECOND, DType, Role
from mapper.ir.graph import main_weight
from mapper.ir.plan import Cluster, Option, Plan, Task

At = tuple[str, Option]
"""A unit and the way in which a task runs there."""


@dataclass
class Change:
    """What one request takes more (or, below 0, less): ticks by resource, picojoules, and the ticks of all tasks and
    transfers one after the other. is_known: whether that is all; not where an operand comes late, whose way depends on
    the order of the tasks."""

    loads: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    pj: int = 0
    ticks: int = 0
    is_known: bool = True

    def add(self, other: Change, times: int) -> None:
        """Count another change so many times."""
        loads = self.loads
        for resource, ticks in other.loads.items():
            loads[resource] += times * ticks
        self.pj += times * other.pj
        self.ticks += times * other.ticks


class Moved:
    """Answers for one plan. Holds caches only. What goes through its rows in tiles does so as long as it stays; what is
    moved runs whole."""

    def __init__(self, spelling: Spelling) -> None:
        self.plan: Plan = spelling.plan
        self._spelling = spelling
        self._priced: list[Change] = []  # tasks and transfers, and the index of each by what tells it from others
        self._index: dict[tuple[object, ...], int] = {}
        self._places: list[Place] = []  # likewise
        self._place_index: dict[Place, int] = {}
        self._place_of: dict[tuple[str, Layout], int] = {}
        self._size_index: dict[tuple[Spread, DType, bool], int] = {}
        self._kept: dict[str, At] = {}
        self._stored: dict[tuple[str, str, int], Stored] = {}
        self._values: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        self._sizes: dict[tuple[str, str], int] = {}
        self._known: dict[tuple[str, str], tuple[int, ...]] = {}

    def change(self, places: Mapping[str, At]) -> Change:
        """What changes when these tasks run elsewhere, each on a unit in a way, and everything else stays."""
        found = Change()
        by_phase: defaultdict[str, list[Task]] = defaultdict(list)
        for name in places:
            by_phase[self.plan.task[name].phase].append(self.plan.task[name])
        for phase, tasks in by_phase.items():
            counts: Counter[int] = Counter()
            for task in tasks:
                counts[self._task(task, places[task.name])] += 1
                counts[self._task_now(task)] -= 1
            for value in self._touched(tasks):
                counts.update(self._ways(value, phase, places))
                counts.subtract(self._ways_now(value, phase))
                found.is_known = found.is_known and (value, phase) not in self._late
            for index, times in counts.items():
                found.add(self._priced[index], times * self.plan.phase[phase].calls)
        for handed in self._spelling.hand_overs:
            ends = self._ends(handed)
            if any(name in places for name in ends):
                found.add(self._hand_over(handed, places), self.plan.phase[handed.phase].calls)
                found.add(self._hand_over(handed, {}), -self.plan.phase[handed.phase].calls)
        found.loads[POWER] = self._power(found.pj)
        return found

    def missing_bytes(self, places: Mapping[str, At]) -> dict[str, int]:
        """What the tasks must keep in memories where it is not yet: weights, and states of all requests in flight."""
        found: dict[tuple[str, str], int] = {}
        for name, (unit_name, option) in places.items():
            cluster, unit = self.plan.cluster[self.plan.task[name].cluster], self.plan.target.unit[unit_name]
            kept = self._states(cluster, unit, option)
            if option.source >= 0:
                kept.append(self._weights(cluster, unit, option))
            found.update({(what, memory): size for what, memory, size in kept if (what, memory) not in self._here})
        sums: defaultdict[str, int] = defaultdict(int)
        for (_, memory), size in found.items():
            sums[memory] += size
        return dict(sums)

    @cached_property
    def _here(self) -> frozenset[tuple[str, str]]:
        """What is kept where in the plan."""
        return frozenset((r.what, r.memory) for r in self.plan.residency or ())

    def _states(self, cluster: Cluster, unit: Unit, option: Option) -> list[tuple[str, str, int]]:
        """States of all requests in flight that a cluster would keep on a unit."""
        if not self._with_states.intersection(cluster.ops):
            return []
        requests = self.plan.inflight or 1
        return [(n, memory, size * requests) for n, memory, size in states_of(self.plan, cluster, unit, option)]

    @cached_property
    def _with_states(self) -> frozenset[str]:
        """The ops that read or leave states."""
        graph = self.plan.graph
        makers = {m.name for n in graph.states_at if (m := graph.producer.get(n))}
        return frozenset(u.name for n in graph.states_at for u in graph.users.get(n, ())) | makers

    def _weights(self, cluster: Cluster, unit: Unit, option: Option) -> tuple[str, str, int]:
        """As `weights_of`: those of a cluster that shares none are those of its class under a name of their own."""
        plan, holder = self.plan, self.plan.holder[cluster.name]
        if len(plan.sharers[holder]) > 1:
            return weights_of(plan, self._spelling.estimator, cluster, unit, option)
        key = (cluster.repeat, unit.name, id(option))
        if key not in self._stored:
            self._stored[key] = stored_as(plan, self._spelling.estimator, cluster, unit, option)
        one = self._stored[key]
        return one.name(main_weight(plan.graph, cluster.ops), holder), one.memory, one.bytes

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

    def _price(self, key: tuple[object, ...], made: Callable[[], Change]) -> int:
        """The index of what it takes to do something, made when it is first met."""
        if key not in self._index:
            self._index[key] = len(self._priced)
            self._priced.append(made())
        return self._index[key]

    def _task_now(self, task: Task) -> int:
        if not self.plan.place[task.name].tiles:
            return self._task(task, self._now(task))
        return self._price(("in tiles", task.name), lambda: self._in_tiles[task.name])

    @cached_property
    def _in_tiles(self) -> dict[str, Change]:
        """What the tasks take that go through their rows in tiles."""
        found: defaultdict[str, Change] = defaultdict(Change)
        for program in self._spelling.programs():
            for activity in program.activities:
                if activity.task and self.plan.place[activity.task].tiles:
                    loads = defaultdict(int, dict(activity.loads))
                    loads.pop(POWER, None)
                    pj = sum(e for _, e in activity.energy_pj)
                    found[activity.task].add(Change(loads, pj, activity.ticks), 1)
        return found

    def _task(self, task: Task, at: At) -> int:
        name, option = at
        holder = self.plan.holder[task.cluster] if self.is_resident(name, option) else ""  # whose arrays work
        key = (name, task.phase, holder, id(option))  # options that are asked for stay in a plan, or in who asks
        return self._price(key, lambda: self._run(task, name, option))

    def _run(self, task: Task, name: str, option: Option) -> Change:
        """What it takes to run a task on a unit in a way."""
        unit, cost = self.plan.target.unit[name], option.cost(task.phase)
        engine = self._spelling.engine_at(name, self.plan.holder[task.cluster], option, task.phase)
        found = Change(pj=cost.total_pj, ticks=cost.ticks)
        found.loads[engine.name] = engine.load(cost.ticks)
        memories = [(unit.data, cost.data_bytes)]
        memories += [(unit.weights[option.source], cost.weight_bytes)] if option.source >= 0 else []
        for place, size in memories:
            memory = self.plan.target.memory[place]
            found.loads[place] += round(size / memory.bandwidth_bytes_per_s * TICKS_PER_SECOND)
            found.pj += round(8 * size * memory.energy_pj_per_bit)
        return found

    def _touched(self, tasks: Sequence[Task]) -> Iterable[str]:
        """Values that the tasks read or leave."""
        return dict.fromkeys(n for task in tasks for names in self._read_and_left(task) for n in names)

    def _read_and_left(self, task: Task) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Values that a task reads and that it leaves, whatever the phase."""
        if task.cluster not in self._values:
            cluster = self.plan.cluster[task.cluster]
            self._values[task.cluster] = (tuple(self._operands(cluster)), tuple(self._results(cluster)))
        return self._values[task.cluster]

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
        """The tasks that read each value in each phase, in their order."""
        found: dict[tuple[str, str], list[Task]] = {}
        for task in self.plan.tasks or ():
            for name in self._read_and_left(task)[0]:
                found.setdefault((name, task.phase), []).append(task)
        return found

    @cached_property
    def _maker(self) -> dict[tuple[str, str], Task]:
        return {(name, t.phase): t for t in self.plan.tasks or () for name in self._read_and_left(t)[1]}

    @cached_property
    def _late(self) -> frozenset[tuple[str, str]]:
        """Values that come late to some task of a phase."""
        late = {t.name: self.plan.place[t.name].late for t in self.plan.tasks or ()}
        return frozenset((name, t.phase) for t in self.plan.tasks or () for name in late[t.name])

    def _ways_now(self, name: str, phase: str) -> tuple[int, ...]:
        if (name, phase) not in self._known:
            self._known[name, phase] = tuple(self._ways(name, phase, {}))
        return self._known[name, phase]

    def _ways(self, name: str, phase: str, places: Mapping[str, At]) -> list[int]:
        """Everything that brings a value from where it is made to where it is read in a phase: tiles leave and bring
        pieces, and read those that they need of a whole, unless it lies there before."""
        maker = self._maker.get((name, phase))
        home = self._place(maker, places, takes=False) if maker else self._at_io
        made = self._tiles(maker, places) if maker else 0
        lies: dict[int, set[int]] = {made: {home}}
        found: list[int] = []
        for reader in self._readers.get((name, phase), ()):
            end = self._place(reader, places, takes=True)
            tiles = made or self._cut(reader, name, places)
            at = lies.setdefault(tiles, set(lies[made]))
            if end not in at:
                at.add(end)
                found += [self._carried(name, phase, tiles, home, end)] * max(1, tiles)
        if maker and name in self._ends_at_io and self._at_io not in lies[made]:
            found += [self._carried(name, phase, made, home, self._at_io)] * max(1, made)
        return found

    def _tiles(self, task: Task, places: Mapping[str, At]) -> int:
        return 0 if task.name in places else self.plan.place[task.name].tiles

    def _cut(self, task: Task, name: str, places: Mapping[str, At]) -> int:
        """In how many pieces a task reads a value that is made whole; 0: as it is."""
        tiles = self._tiles(task, places)
        return tiles if tiles and name in self._spelling.tiling(task).divided else 0

    @cached_property
    def _ends_at_io(self) -> frozenset[str]:
        return frozenset(self.plan.graph.outputs) - self._pasts

    @cached_property
    def _at_io(self) -> int:
        return self._placed(self._spelling.places.io)

    def _placed(self, place: Place) -> int:
        if place not in self._place_index:
            self._place_index[place] = len(self._places)
            self._places.append(place)
        return self._place_index[place]

    def _place(self, task: Task, places: Mapping[str, At], *, takes: bool) -> int:
        unit, option = places.get(task.name) or self._now(task)
        layout = option.takes if takes else option.leaves
        key = (unit, layout)
        if key not in self._place_of:
            self._place_of[key] = self._placed(self._spelling.places.of(self.plan.target.unit[unit], layout))
        return self._place_of[key]

    def _carried(self, name: str, phase: str, tiles: int, a: int, b: int) -> int:
        """The index of what it takes to bring a value, or one of so many pieces of it, from a place to another."""
        sizes, asked, start, end = self._spelling.sizes, self.plan.phase[phase], self._places[a], self._places[b]
        piece = sizes.piece(name, asked, tiles) if tiles else None
        key = (self._size(name, phase), tiles, piece, a, b)
        return self._price(key, lambda: _summed(sizes.steps(name, asked, tiles, start, end)))

    def _size(self, name: str, phase: str) -> int:
        """A number that values share which are brought alike as a whole."""
        if (name, phase) not in self._sizes:
            asked, dtype = self.plan.phase[phase], self.plan.graph.value[name].dtype
            key = (self._spelling.sizes.mean(name, asked), dtype, self._spelling.sizes.crosses(name))
            self._sizes[name, phase] = self._size_index.setdefault(key, len(self._size_index))
        return self._sizes[name, phase]

    def _ends(self, handed: HandOver) -> tuple[str, str]:
        """The tasks that leave a state and that read it first."""
        known = self._spelling.task_of
        return known[handed.phase, handed.source], known[handed.to, handed.readers[0]]

    def _hand_over(self, handed: HandOver, places: Mapping[str, At]) -> Change:
        units = [(places.get(n) or self._now(self.plan.task[n]))[0] for n in self._ends(handed)]
        a, b = (self._spelling.places.of(self.plan.target.unit[u]) for u in units)
        dtype, size = self.plan.graph.value[handed.value].dtype, Spread(handed.elements)
        key = ("hand over", size, dtype, a, b)
        return self._priced[self._price(key, lambda: _summed(self._spelling.places.steps(size, dtype, a, b)))]

    def _power(self, pj: int) -> int:
        target = self.plan.target
        return round(pj / (target.power_limit_w - target.idle_power_w)) if target.power_limit_w is not None else 0


def _summed(steps: Sequence[Step]) -> Change:
    found = Change()
    for step in steps:
        for resource, ticks in (*step.busy, *step.channels):
            found.loads[resource] += ticks
        found.pj += sum(pj for _, pj in step.energy_pj)
        found.ticks += step.ticks
    return found
