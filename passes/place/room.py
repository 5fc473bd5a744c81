"""Room: what memories keep free for values that come and go, beside the weights and states that stay.

A call keeps its values in an arena for each phase, at least as large as what one task, or one tile of it, reads and
leaves there. Where a memory might be short, the problem counts that as a thing of several sizes, of which the largest
is kept (`passes.place.kept`): a task that is placed elsewhere asks for no room here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mapper.cost.program import Spelling
from mapper.cost.residency import aligned
from mapper.cost.tiles import least_bytes
from mapper.hw.target import Memory, Unit
from mapper.hw.work import Role
from mapper.ir.plan import Cluster, Option, Task
from mapper.solve.placement import problem as pb
from passes.place.kept import Kept
from passes.place.mending.tiled import MOST_TASKS


class Room:
    """The room for values in each memory of a plan's target. largest: by memory, the most bytes of one value."""

    def __init__(self, spelling: Spelling, kept: Kept) -> None:
        self.spelling, self.plan, self.kept = spelling, spelling.plan, kept
        self.largest = {memory.name: 0 for memory in self.plan.target.memories}
        self._pasts = {n for s in self.plan.graph.states for n in (s.past, s.present) if n}
        self._known: dict[tuple[str, str, str], int] = {}
        # where no search tries tiles, room for whole tasks keeps placements from crowding memories that nothing mends
        self._tiles = not self.plan.goal.counts_time and len(self.plan.tasks or ()) <= MOST_TASKS

    def counted(
        self, items: Sequence[pb.Item], tasks: Sequence[Task], meaning: Sequence[Sequence[tuple[str, Option]]]
    ) -> tuple[list[pb.Item], tuple[int, ...]]:
        """The items, those of tasks with the room for what they read and leave in memories that might be short; and
        each memory's bytes for residents: elsewhere less those for the largest value and a duplicate on its way."""
        short = self._short()
        capacities = tuple(
            m.capacity_bytes if m.name in short else m.capacity_bytes - self._spare(m)
            for m in self.plan.target.memories
        )
        shared: dict[tuple[int, int], pb.Option] = {}
        found = list(items)
        for k, task in enumerate(tasks) if short else ():
            options = []
            for option, (name, _) in zip(items[k].options, meaning[k], strict=True):
                unit = self.plan.target.unit[name]
                if unit.data in short and (need := self._need(task, unit)) >= 0:
                    key = (id(option), need)
                    if key not in shared:
                        shared[key] = replace(option, needs=tuple(sorted({*option.needs, need})))
                    option = shared[key]
                options.append(option)
            found[k] = replace(items[k], options=tuple(options))
        return found, capacities

    @property
    def residents(self) -> frozenset[int]:
        """The residents that stand for the room for values."""
        return self.kept.named(*(_values_of(phase.name) for phase in self.plan.phases))

    def _short(self) -> frozenset[str]:
        """The memories in which not all that may stay fits beside the most that tasks ask for; none where ranks divide
        values."""
        target = self.plan.target
        if target.is_pool or any(unit.ranks > 1 for unit in target.units):
            return frozenset()
        kept = self.kept.bytes()
        return frozenset(
            m.name
            for m in target.memories
            if "activations" in m.holds and kept.get(m.name, 0) + self._spare(m) > m.capacity_bytes
        )

    def _spare(self, memory: Memory) -> int:
        """Room for the largest value and a duplicate of it, in all copies; at most half of the memory."""
        if "activations" not in memory.holds:
            return 0
        largest = self.plan.target.copies_at[memory.name] * self.largest[memory.name]
        return min(memory.capacity_bytes // 2, 2 * largest)

    def _need(self, task: Task, unit: Unit) -> int:
        """The resident that stands for the room that a task's values take at a unit; -1 where they take none."""
        size = self._values_bytes(self.plan.cluster[task.cluster], unit, task.phase)
        return self.kept.index(_values_of(task.phase), unit.data, size) if size else -1

    def _values_bytes(self, cluster: Cluster, unit: Unit, phase_name: str) -> int:
        """Most bytes of what a cluster reads and leaves at a unit in a phase, weights and states apart: of a row, where
        it can be in tiles, as bounds hold for any count of them. All phases ask for no more than what is kept free
        elsewhere."""
        key = (cluster.repeat, unit.name, phase_name)
        if key not in self._known:
            graph, phase, place = self.plan.graph, self.plan.phase[phase_name], self.spelling.places.of(unit)
            touched = {n for op in cluster.ops for n in (*graph.op[op].inputs, *graph.op[op].outputs) if n}
            values = touched - self.spelling.estimator.inside(cluster) - self._pasts
            moved = [n for n in values if graph.value[n].role is not Role.WEIGHT]
            memory = self.plan.target.memory[unit.data]
            whole = sum(self.spelling.sizes.peak_bytes(n, phase, place) for n in moved)
            if self._tiles and (row := least_bytes(self.spelling.estimator, cluster, unit, phase)):
                whole = min(whole, row)
            total = self.plan.target.copies_at[memory.name] * aligned(whole, memory)
            self._known[key] = min(total, self._spare(memory) // len(self.plan.phases))
        return self._known[key]


def _values_of(phase: str) -> str:
    """What the room for a phase's values is kept as."""
    return f"values of phase {phase}"
