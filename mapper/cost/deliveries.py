"""How values get to where they are read, while a program is being written: moves and casts, each as it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mapper.cost.activity import Activity
from mapper.cost.engines import POWER, power_ticks
from mapper.cost.pieces import Pieces, Sizes
from mapper.cost.places import Place, Places, Step
from mapper.cost.tiles import Tile
from mapper.errors import InvalidPlan
from mapper.ir.graph import Phase
from mapper.ir.plan import Plan, Task


class Deliveries:
    """The activities of a phase so far, and where each value, or piece of one, already lies."""

    def __init__(self, plan: Plan, phase: Phase, places: Places, sizes: Sizes) -> None:
        self.plan, self.phase, self.places = plan, phase, places
        self.pieces = Pieces(sizes, phase)
        self.activities: list[Activity] = []
        self.at: dict[str, dict[Place, int]] = {}  # value -> place -> index of the activity that left it, -1 = given
        self.home: dict[str, Place] = {}
        self.lying: dict[str, dict[Place, int]] = {}  # as `at`, with where a value lay on its way, if not given
        self.under: dict[tuple[str, Place], str] = {}  # where a piece lies as part of the whole: the whole
        self.given: dict[tuple[str, str], int] = {}
        self.capacities: dict[str, int] = {}
        self.sets: dict[str, int] = {}

    def _find(self, label: str) -> dict[Place, int]:
        """Where a value or a piece of one lies: pieces of a whole lie where it does."""
        if label in self.at:
            return self.at[label]
        if self.pieces.is_cut(label):
            whole = self.pieces.value(label)
            self.at[label], self.home[label] = dict(self._find(whole)), self.home[whole]
            self.lying[label] = dict(self.lying.get(whole, {}))
            self.under.update({(label, place): whole for place in (*self.at[label], *self.lying[label])})
            return self.at[label]
        if label in self.plan.graph.producer:
            raise InvalidPlan(
                f"'{label}' is needed before a task of phase '{self.phase.name}' makes it", rule="tasks-complete"
            )
        io = self.places.io
        self.at[label], self.home[label] = {io: -1}, io
        if size := self.size(label, io):
            self.given[label, io.memory] = size
        return self.at[label]

    def bring(self, label: str, to: Place) -> int:
        """The activity after which a value, or a piece of one, lies in `to` (moves and casts are written when needed),
        -1 if given."""
        known = self._find(label)
        if to in known:
            return known[to]
        source = self.home[label]
        if not self.places.connected(source, to):
            raise InvalidPlan(f"'{label}' cannot get from {source} to {to}: no route", rule="routes")
        known[to] = self.carry(label, label, source, to, known[source])
        return known[to]

    def carry(self, label: str, what: str, source: Place, to: Place, last: int) -> int:
        """Write the steps that bring a value or a piece of one, there after activity `last`; the last of them."""
        read = self.under.get((label, source), label)
        steps = self.pieces.steps(label, source, to)
        for step in steps:
            last = self.add_step(f"{step.kind} {what}", label, step, to, last, self.size(label, step.to), read)
            self.under.pop((label, step.to), None)
            read = label
        if not steps:  # it lies there as it is
            self.under[label, to] = read
        return last

    def bring_late(self, name: str, to: Place, task: Task, others: Sequence[int], tile: Tile | None) -> int:
        """The activity after which a copy of the value for this task lies in `to`. It sets out when the task's other
        operands do: when those that are moved can be, and the rest are there.

        The first copy comes from where the value was made, as in time; a further one from the nearest other memory,
        after the first was there: no load or path is less than that of a value brought once.
        """
        known = self._find(name) if self.pieces.is_cut(name) else self.at.get(name, {})
        source = self._nearest(name, to) if to in known else self.home.get(name)
        if source is None or not self.places.connected(source, to):
            text = f"'{name}' cannot come late to '{task.name}' in {to}: it lies in no other memory before"
            raise InvalidPlan(text, rule="placement-late")
        moves = [i for i in others if self.activities[i].kind != "task"]
        waits = {j for i in moves for j in self.activities[i].after} | set(others).difference(moves)
        first = len(self.activities)
        own = tile is not None and name.endswith(f"{tile}")  # other tiles may read the same piece, or the same whole
        what = f"{name} late for {task.cluster}" + (f"{tile}" if tile and not own else "")
        last = self.carry(name, what, source, to, self.lying[name][source])
        for made in self.activities[first : first + 1]:
            before = {known[to]} if to in known else set()
            self.activities[first] = replace(made, after=tuple(sorted({*made.after, *waits, *before})))
        known[to] = last
        return last

    def _nearest(self, name: str, to: Place) -> Place | None:
        """Where in another memory the value lies, at least as wide as in `to` or as it was made, soonest brought."""
        dtype = self.plan.graph.value[self.pieces.value(name)].dtype

        def ticks(a: Place) -> int:
            return sum(step.ticks for step in self.pieces.steps(name, a, to))

        kept = [
            a
            for a in self.lying.get(name, {})
            if a.memory != to.memory and self.places.connected(a, to)
            if not dtype.is_float or a == self.home[name] or a.dtype.bits >= to.dtype.bits
        ]
        return min(kept, key=ticks, default=None)

    def add_step(self, what: str, name: str, step: Step, to: Place, last: int, size: int, read: str) -> int:
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
                energy_pj=summed(step.energy_pj),
                after=(last,) if last >= 0 else (),
                makes=(moved,) if size else (),
                reads=((last, read),) if size else (),
                bytes=step.bytes,
            )
        )
        self.lying.setdefault(name, {})[step.to] = len(self.activities) - 1
        return len(self.activities) - 1

    def size(self, name: str, place: Place) -> int:
        """Peak bytes of a value, or of a piece of one, at a place in this phase."""
        return self.pieces.bytes(name, place)


def summed(energy: Sequence[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Energies by cause, equal causes together."""
    sums: dict[str, int] = {}
    for cause, pj in energy:
        sums[cause] = sums.get(cause, 0) + pj
    return tuple(sorted(sums.items()))
