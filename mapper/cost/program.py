"""What must happen in one call of a phase: tasks, casts and moves with their order, resources and energy.

This is the plan spelled out. Who decides when (the schedule pass) and who judges (the replay) both start from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from mapper.cost.activity import Activity, Program
from mapper.cost.deliveries import Deliveries, summed
from mapper.cost.engines import POWER, Engine, channel_share, engine_of, power_ticks
from mapper.cost.estimate import Estimator
from mapper.cost.handover import HandOver, hand_overs
from mapper.cost.pieces import sizes_on
from mapper.cost.shards.spread import Spread
from mapper.cost.tiles import Tile, Tiling, parts_at_least, runs_of, tiling
from mapper.errors import InvalidPlan
from mapper.hw.target import Unit
from mapper.hw.work import Cost, Role
from mapper.ir.graph import Phase
from mapper.ir.plan import Option, Plan, Task

__all__ = ["Activity", "Program", "Spelling"]

_SPELLED = ("target", "phases", "precision", "clusters", "options", "tasks", "placement")
"""All of a plan, beside its graph, that its programs tell."""


class Spelling:
    """Turns a plan with a placement into programs."""

    def __init__(self, plan: Plan, estimator: Estimator | None = None) -> None:
        self.plan = plan
        self.estimator = estimator or Estimator(plan.target, plan.graph, plan.phases, plan.precision)
        self.sizes = sizes_on(self.estimator)
        self.places = self.sizes.places
        self._tilings: dict[str, Tiling] = {}

    def programs(self) -> tuple[Program, ...]:
        """One program for each phase; written once for passes that follow one another."""
        return self._programs

    @cached_property
    def _programs(self) -> tuple[Program, ...]:
        known: tuple[tuple[object, ...], tuple[Program, ...]] | None = self.plan.graph.derived.get("programs")
        asked = tuple(getattr(self.plan, decision) for decision in _SPELLED)
        if known is None or any(a is not b for a, b in zip(known[0], asked, strict=True)):
            known = asked, tuple(self.program(phase) for phase in self.plan.phases)
            self.plan.graph.derived["programs"] = known  # the last ones alone: they may be large
        return known[1]

    @cached_property
    def task_of(self) -> dict[tuple[str, str], str]:
        """Tasks by phase and cluster."""
        return {(t.phase, t.cluster): t.name for t in self.plan.tasks or ()}

    @cached_property
    def hand_overs(self) -> tuple[HandOver, ...]:
        """The states that phases hand to later ones; none where ranks of teams divide them: these stay."""
        return () if self.estimator.has_teams else hand_overs(self.plan)

    def engine(self, task: Task) -> tuple[Engine, Option]:
        """The engine that runs a placed task, and the option it was placed with."""
        place, option = self.plan.place[task.name], self.plan.chosen(task.name)
        unit = self.plan.target.unit[place.unit]
        return self.engine_at(unit.name, self.plan.holder[task.cluster], option, task.phase), option

    def engine_at(self, unit: str, cluster: str, option: Option, phase: str) -> Engine:
        """The engine that would run a cluster, whose weights the one named keeps, on a unit in the option's way."""
        single = option
        if option.replicas > 1:
            same = self.plan.options_of[option.repeat]
            key = (option.units, option.source, option.shard)
            single = next(o for o in same if (o.units, o.source, o.shard) == key and o.replicas == 1)
        return engine_of(self.estimator, self.plan.target.unit[unit], cluster, option, single, phase)

    def program(self, phase: Phase) -> Program:
        """The program of one phase, written anew."""
        draft = _Draft(self, phase)
        tasks = [t for t in self.plan.tasks or () if t.phase == phase.name]
        tilings = {t.name: self.tiling(t) for t in tasks if self.plan.place[t.name].tiles}
        for run in runs_of(tasks, self.plan, tilings):
            draft.add_run(run, tilings)
        for handed in self.hand_overs:
            if handed.phase == phase.name:
                draft.hand_over(handed)
        draft.return_outputs()
        return draft.finish()

    def tiling(self, task: Task) -> Tiling:
        """How a task goes through its rows, of one that is placed with tiles. Raises InvalidPlan where it cannot."""
        if task.name not in self._tilings:
            self._tilings[task.name] = self._tiled(task, self.plan.phase[task.phase])
        return self._tilings[task.name]

    def _tiled(self, task: Task, phase: Phase) -> Tiling:
        plan, place = self.plan, self.plan.place[task.name]
        cluster, unit = plan.cluster[task.cluster], plan.target.unit[place.unit]
        found = tiling(self.estimator, cluster, unit, plan.chosen(task.name), phase, place.tiles)
        if found is None:
            text = f"'{task.name}' cannot go through its rows in {place.tiles} tiles on '{place.unit}'"
            raise InvalidPlan(text, rule="placement-tiles-rows")
        return found


class _Draft(Deliveries):
    """A program being written, task by task."""

    def __init__(self, spelling: Spelling, phase: Phase) -> None:
        super().__init__(spelling.plan, phase, spelling.places, spelling.sizes)
        self.s = spelling
        self.tasks: dict[str, int] = {}  # cluster -> index of its task, or of its last tile
        self.pasts = {n for s in self.plan.graph.states for n in (s.past, s.present) if n}

    def add_run(self, run: Sequence[Task], tilings: Mapping[str, Tiling]) -> None:
        """Write tasks that go through their rows together: tile by tile. What a tile makes is brought on at once to
        where it is read, and a tile sets out after all of the one that is as far before it as there are units to work
        on tiles at once, and one more to bring operands for."""
        tiles = self.plan.place[run[0].name].tiles
        if not tiles:
            self.add_task(run[0])
            return
        ahead = 1 + len({self.plan.place[task.name].unit for task in run})
        done: list[range] = []
        for k in range(tiles):
            first = len(self.activities)
            for task in run:
                self.add_task(task, Tile(k, tiles), tilings[task.name])
                self._send_on(task)
            for i in range(first, len(self.activities)) if k >= ahead else ():
                if all(need < first for need in self.activities[i].after):
                    self._wait(i, done[k - ahead])
            done.append(range(first, len(self.activities)))

    def _send_on(self, task: Task) -> None:
        """Bring what a tile has made to where other tasks read it, in time or, of results, it must end."""
        ends = set(self.plan.graph.outputs).difference(self.pasts)
        for label in [label for label, _, _ in self.activities[self.tasks[task.cluster]].makes]:
            name = self.pieces.value(label)
            for reader in self.readers.get(name, ()):
                place = self.plan.place[reader.name]
                takes = self.plan.chosen(reader.name).takes
                if name not in place.late:
                    self.bring(label, self.places.of(self.plan.target.unit[place.unit], takes))
            if name in ends:
                self.bring(label, self.places.io)

    @cached_property
    def readers(self) -> dict[str, list[Task]]:
        """The tasks of the phase that read each value that another task makes."""
        found: dict[str, list[Task]] = {}
        for task in self.plan.tasks or ():
            ops = [self.plan.graph.op[n] for n in self.plan.cluster[task.cluster].ops] if self._is_here(task) else []
            made = {n for op in ops for n in op.outputs}
            for name in dict.fromkeys(n for op in ops for n in op.inputs if n and n not in made):
                found.setdefault(name, []).append(task)
        return found

    def _is_here(self, task: Task) -> bool:
        return task.phase == self.phase.name

    def _wait(self, i: int, others: Iterable[int]) -> None:
        made = self.activities[i]
        self.activities[i] = replace(made, after=tuple(sorted({*made.after, *others})))

    def add_task(self, task: Task, tile: Tile | None = None, tiling: Tiling | None = None) -> None:
        """Write the moves and casts that the task, or one tile of it, needs, then the task."""
        plan, graph = self.plan, self.plan.graph
        cluster = plan.cluster[task.cluster]
        unit = plan.target.unit[plan.place[task.name].unit]
        engine, option = self.s.engine(task)
        cost = tiling.cost if tiling else option.cost(task.phase)
        here, left = self.places.of(unit, option.takes), self.places.of(unit, option.leaves)
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
            for label in self.pieces.read(name, tile, tiling):
                ready = self.bring_late(label, here, task, after, tile) if name in late else self.bring(label, here)
                if ready >= 0:
                    after.append(ready)
                if self.size(label, here):
                    reads.append((ready, self.under.get((label, here), label)))
        makes = []
        for name in dict.fromkeys(n for op in ops for n in op.outputs if n and n not in inside):
            label = self.pieces.make(name, tile)
            self.at[label] = {left: len(self.activities)}
            self.home[label] = left
            self.lying[label] = {left: len(self.activities)}
            if name not in self.pasts and (size := self.size(label, left)):
                makes.append((label, left.memory, size))
        self.tasks[task.cluster] = len(self.activities)
        self.capacities[engine.name] = engine.of_request
        self.sets[engine.name] = engine.copies
        channels, loads = self._traffic(task, cost)
        loads[engine.name] = loads.get(engine.name, 0) + engine.load(cost.ticks)
        energy = summed((*cost.energy_pj, *self._memory_energy(task, cost)))
        if tile:  # rounded parts are in sum no less than the whole
            whole = option.cost(task.phase)
            loads = dict(parts_at_least(tuple(loads.items()), tuple(self._traffic(task, whole)[1].items()), tile.of))
            energy = parts_at_least(energy, summed((*whole.energy_pj, *self._memory_energy(task, whole))), tile.of)
        loads[POWER] = power_ticks(self.plan.target, sum(pj for _, pj in energy))
        self.activities.append(
            Activity(
                name=f"{task.name}{tile or ''}",
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
                task=task.name,
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

    def hand_over(self, handed: HandOver) -> None:
        """Write what sends a state to where the next phase keeps it; it lands where room is kept for it."""
        units = (self._unit(self.phase.name, handed.source), self._unit(handed.to, handed.readers[0]))
        source, to = map(self.places.of, units)
        if source == to:
            return
        if not self.places.connected(source, to):
            raise InvalidPlan(f"state '{handed.state}' cannot get from {source} to {to}: no route", rule="routes")
        last, dtype = self.tasks[handed.source], self.plan.graph.value[handed.value].dtype
        for step in self.places.steps(Spread(handed.elements), dtype, source, to):
            what = f"hand over {handed.state} by {step.kind}"
            last = self.add_step(what, handed.value, step, to, last, 0, handed.value)

    def _unit(self, phase: str, cluster: str) -> Unit:
        return self.plan.target.unit[self.plan.place[self.s.task_of[phase, cluster]].unit]

    def return_outputs(self) -> None:
        """Bring graph outputs (not states, which stay) to the io memory."""
        for name in self.plan.graph.outputs:
            for label in self.pieces.all(name) if name not in self.pasts else ():
                if label in self.at:
                    self.bring(label, self.places.io)

    def finish(self) -> Program:
        """The program; memory channels get their capacity."""
        for activity in self.activities:
            for memory, _ in activity.channels:
                self.capacities[memory] = 1000
        io = self.places.io
        ends = [x for n in self.plan.graph.outputs if n not in self.pasts for x in self.pieces.all(n) if x in self.at]
        kept = [(self.at[x][io], self.under.get((x, io), x)) for x in ends]
        given = tuple((n, m, size) for (n, m), size in sorted(self.given.items()))
        return Program(
            self.phase.name,
            tuple(self.activities),
            given,
            tuple(kept),
            tuple(sorted(self.capacities.items())),
            tuple(sorted((r, n) for r, n in self.sets.items() if n > 1)),
        )
