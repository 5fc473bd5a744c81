"""Plan -> placement problem, and solution -> plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from mapper.cost.engines import POWER, power_ticks
from mapper.cost.estimate import Estimator
from mapper.cost.handover import HandOver
from mapper.cost.places import Place as Spot
from mapper.cost.places import Places
from mapper.cost.program import Spelling
from mapper.cost.residency import Stored, residency, states_of, stored_as, weights_of
from mapper.cost.shards.spread import Spread
from mapper.hw.layout import Layout
from mapper.hw.target import Unit
from mapper.hw.work import Cost, DType, Role
from mapper.ir.graph import main_weight
from mapper.ir.plan import Cluster, Option, Place, Plan, Task
from mapper.ir.request import runs
from mapper.solve.placement import problem as pb
from passes.place.kept import Kept
from passes.place.limits import limits_of
from passes.place.prices import OWN, Price, Prices
from passes.place.room import Room


@dataclass(frozen=True)
class Translation:
    """A placement problem and what its indices stand for: option `o` of item `i` is `meaning[i][o]`.

    Behind the plan's tasks stand receivers: one wherever a phase hands states to a later one. A receiver belongs to the
    earlier phase, costs nothing and lies where the later phase keeps the states: its net is the sending.
    estimator: what priced it, and keeps what it has priced, for all plans that differ in their placement alone.
    room: the residents that stand for values that come and go.
    """

    problem: pb.Problem
    meaning: tuple[tuple[tuple[str, Option], ...], ...]
    tasks: tuple[Task, ...]
    estimator: Estimator | None = field(default=None, compare=False, repr=False)
    room: frozenset[int] = frozenset()

    @cached_property
    def ties_of(self) -> dict[int, tuple[tuple[int, ...], ...]]:
        """The ties that each item is in; items in none are left out."""
        found: dict[int, list[tuple[int, ...]]] = {}
        for tie in self.problem.ties:
            for i in tie:
                found.setdefault(i, []).append(tie)
        return {i: tuple(ties) for i, ties in found.items()}

    def apply(self, plan: Plan, solution: pb.Solution) -> Plan:
        """The plan with placement and residency as the solution says."""
        places = []
        for task, meanings, o in zip(self.tasks, self.meaning, solution.choice, strict=True):
            if task.name not in plan.task:
                continue
            unit, option = meanings[o]
            weights = plan.target.unit[unit].weights[option.source] if option.source >= 0 else ""
            places.append(
                Place(task.name, unit, weights, option.replicas, option.shard, tiles=option.least_tiles(task.phase))
            )
        placed = replace(plan, placement=tuple(places))
        return replace(placed, residency=residency(placed, Spelling(placed, self.estimator).estimator))

    def solution(self, units: Mapping[str, tuple[str, int, int] | tuple[str, int, int, str]]) -> pb.Solution:
        """The solution that places each task on (unit, source, replicas), divided in a way if one is given; receivers
        go with those that they are tied to."""
        choice: list[int] = []
        for task, meanings in zip(self.tasks, self.meaning, strict=True):
            if task.name in units:
                wanted = (*units[task.name], "")[:4]
                ways = [(u, o.source, o.replicas, o.shard) for u, o in meanings]
                choice.append(ways.index(wanted))
                continue
            item = len(choice)
            other = next(tie for tie in self.problem.ties if item in tie)[0]
            place = self.problem.items[other].options[choice[other]].place
            options = self.problem.items[item].options
            choice.append(next(i for i, option in enumerate(options) if option.place == place))
        return pb.Solution(tuple(choice))


def translate(plan: Plan) -> Translation:
    """The placement problem of a plan with options and tasks."""
    return _Builder(plan).build()


_Carried = tuple[Spread, DType, str, bool]
"""A value as it is carried from place to place: its size and type, the phase, and whether it enters or leaves the
graph."""

Handed = tuple[str, str, tuple[str, ...]]
"""States on one way: from a phase, to a phase, for these clusters of it."""

Received = tuple[Handed, Task, tuple[tuple[str, Option], ...]]
"""What a receiver takes, the task that it stands as, and its units."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to run a class of clusters on a unit, and its price. row: the problem's option where the engine is no
    task's own and nothing need be kept."""

    unit: Unit
    option: Option
    price: Price
    is_own: bool
    row: pb.Option


class _Builder:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.spelling = Spelling(plan)
        self.estimator = self.spelling.estimator
        self.places: Places = self.spelling.places
        self.spots = {place: i for i, place in enumerate(self.places.used(plan.options or ()))}
        self.prices = Prices(plan, self.places, self.estimator, self.spots)
        self.resources = self.prices.resources
        self.memories = {m.name: i for i, m in enumerate(plan.target.memories)}
        self.kept = Kept(self.memories)
        self.transfers: dict[_Carried, int] = {}
        self.sizes: list[_Carried] = []
        self.needs: dict[tuple[str, str, int], tuple[int, ...]] = {}
        self.stored: dict[tuple[str, int], Stored] = {}
        self.peaks: set[tuple[Spread, DType]] = set()
        self.room = Room(self.spelling, self.kept)
        self.rank = {u.name: i for i, u in enumerate(plan.target.units)}
        self.pairs: dict[tuple[str, str], tuple[tuple[str, Option], ...]] = {}
        self.ways: dict[tuple[str, str], list[_Way]] = {}

    def build(self) -> Translation:
        plan = self.plan
        tasks, position = plan.tasks or (), {phase.name: i for i, phase in enumerate(plan.phases)}
        meaning = []
        items = []
        for task in tasks:
            meaning.append(self._meanings(task))
            cluster, phase = plan.cluster[task.cluster], position[task.phase]
            options = tuple(self._option(cluster, way) for way in self._ways(cluster, task.phase))
            items.append(pb.Item(task.name, f"{cluster.repeat}", phase, options))
        nets = self._nets(tasks)
        received = self._received(tasks, len(items), nets)
        for _, receiver, pairs in received:
            phase = position[receiver.phase]
            options = tuple(pb.Option(unit, self._spot(unit), 0, -1, (), 0) for unit, _ in pairs)
            items.append(pb.Item(receiver.name, f"receive {plan.cluster[receiver.cluster].repeat}", phase, options))
            meaning.append(pairs)
        every = (*tasks, *(receiver for _, receiver, _ in received))
        transfers = self._tables(items, nets)
        items, capacities = self.room.counted(items, tasks, meaning)
        needing, residents = self.kept.settled(items)
        problem = pb.Problem(
            items=needing,
            nets=tuple(nets),
            transfers=transfers,
            residents=residents,
            resources=tuple(self.resources.names),
            memories=tuple(self.memories),
            capacities=capacities,
            places=tuple(map(str, self.spots)),
            calls=runs(plan, plan.objective).counts,
            ties=self._ties(tasks, {group: len(tasks) + k for k, (group, _, _) in enumerate(received)}),
            idle_pj_per_tick=plan.target.idle_power_w,
            limits=limits_of(plan),
        )
        problem.check()
        return Translation(problem, tuple(meaning), every, self.estimator, self.room.residents)

    def _spot(self, unit: str) -> int:
        return self.spots[self.places.of(self.plan.target.unit[unit])]

    @property
    def _hand_overs(self) -> tuple[HandOver, ...]:
        """What may have to be sent: nothing where all units share one place."""
        return self.spelling.hand_overs if len(self.spots) > 1 else ()

    def _received(self, tasks: tuple[Task, ...], first: int, nets: list[pb.Net]) -> list[Received]:
        """Receivers of states that go from phase to phase, from index `first` on; their nets are added."""
        plan, position = self.plan, {(t.phase, t.cluster): i for i, t in enumerate(tasks)}
        groups: dict[Handed, list[HandOver]] = {}
        for handed in self._hand_overs:
            groups.setdefault((handed.phase, handed.to, handed.readers), []).append(handed)
        found: list[Received] = []
        for group, states in groups.items():
            phase, to, readers = group
            source = states[0].source
            units = dict.fromkeys(unit for unit, _ in self._meanings(plan.task[tasks[position[to, readers[0]]].name]))
            way = (plan.cluster[source].repeat, -1, 1, 0, (), ((phase, Cost(0)),))
            pairs = tuple((unit, Option(way[0], (unit,), *way[1:])) for unit in units)
            name = f"{phase}/hand {states[0].state} to {to}"
            for handed in states:
                dtype = plan.graph.value[handed.value].dtype
                size = self._table(Spread(handed.elements), dtype, phase)
                p = next(i for i, known in enumerate(plan.phases) if known.name == phase)
                nets.append(pb.Net(position[phase, handed.source], (first + len(found),), size, p))
            found.append((group, Task(name, source, phase), pairs))
        return found

    def _meanings(self, task: Task) -> tuple[tuple[str, Option], ...]:
        return self._pairs(self.plan.cluster[task.cluster].repeat, task.phase)

    def _pairs(self, repeat: str, phase: str) -> tuple[tuple[str, Option], ...]:
        """The ways of a class, once for all of its tasks."""
        if (repeat, phase) not in self.pairs:
            pairs = [(u, o) for o in self.plan.options_of[repeat] if o.serves(phase) for u in o.units]
            pairs.sort(key=lambda p: (self.rank[p[0]], p[1].source, p[1].replicas, p[1].shard))
            self.pairs[repeat, phase] = tuple(pairs)
        return self.pairs[repeat, phase]

    def _ways(self, cluster: Cluster, phase: str) -> list[_Way]:
        """The same, priced."""
        key = (cluster.repeat, phase)
        if key not in self.ways:
            self.ways[key] = [self._way(cluster, phase, *pair) for pair in self._pairs(*key)]
        return self.ways[key]

    def _way(self, cluster: Cluster, phase: str, unit: str, option: Option) -> _Way:
        price = self.prices.of(cluster, phase, unit, option)
        own = OWN in price.engine
        loads = price.loads(-1 if own else self.resources[price.engine])
        row = pb.Option(price.name, price.place, price.ticks, price.machine, loads, price.cost, takes=price.takes)
        return _Way(self.plan.target.unit[unit], option, price, own, row)

    def _option(self, cluster: Cluster, way: _Way) -> pb.Option:
        """An option of a task: priced once for all tasks of its class, with the task's own engine and residents."""
        row, needs = way.row, self._needs(cluster, way.unit, way.option, way.price.weights)
        loads = row.loads
        if way.is_own:
            loads = way.price.loads(self.resources[way.price.engine.replace(OWN, self.plan.holder[cluster.name])])
        elif not needs:
            return row
        return pb.Option(row.name, row.place, row.ticks, row.machine, loads, row.cost, needs, row.takes)

    def _needs(self, cluster: Cluster, unit: Unit, option: Option, weights: str) -> tuple[int, ...]:
        """What lies in memories for a task: the same in every phase."""
        if not weights and not self._states_of[cluster.name]:
            return ()
        key = (cluster.name, unit.name, id(option))
        if key not in self.needs:
            states = states_of(self.plan, cluster, unit, option) if self._states_of[cluster.name] else ()
            kept = [(name, memory, size * unit.copies) for name, memory, size in states]  # a request in each copy
            if weights:
                kept.append(self._weights(cluster, unit, option))
            self.needs[key] = tuple(sorted({self.kept.index(*row) for row in kept}))
        return self.needs[key]

    def _weights(self, cluster: Cluster, unit: Unit, option: Option) -> tuple[str, str, int]:
        """The weights of a cluster that shares none are those of its class under a name of their own."""
        holder, key = self.plan.holder[cluster.name], (unit.name, id(option))
        if len(self.plan.sharers[holder]) > 1:
            return weights_of(self.plan, self.estimator, cluster, unit, option)
        if key not in self.stored:
            self.stored[key] = stored_as(self.plan, self.estimator, cluster, unit, option)
        one = self.stored[key]
        return one.name(self._main[cluster.name], holder), one.memory, one.bytes

    def _nets(self, tasks: tuple[Task, ...]) -> list[pb.Net]:
        plan, graph = self.plan, self.plan.graph
        position = {(t.phase, t.cluster): i for i, t in enumerate(tasks)}
        owner = {op: c.name for c in plan.clusters or () for op in c.ops}
        pasts = {n for s in graph.states for n in (s.past, s.present) if n}
        leaving = set(graph.outputs) - pasts
        nets = []
        for p, phase in enumerate(plan.phases):
            running = plan.ops_of[phase.name]
            for value in graph.values:
                if value.role is Role.WEIGHT or (value.name in pasts and value.name not in graph.producer):
                    continue
                maker = graph.producer.get(value.name)
                if maker and maker.name not in running:
                    continue
                home = owner[maker.name] if maker else ""
                sinks = dict.fromkeys(owner[u.name] for u in graph.users[value.name] if u.name in running)
                sinks.pop(home, None)
                ends = (self.spots[self.places.io],) if value.name in leaving else ()
                if not sinks and not ends:
                    continue
                if maker is None and not sinks:
                    continue
                nets.append(
                    pb.Net(
                        source=position[phase.name, home] if home else -1,
                        sinks=tuple(sorted(position[phase.name, c] for c in sinks)),
                        size=self._size(value.name, phase.name),
                        phase=p,
                        origin=-1 if home else self.spots[self.places.io],
                        ends=ends,
                    )
                )
        return nets

    def _size(self, value: str, phase_name: str) -> int:
        phase = self.plan.phase[phase_name]
        spread = self.spelling.sizes.mean(value, phase)
        dtype = self.plan.graph.value[value].dtype
        peak = (self.spelling.sizes.peak(value, phase), dtype)
        if peak not in self.peaks:
            self.peaks.add(peak)
            for spot in self.spots:
                size = self.spelling.sizes.peak_bytes(value, phase, spot)
                self.room.largest[spot.memory] = max(self.room.largest[spot.memory], size)
        return self._table(spread, dtype, phase_name, self.spelling.sizes.crosses(value))

    def _table(self, spread: Spread, dtype: DType, phase_name: str, crosses: bool = False) -> int:
        """The index of the transfers of a value in each call of a phase."""
        key = (spread, dtype, phase_name, crosses)
        if key not in self.transfers:
            self.transfers[key] = len(self.sizes)
            self.sizes.append(key)
        return self.transfers[key]

    def _tables(
        self, items: Sequence[pb.Item], nets: Sequence[pb.Net]
    ) -> tuple[dict[tuple[int, int], pb.Transfer], ...]:
        """The transfers of each size: between single units all, between the many layouts of teams those that a net can
        need."""
        used = _legs(items, nets, len(self.sizes))
        single = {i for place, i in self.spots.items() if place.layout is Layout.ONE}
        return tuple(
            {
                (i, j): self._transfer(size, a, b)
                for a, i in self.spots.items()
                for b, j in self.spots.items()
                if a != b and ((i, j) in legs or (i in single and j in single)) and self.places.connected(a, b)
            }
            for size, legs in zip(self.sizes, used, strict=True)
        )

    def _transfer(self, size: _Carried, a: Spot, b: Spot) -> pb.Transfer:
        value, dtype, phase, crosses = size
        ticks, cost, calls = 0, 0, self.plan.phase[phase].calls
        loads: dict[int, int] = {}
        for step in self.places.steps(value, dtype, a, b, crosses):
            ticks += step.ticks
            energy = sum(pj for _, pj in step.energy_pj)
            cost += energy
            power = (POWER, power_ticks(self.plan.target, energy))
            for name, busy in (*step.busy, *step.channels, power):
                loads[self.resources[name]] = loads.get(self.resources[name], 0) + calls * busy
        return pb.Transfer(ticks, tuple(sorted((r, t) for r, t in loads.items() if t)), calls * cost)

    def _ties(self, tasks: tuple[Task, ...], receivers: dict[Handed, int]) -> tuple[tuple[int, ...], ...]:
        """Tasks of a phase that touch the same state must leave it in one place, and its receiver takes it there; so
        must those of all phases where none hands anything on."""
        groups: dict[tuple[str, str], list[int]] = {}
        apart = bool(self._hand_overs)
        for i, task in enumerate(tasks):
            for k in self._states_of[task.cluster]:
                groups.setdefault((self.plan.graph.states[k].name, task.phase if apart else ""), []).append(i)
        for handed in self._hand_overs:
            receiver = receivers[handed.phase, handed.to, handed.readers]
            groups[handed.state, handed.to].append(receiver)
        return tuple(sorted({tuple(g) for g in groups.values() if len(g) > 1}))

    @cached_property
    def _states_of(self) -> dict[str, tuple[int, ...]]:
        """By cluster, the positions of the states that it touches."""
        graph = self.plan.graph
        return {
            c.name: tuple(
                sorted(
                    {
                        k
                        for o in c.ops
                        for n in (*graph.op[o].inputs, *graph.op[o].outputs)
                        for k in graph.states_at.get(n, ())
                    }
                )
            )
            for c in self.plan.clusters or ()
        }

    @cached_property
    def _main(self) -> dict[str, str]:
        """By cluster, its largest weight."""
        return {c.name: main_weight(self.plan.graph, c.ops) for c in self.plan.clusters or ()}


def _legs(items: Sequence[pb.Item], nets: Sequence[pb.Net], sizes: int) -> list[set[tuple[int, int]]]:
    """By size, from which place to which other a net of it can go."""
    left = [frozenset(o.place for o in item.options) for item in items]
    read = [frozenset(o.reads_at for o in item.options) for item in items]
    ways: list[dict[tuple[frozenset[int], frozenset[int]], None]] = [{} for _ in range(sizes)]
    for net in nets:
        source = left[net.source] if net.source >= 0 else frozenset((net.origin,))
        for to in (*(read[i] for i in net.sinks), frozenset(net.ends)):
            ways[net.size][source, to] = None
    return [{(a, b) for source, to in pairs for a in source for b in to if a != b} for pairs in ways]
