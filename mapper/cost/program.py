"""What must happen in one call of a phase: tasks, casts and moves with their order, resources and energy.

This is the plan spelled out. Who decides when (the schedule pass) and who judges (the replay) both start from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mapper.cost.engines import POWER, Engine, channel_share, engine_of, power_ticks
from mapper.cost.estimate import Estimator
from mapper.cost.handover import HandOver, hand_overs
from mapper.cost.places import Place, Places, Step
from mapper.cost.shards.spread import Spread
from mapper.errors import InvalidPlan
from mapper.hw.target import Unit
from mapper.hw.work import Cost, Role
from mapper.ir.graph import Phase
from mapper.ir.plan import Option, Plan, Task


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that takes time.

    where: the unit, or the route of a move. ticks: start to result; hold: ticks during which it holds its resources.
    exclusive: (resource, amount). channels: (memory, share of CHANNEL). loads: ticks per call by resource, which the
    steady state must fit. after: activities whose results it needs. makes: (value, memory, bytes) left by it; reads:
    (maker, value) it uses, where maker is the index of the activity that left it, -1 for a graph input.
    """

    name: str
    kind: str
    where: str
    ticks: int
    hold: int
    exclusive: tuple[tuple[str, int], ...]
    channels: tuple[tuple[str, int], ...]
    loads: tuple[tuple[str, int], ...]
    energy_pj: tuple[tuple[str, int], ...]
    after: tuple[int, ...]
    makes: tuple[tuple[str, str, int], ...]
    reads: tuple[tuple[int, str], ...]
    bytes: int = 0
    share: float = 1.0
    limited_by: str = ""
    band: float = 0.0
    validated: bool = False
    energy_band: float = 0.0
    energy_validated: bool = False


@dataclass(frozen=True)
class Program:
    """The activities of one call of a phase, in an order in which each comes after what it needs; and what must be in
    each memory from before the call (graph inputs: (value, memory, bytes)). kept: (maker, value) that stay until the
    end of the call: the graph's outputs in the io memory. capacities are those that one call may use; of the resources
    in `sets` several requests can have as much each, since copies of a team serve different ones."""

    phase: str
    activities: tuple[Activity, ...]
    given: tuple[tuple[str, str, int], ...]
    kept: tuple[tuple[int, str], ...]
    capacities: tuple[tuple[str, int], ...]
    sets: tuple[tuple[str, int], ...] = ()

    @cached_property
    def index(self) -> dict[str, int]:
        """Positions of activities by name."""
        return {a.name: i for i, a in enumerate(self.activities)}


class Spelling:
    """Turns a plan with a placement into programs."""

    def __init__(self, plan: Plan, estimator: Estimator | None = None) -> None:
        self.plan = plan
        self.estimator = estimator or Estimator(plan.target, plan.graph, plan.phases, plan.precision)
        self.places = Places(plan.target, self.estimator)
        self._peaks: dict[tuple[str, str], Spread] = {}

    def programs(self) -> tuple[Program, ...]:
        """One program for each phase; written once."""
        return self._programs

    @cached_property
    def _programs(self) -> tuple[Program, ...]:
        return tuple(self._program(phase) for phase in self.plan.phases)

    @cached_property
    def task_of(self) -> dict[tuple[str, str], str]:
        """Tasks by phase and cluster."""
        return {(t.phase, t.cluster): t.name for t in self.plan.tasks or ()}

    @cached_property
    def hand_overs(self) -> tuple[HandOver, ...]:
        """The states that phases hand to later ones; none where ranks of teams divide them: these stay."""
        return () if self.estimator.has_teams else hand_overs(self.plan)

    def mean_spread(self, value: str, phase: Phase) -> Spread:
        """Mean number of elements of a value over the phase's samples, and how ranks can divide them."""
        return self.estimator.sharing.spread(value, phase.name, divides=self.estimator.has_teams)

    def peak_bytes(self, value: str, phase: Phase, place: Place) -> int:
        """Most bytes that a value takes at a place over the phase's samples, on all ranks that it lies with."""
        dtype = self.plan.graph.value[value].dtype
        return self.places.bytes(self.peak_spread(value, phase), place.dtype if dtype.is_float else dtype, place)

    def peak_spread(self, value: str, phase: Phase) -> Spread:
        """The largest number of elements of a value over the phase's samples, and how ranks can divide them."""
        key = (value, phase.name)
        if key not in self._peaks:
            self._peaks[key] = self.estimator.sharing.peak(value, phase.name, divides=self.estimator.has_teams)
        return self._peaks[key]

    def engine(self, task: Task) -> tuple[Engine, Option]:
        """The engine that runs a placed task, and the option it was placed with."""
        place, option = self.plan.place[task.name], self.plan.chosen(task.name)
        unit = self.plan.target.unit[place.unit]
        return self._engine(unit.name, self.plan.holder[task.cluster], option, task.phase), option

    def _engine(self, unit: str, cluster: str, option: Option, phase: str) -> Engine:
        single = option
        if option.replicas > 1:
            same = self.plan.options_of[option.repeat]
            key = (option.units, option.source, option.shard)
            single = next(o for o in same if (o.units, o.source, o.shard) == key and o.replicas == 1)
        return engine_of(self.estimator, self.plan.target.unit[unit], cluster, option, single, phase)

    def _program(self, phase: Phase) -> Program:
        draft = _Draft(self, phase)
        for task in self.plan.tasks or ():
            if task.phase == phase.name:
                draft.add_task(task)
        for handed in self.hand_overs:
            if handed.phase == phase.name:
                draft.hand_over(handed)
        draft.return_outputs()
        return draft.finish()


class _Draft:
    """A program being written: knows where each value already lies."""

    def __init__(self, spelling: Spelling, phase: Phase) -> None:
        self.s, self.plan, self.phase = spelling, spelling.plan, phase
        self.activities: list[Activity] = []
        self.at: dict[str, dict[Place, int]] = {}  # value -> place -> index of the activity that left it, -1 = given
        self.home: dict[str, Place] = {}
        self.lying: dict[str, dict[Place, int]] = {}  # as `at`, with where a value lay on its way, if not given
        self.tasks: dict[str, int] = {}  # cluster -> index of its task
        self.given: dict[tuple[str, str], int] = {}
        self.capacities: dict[str, int] = {}
        self.sets: dict[str, int] = {}
        self.pasts = {n for s in self.plan.graph.states for n in (s.past, s.present) if n}

    def add_task(self, task: Task) -> None:
        """Write the moves and casts that the task needs, then the task."""
        plan, graph = self.plan, self.plan.graph
        cluster = plan.cluster[task.cluster]
        unit = plan.target.unit[plan.place[task.name].unit]
        engine, option = self.s.engine(task)
        cost = option.cost(task.phase)
        here, left = self.s.places.of(unit, option.takes), self.s.places.of(unit, option.leaves)
        inside = self.s.estimator.inside(cluster)
        after: list[int] = []
        reads: list[tuple[int, str]] = []
        ops = [graph.op[name] for name in cluster.ops]
        made = {n for op in ops for n in op.outputs if n}
        late = set(plan.place[task.name].late)
        operands = dict.fromkeys(n for op in ops for n in op.inputs if n and n not in made)
        for name in sorted(operands, key=late.__contains__):  # those in time first, in order
            value = graph.value[name]
            if value.role is Role.WEIGHT or (name in self.pasts and name not in graph.producer):
                continue
            ready = self.bring_late(name, here, task, after) if name in late else self.bring(name, here)
            if ready >= 0:
                after.append(ready)
            if self.size(name, here):
                reads.append((ready, name))
        makes = []
        for name in dict.fromkeys(n for op in ops for n in op.outputs if n and n not in inside):
            self.at[name] = {left: len(self.activities)}
            self.home[name] = left
            self.lying[name] = {left: len(self.activities)}
            if name not in self.pasts and (size := self.size(name, left)):
                makes.append((name, left.memory, size))
        self.tasks[task.cluster] = len(self.activities)
        self.capacities[engine.name] = engine.of_request
        self.sets[engine.name] = engine.copies
        channels, loads = self._traffic(task, cost)
        loads[engine.name] = loads.get(engine.name, 0) + engine.load(cost.ticks)
        energy = _sorted((*cost.energy_pj, *self._memory_energy(task, cost)))
        loads[POWER] = power_ticks(self.plan.target, sum(pj for _, pj in energy))
        self.activities.append(
            Activity(
                name=task.name,
                kind="task",
                where=unit.name,
                ticks=cost.ticks,
                hold=cost.ticks,
                exclusive=((engine.name, engine.used),),
                channels=tuple((m, s) for m, s in sorted(channels.items()) if s),
                loads=tuple(sorted((r, t) for r, t in loads.items() if t)),
                energy_pj=energy,
                after=tuple(sorted(set(after))),
                makes=tuple(makes),
                reads=tuple(reads),
                bytes=cost.data_bytes + cost.weight_bytes,
                share=cost.share,
                limited_by=cost.limited_by,
                band=cost.band,
                validated=cost.validated,
                energy_band=cost.energy_band,
                energy_validated=cost.energy_validated,
            )
        )

    def _memories(self, task: Task, cost: Cost) -> list[tuple[str, int]]:
        place = self.plan.place[task.name]
        unit = self.plan.target.unit[place.unit]
        return [(unit.data, cost.data_bytes), *([(place.weights, cost.weight_bytes)] if place.weights else [])]

    def _traffic(self, task: Task, cost: Cost) -> tuple[dict[str, int], dict[str, int]]:
        channels: dict[str, int] = {}
        loads: dict[str, int] = {}
        for memory, size in self._memories(task, cost):
            bandwidth = self.plan.target.memory[memory].bandwidth_bytes_per_s
            channels[memory] = min(1000, channels.get(memory, 0) + channel_share(size, cost.ticks, bandwidth))
            loads[memory] = loads.get(memory, 0) + round(size / bandwidth * 1e12)
        return channels, {m: t for m, t in loads.items() if t}

    def _memory_energy(self, task: Task, cost: Cost) -> list[tuple[str, int]]:
        found = []
        for memory, size in self._memories(task, cost):
            pj = round(8 * size * self.plan.target.memory[memory].energy_pj_per_bit)
            if pj:
                found.append((f"memory {memory}", pj))
        return found

    def bring(self, name: str, to: Place) -> int:
        """The activity after which the value lies in `to` (moves and casts are written when needed), -1 if given."""
        if name not in self.at:
            if name in self.plan.graph.producer:
                raise InvalidPlan(
                    f"'{name}' is needed before a task of phase '{self.phase.name}' makes it", rule="tasks-complete"
                )
            io = self.s.places.io
            self.at[name], self.home[name] = {io: -1}, io
            if size := self.size(name, io):
                self.given[name, io.memory] = size
        known = self.at[name]
        if to in known:
            return known[to]
        value, source = self.plan.graph.value[name], self.home[name]
        if not self.s.places.connected(source, to):
            raise InvalidPlan(f"'{name}' cannot get from {source} to {to}: no route", rule="routes")
        last = known[source]
        for step in self.s.places.steps(self.s.mean_spread(name, self.phase), value.dtype, source, to):
            last = self._add_step(f"{step.kind} {name}", name, step, to, last, self.size(name, step.to))
        known[to] = last
        return last

    def bring_late(self, name: str, to: Place, task: Task, others: Sequence[int]) -> int:
        """The activity after which a copy of the value for this task lies in `to`. It sets out when the task's other
        operands do: when those that are moved can be, and the rest are there.

        The first copy comes from where the value was made, as in time; a further one from the nearest other memory,
        after the first was there: no load or path is less than that of a value brought once.
        """
        known = self.at.get(name, {})
        source = self._nearest(name, to) if to in known else self.home.get(name)
        if source is None or not self.s.places.connected(source, to):
            text = f"'{name}' cannot come late to '{task.name}' in {to}: it lies in no other memory before"
            raise InvalidPlan(text, rule="placement-late")
        moves = [i for i in others if self.activities[i].kind != "task"]
        waits = {j for i in moves for j in self.activities[i].after} | set(others).difference(moves)
        last, first = self.lying[name][source], len(self.activities)
        dtype = self.plan.graph.value[name].dtype
        for step in self.s.places.steps(self.s.mean_spread(name, self.phase), dtype, source, to):
            what = f"{step.kind} {name} late for {task.cluster}"
            last = self._add_step(what, name, step, to, last, self.size(name, step.to))
        for made in self.activities[first : first + 1]:
            before = {known[to]} if to in known else set()
            self.activities[first] = replace(made, after=tuple(sorted({*made.after, *waits, *before})))
        known[to] = last
        return last

    def _nearest(self, name: str, to: Place) -> Place | None:
        """Where in another memory the value lies, at least as wide as in `to` or as it was made, soonest brought."""
        dtype, spread = self.plan.graph.value[name].dtype, self.s.mean_spread(name, self.phase)

        def ticks(a: Place) -> int:
            return sum(step.ticks for step in self.s.places.steps(spread, dtype, a, to))

        kept = [
            a
            for a in self.lying.get(name, {})
            if a.memory != to.memory and self.s.places.connected(a, to)
            if not dtype.is_float or a == self.home[name] or a.dtype.bits >= to.dtype.bits
        ]
        return min(kept, key=ticks, default=None)

    def hand_over(self, handed: HandOver) -> None:
        """Write what sends a state to where the next phase keeps it; it lands where room is kept for it."""
        units = (self._unit(self.phase.name, handed.source), self._unit(handed.to, handed.readers[0]))
        source, to = map(self.s.places.of, units)
        if source == to:
            return
        if not self.s.places.connected(source, to):
            raise InvalidPlan(f"state '{handed.state}' cannot get from {source} to {to}: no route", rule="routes")
        last, dtype = self.tasks[handed.source], self.plan.graph.value[handed.value].dtype
        for step in self.s.places.steps(Spread(handed.elements), dtype, source, to):
            last = self._add_step(f"hand over {handed.state} by {step.kind}", handed.value, step, to, last, 0)

    def _unit(self, phase: str, cluster: str) -> Unit:
        return self.plan.target.unit[self.plan.place[self.s.task_of[phase, cluster]].unit]

    def _add_step(self, what: str, name: str, step: Step, to: Place, last: int, size: int) -> int:
        for resource in step.exclusive:
            self.capacities.setdefault(resource, 1)
            self.sets[resource] = min(step.copies, self.sets.get(resource, step.copies))
        loads = dict(step.busy)
        for memory, ticks in step.channels:
            loads[memory] = loads.get(memory, 0) + ticks
        channels: dict[str, int] = {}
        for memory, ticks in step.channels:
            share = min(1000, round(1000 * ticks / step.hold)) if step.hold else 0
            channels[memory] = min(1000, channels.get(memory, 0) + share)
        loads[POWER] = power_ticks(self.plan.target, sum(pj for _, pj in step.energy_pj))
        moved = (name, step.to.memory, size)
        self.activities.append(
            Activity(
                name=f"{self.phase.name}/{what} -> {step.to}" + (f" for {to}" if step.to != to else ""),
                kind=step.kind,
                where=step.where,
                ticks=step.ticks,
                hold=step.hold,
                exclusive=tuple((r, 1) for r in step.exclusive),
                channels=tuple((m, s) for m, s in sorted(channels.items()) if s),
                loads=tuple(sorted((r, t) for r, t in loads.items() if t)),
                energy_pj=_sorted(step.energy_pj),
                after=(last,) if last >= 0 else (),
                makes=(moved,) if size else (),
                reads=((last, name),) if size else (),
                bytes=step.bytes,
            )
        )
        self.lying.setdefault(name, {})[step.to] = len(self.activities) - 1
        return len(self.activities) - 1

    def size(self, name: str, place: Place) -> int:
        """Peak bytes of a value at a place in this phase."""
        return self.s.peak_bytes(name, self.phase, place)

    def return_outputs(self) -> None:
        """Bring graph outputs (not states, which stay) to the io memory."""
        for name in self.plan.graph.outputs:
            if name not in self.pasts and name in self.at:
                self.bring(name, self.s.places.io)

    def finish(self) -> Program:
        """The program; memory channels get their capacity."""
        for activity in self.activities:
            for memory, _ in activity.channels:
                self.capacities[memory] = 1000
        io = self.s.places.io
        kept = [(self.at[n][io], n) for n in self.plan.graph.outputs if n not in self.pasts and n in self.at]
        given = tuple((n, m, size) for (n, m), size in sorted(self.given.items()))
        return Program(
            self.phase.name,
            tuple(self.activities),
            given,
            tuple(kept),
            tuple(sorted(self.capacities.items())),
            tuple(sorted((r, n) for r, n in self.sets.items() if n > 1)),
        )


def _sorted(energy: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    sums: dict[str, int] = {}
    for cause, pj in energy:
        sums[cause] = sums.get(cause, 0) + pj
    return tuple(sorted(sums.items()))
