"""Decode: a placement on pooled chips, given to the chips one after the other in the order of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from mapper.hw.target import Target, Unit
from mapper.hw.teams import arrangement_of
from mapper.ir.plan import Option, Place, Plan
from mapper.solve import filling, refilling
from mapper.solve.budget import Budget
from mapper.solve.placement import problem as pb
from passes.place.folding.forms import Row, forms
from passes.place.translate import Translation

EVEN = 0.02
"""Stages higher than the mean by this part of it are uneven."""

BUSY = 24
"""Requests in flight for each stage that memory is left for, if there is so much: each has states and buffers, and with
one in each stage a stage waits whenever another takes longer."""


@dataclass(frozen=True)
class Dealt:
    """The stage of each cluster on pools of so many stages, the ticks that the busiest part of a stage takes, and the
    options of tasks that got others than the pooled solution gave them, by position."""

    stage: Mapping[tuple[int, str], int]
    height: int
    options: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Filled:
    stage: Mapping[str, int]
    height: int
    least: int
    options: Mapping[int, int]


@dataclass(frozen=True)
class Stages:
    """Which units and memories of the explicit target make up each one of the pooled target, stage by stage."""

    pooled: Target
    explicit: Target

    @cached_property
    def units(self) -> dict[str, tuple[str, ...]]:
        """By pooled unit, the explicit units of its stages, in the order of the stages: that of the pool's members."""
        holder = {member: unit.name for unit in self.explicit.units for member in members(unit)}
        return {u.name: tuple(dict.fromkeys(holder[m] for m in members(u))) for u in self.pooled.units}

    @cached_property
    def memories(self) -> dict[str, tuple[str, ...]]:
        """By pooled memory, the explicit memories of its stages."""
        found: dict[str, tuple[str, ...]] = {}
        for unit in self.pooled.units:
            parts = [self.explicit.unit[name] for name in self.units[unit.name]]
            found[unit.data] = tuple(dict.fromkeys(part.data for part in parts))
            for source, memory in enumerate(unit.weights):
                found[memory] = tuple(dict.fromkeys(part.weights[source] for part in parts))
        return found

    @property
    def counts(self) -> tuple[int, ...]:
        """How many stages the pooled units have."""
        return tuple(sorted({len(units) for units in self.units.values()}))


def members(unit: Unit) -> tuple[str, ...]:
    """The units of the original target that a unit stands for."""
    return unit.team.members if unit.team else (unit.name,)


@dataclass(frozen=True)
class Decoder:
    """Gives a pooled solution's tasks to stages so that no stage is much busier than another.

    pooled: the plan on the pooled target with its options; t: its problem, or a restriction of it, and solution: what
    to decode; explicit: the target with its stages; capacities: those of the whole problem, if t has less. in_line:
    stages are filled one after the other as far as memory allows (what a request alone wants), instead of evenly.
    """

    pooled: Plan
    t: Translation
    solution: pb.Solution
    explicit: Target
    copies: int = 1
    in_line: bool = False
    capacities: tuple[int, ...] = ()

    @cached_property
    def stages(self) -> Stages:
        """The stages of each pooled unit."""
        return Stages(self.pooled.target, self.explicit)

    def dealt(self, budget: Budget) -> Dealt | None:
        """A stage for each cluster; None when no stages were found that hold everything."""
        stage: dict[tuple[int, str], int] = {}
        options: dict[int, int] = {}
        height = 0
        for count in self.stages.counts:
            flows = (count, 1) if self.in_line else (BUSY * count, count, 1)
            found: _Filled | None = None
            for n in flows:  # room for fewer requests where that makes the stages much more even
                other = self._filled(count, n, budget)
                if other is not None and (found is None or other.height < found.height * (1 - EVEN)):
                    found = other
                if found is not None and (found.height <= found.least * (1 + EVEN) or _Pieces(self, count, n).roomy):
                    break
            if found is None:
                return None
            stage |= {(count, cluster): at for cluster, at in found.stage.items()}
            options |= found.options
            height = max(height, found.height)
        return Dealt(stage, height, options)

    def placement(self, dealt: Dealt, explicit: Plan) -> tuple[Place, ...] | None:
        """Each task on its stage's unit, in the way the pooled solution says; with fewer copies of its weights where
        the unit has no room for so many. explicit: the plan on the explicit target, with its options."""
        places = []
        for i, task in enumerate(explicit.tasks or ()):  # receivers stand behind
            pool, wanted = self.t.meaning[i][dealt.options.get(i, self.solution.choice[i])]
            units = self.stages.units[pool]
            unit = units[dealt.stage[len(units), task.cluster]]
            ways = [
                o
                for o in explicit.options_of[explicit.cluster[task.cluster].repeat]
                if unit in o.units
                and (o.source, o.shard) == (wanted.source, wanted.shard)
                and o.replicas <= wanted.replicas
                and o.serves(task.phase)
            ]
            if not ways:
                return None
            option = max(ways, key=lambda o: o.replicas)
            weights = explicit.target.unit[unit].weights[option.source] if option.source >= 0 else ""
            tiles = option.least_tiles(task.phase)
            places.append(Place(task.name, unit, weights, option.replicas, option.shard, tiles=tiles))
        return tuple(places)

    @cached_property
    def _chosen(self) -> list[tuple[str, Option]]:
        """The pooled unit and the option of each task."""
        return [self.t.meaning[i][self.solution.choice[i]] for i in range(len(self.t.tasks))]

    def count(self, i: int) -> int:
        """How many stages the pool has that runs task i."""
        return len(self.stages.units[self._chosen[i][0]])

    @cached_property
    def _groups(self) -> list[list[int]]:
        """Tasks that must lie together, as positions, in the order of the model: those of a cluster, and of clusters
        that share a state."""
        first: dict[str, int] = {}
        parent = list(range(len(self.t.tasks)))

        def root(i: int) -> int:
            while parent[i] != i:
                parent[i] = parent[parent[i]]
                i = parent[i]
            return i

        for i, task in enumerate(self.t.tasks):
            parent[root(i)] = root(first.setdefault(task.cluster, i))
        for tie in self.t.problem.ties:
            for i in tie:
                if i < len(parent):
                    a, b = sorted((root(i), root(tie[0])))
                    parent[b] = a
        found: dict[int, list[int]] = {}
        for i in range(len(parent)):
            found.setdefault(root(i), []).append(i)
        return [found[i] for i in sorted(found)]

    def least(self) -> int:
        """A height that no dealing with the options of the solution stays below, told without dealing."""
        groups = {count: self._on(count) for count in self.stages.counts}
        problems = (self._problem(mine, _Pieces(self, count, 1)) for count, mine in groups.items() if mine)
        return max(map(filling.bound, problems), default=0)

    def _on(self, count: int) -> list[list[int]]:
        """What lies together of the tasks on pools of so many stages."""
        return [inside for group in self._groups if (inside := [i for i in group if self.count(i) == count])]

    def _problem(self, groups: Sequence[Sequence[int]], piece: _Pieces) -> filling.Problem:
        """The stages as bins for groups of tasks."""
        rows = [piece.taken(group, [self.solution.choice[i] for i in group]) for group in groups]
        kinds = {row: k for k, row in enumerate(dict.fromkeys(rows))}
        return filling.Problem(
            tuple(kinds[row] for row in rows),
            tuple(load for load, _ in kinds),
            tuple(size for _, size in kinds),
            piece.capacities,
            piece.count,
        )

    def _filled(self, count: int, inflight: int, budget: Budget) -> _Filled | None:
        """The stages of the clusters on pools of so many stages; inflight: for how many requests of each copy the
        stages keep room."""
        mine = self._on(count)
        if not mine:
            return _Filled({}, 0, 0, {})
        piece = _Pieces(self, count, inflight)
        problem = self._problem(mine, piece)
        bins = filling.fill(problem, budget)
        if not self.in_line and count > 1:
            found = self._refilled(mine, piece, bins, filling.bound(problem))
            if found is not None:
                return found
        if bins is None:
            return None
        stage = {self.t.tasks[i].cluster: at for group, at in zip(mine, bins, strict=True) for i in group}
        return _Filled(stage, filling.height(problem, bins), filling.bound(problem), {})

    def _refilled(
        self, groups: Sequence[Sequence[int]], piece: _Pieces, bins: Sequence[int] | None, least: int
    ) -> _Filled | None:
        """The stages of the groups where they may take other options than the pooled solution's, from a filling or, as
        there is none, from even stretches; None where nothing was found that fits."""
        choice = self.solution.choice
        known = forms(self.t, choice, groups, piece.taken, piece.row, piece.capacities, piece.count)
        start = np.zeros((piece.count, len(known.combinations)), dtype=np.int64)
        even = bins if bins is not None else [k * piece.count // len(groups) for k in range(len(groups))]
        np.add.at(start, (np.array(even, dtype=np.int64), np.array(known.present, dtype=np.int64)), 1)
        counts = refilling.refilled(known.problem, start)
        if counts is None:
            return None
        stage: dict[str, int] = {}
        options: dict[int, int] = {}
        dealt = refilling.dealt(known.problem.family, known.families, counts)
        for group, (at, form) in zip(groups, dealt, strict=True):
            stage |= {self.t.tasks[i].cluster: at for i in group}
            options |= dict(zip(group, known.combinations[form], strict=True))
        return _Filled(stage, refilling.height(known.problem, counts), least, options)


class _Pieces:
    """What tasks take of the stages of pools of one count: ticks by resource and bytes by memory, in whole stages."""

    def __init__(self, decoder: Decoder, count: int, inflight: int) -> None:
        t, stages = decoder.t, decoder.stages
        self.problem, self.meaning, self.inflight = t.problem, t.meaning, inflight
        self.stages = {name: len(units) for name, units in stages.units.items()}
        self.count, self.copies, self.in_line = count, decoder.copies, decoder.in_line
        self.kept = arrangement_of(decoder.pooled.target).copies  # the pool keeps as much as so many copies
        memories = [m for m, parts in stages.memories.items() if len(parts) == count]
        names = {*memories, *(u for u, parts in stages.units.items() if len(parts) == count)}
        self.resources = [r for r, name in enumerate(self.problem.resources) if name in names]
        self.memories = [m for m, name in enumerate(self.problem.memories) if name in memories]
        pasts = {n for s in decoder.pooled.graph.states for n in (s.name, s.past, s.present) if n}
        self.states = {k for k, r in enumerate(self.problem.residents) if r.name.rpartition(" in ")[0] in pasts}
        self.capacities = tuple(self._capacity(decoder, m) for m in self.memories)

    def _capacity(self, decoder: Decoder, m: int) -> int:
        """Bytes of one stage: what its memory has, less the room for values that the pooled problem keeps free, for as
        many requests as are in a stage at once."""
        name = self.problem.memories[m]
        kept = decoder.pooled.target.memory[name].capacity_bytes - (decoder.capacities or self.problem.capacities)[m]
        one = decoder.explicit.memory[decoder.stages.memories[name][0]].capacity_bytes
        flows = max(1, self.inflight // self.count)
        return max(0, one - min(one // 2, kept * self.copies // self.kept * flows))

    @property
    def roomy(self) -> bool:
        """Whether one stage could keep everything that any option needs: fewer requests make nothing more even then."""
        return all(
            sum(self._kept(k) for k, r in enumerate(self.problem.residents) if r.memory == m) <= capacity
            for m, capacity in zip(self.memories, self.capacities, strict=True)
        )

    def _kept(self, k: int) -> int:
        """Bytes of a resident in a stage."""
        many = self.inflight if k in self.states else 1
        return self.problem.residents[k].bytes * self.copies * many // self.kept

    def row(self, group: Sequence[int], choice: Sequence[int]) -> Row | None:
        """What tasks that lie together take with these options; None where one is elsewhere or fits no stage."""
        if any(self.stages[self.meaning[i][o][0]] != self.count for i, o in zip(group, choice, strict=True)):
            return None
        loads, sizes = self.taken(group, choice)
        return (loads, sizes) if all(s <= c for s, c in zip(sizes, self.capacities, strict=True)) else None

    def taken(self, group: Sequence[int], choice: Sequence[int]) -> Row:
        """Ticks by resource, bytes by memory, of tasks that lie together, with these options."""
        loads, needs = dict.fromkeys(self.resources, 0), set[int]()
        for i, o in zip(group, choice, strict=True):
            option = self.problem.items[i].options[o]
            needs.update(option.needs)
            for r, ticks in option.loads:
                if r in loads and not self.in_line:
                    loads[r] += ticks * self.count
        sizes = dict.fromkeys(self.memories, 0)
        for k in needs:
            memory = self.problem.residents[k].memory
            if memory in sizes:
                sizes[memory] += self._kept(k)
        return tuple(loads.values()), tuple(sizes.values())
