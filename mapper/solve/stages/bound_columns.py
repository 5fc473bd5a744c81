"""The column bound: a load is impossible when devices with that load cannot hold all units, by values of the units.

Give every unit a value. If the most valuable sets of the devices at load T are together worth less than all units, no
split has a load of at most T. That holds for any values; the best ones are the duals of the linear program that covers
the units with columns (sets one device can hold), as in cutting stock (Gilmore and Gomory, 1961), whose pricing problem
the layered graph of `bound_layers` solves. Values and loads are integers, so that the proof has no rounding in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from ortools.linear_solver import pywraplp

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.stages.bound_layers import Layers, layers
from mapper.solve.stages.scattered_units import FORBIDDEN, Floats, Ints, Units

VALUE = 2**40
"""What all units are worth together, in the integers of the proof."""

CELLS = 6_000_000
"""Labels whose origin is kept (8 bytes each): rows of the layers times buckets of load."""

MOST_BUCKETS = 4000
FEWEST_BUCKETS = 50

INWARD = 0.6
"""How far the values asked for lie from the program's optimum towards the best values so far (Wentges, 1997)."""

TOLERANCE = 1e-9
"""A column is new to the program when it is worth that much more than believed."""

NEVER = 2**61
"""Added load of taking a unit that cannot be taken."""

SECONDS_PER_STEP = 4e-9
"""Deterministic seconds of one label's step in the kernel, measured."""


class Verdict(StrEnum):
    """What is known of a load: no split has it, columns cover the units at it, or nothing yet."""

    IMPOSSIBLE = "impossible"
    ALLOWED = "allowed"
    GAVE_UP = "gave up"


@dataclass(frozen=True)
class Column:
    """A set of units that a device of a kind can hold, as far as the relaxation knows, from a load of ticks on."""

    kind: int
    units: Ints
    load: int


@dataclass
class Kind:
    """The devices of one class: how many, and what they can hold."""

    units: Units
    index: int
    count: int
    layers: Layers
    added: Ints
    back: Ints
    buckets: int

    def dearest(self, value: Ints, limit: int) -> tuple[int, Ints]:
        """An upper bound of the value of what one device can hold at the limit, and the units it was read from."""
        from mapper.solve.stages.bound_kernels import most_valuable

        width = max(1, -(-(limit + 1) // self.buckets))
        found = self.layers
        best, chosen = most_valuable(
            found.offsets, found.target, self.added, value[found.order], limit, width, self.back
        )
        return int(best), np.sort(found.order[chosen > 0])

    @property
    def steps(self) -> int:
        """Labels of one search."""
        return len(self.added) * self.buckets

    def load(self, chosen: Ints) -> int:
        """The ticks of a set of units on a device of the kind."""
        inside = np.zeros(len(self.units.nodes), dtype=bool)
        inside[chosen] = True
        total = int(self.units.times[self.index][chosen].sum())
        if self.units.problem.classes[self.index].transfers:
            for net, cost in zip(self.units.nets, self.units.costs, strict=True):
                taken = inside[list(net)]
                total += cost if taken.any() and not taken.all() else 0
        return total


def kinds(units: Units) -> list[Kind]:
    """The classes of devices there are, each with its layers."""
    found: list[Kind] = []
    shared: dict[bool, Layers] = {}
    for c, device in enumerate(units.problem.classes):
        if not device.count:
            continue
        if device.transfers not in shared:
            shared[device.transfers] = layers(units, nets=device.transfers)
        graph = shared[device.transfers]
        rows = len(graph.target)
        time = units.times[c][graph.order].repeat(np.diff(graph.offsets))
        added = graph.paid.copy()
        added[:, 1] += np.where(time == FORBIDDEN, NEVER, time)
        buckets = int(np.clip(CELLS // (rows + 1), FEWEST_BUCKETS, MOST_BUCKETS))
        back = np.zeros((rows + 1, buckets + 1), dtype=np.int64)
        found.append(Kind(units, c, device.count, graph, added, back, buckets))
    return found


@dataclass
class ColumnBound:
    """Asks whether a load is impossible; keeps the columns and the best values from one load to the next.

    fillings: of the last load asked for, sets that fill the devices one after another: nearly splits. spent:
    deterministic seconds so far.
    """

    units: Units
    kinds: list[Kind] = field(init=False)
    columns: list[Column] = field(default_factory=list)
    spent: float = 0.0
    fillings: list[tuple[Column, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kinds = kinds(self.units)
        work = np.where(self.units.times == FORBIDDEN, 0, self.units.times).max(axis=0).astype(float)
        self._centre: Floats = (work if work.any() else np.ones(len(work))) / max(work.sum(), 1.0)
        self._known: set[tuple[int, bytes]] = set()

    @property
    def order(self) -> Ints:
        """The units in an order in which few nets are open at a time."""
        return max((kind.layers for kind in self.kinds), key=lambda found: len(found.target)).order

    def ask(self, limit: int, budget: Budget) -> Verdict:
        """Whether it can be proven within the budget that no split has all loads at most `limit` ticks."""
        until = self.spent + budget.deterministic_seconds
        self.fillings = []
        program = _Program(self.kinds, len(self.units.nodes))
        for column in self.columns:
            if column.load <= limit:
                program.add(column)
        centre, least = self._centre, self._excess(self._centre, limit, program)
        while least >= 0 and self.spent < until and not budget.over():
            values, worth = program.solve()
            if worth.sum() >= 1.0:
                return Verdict.ALLOWED
            for query in (INWARD * centre + (1 - INWARD) * values, values):
                known = len(program.columns)
                excess = self._excess(query, limit, program)
                if excess < least:
                    centre, least = query, excess
                if least < 0 or program.cuts(known, values, worth):
                    break
            else:
                return Verdict.ALLOWED
        if least >= 0:
            return Verdict.GAVE_UP
        self._centre = centre
        return Verdict.IMPOSSIBLE

    def _excess(self, values: Floats, limit: int, program: _Program) -> float:
        """By how much of the values of all units the devices can hold more than all of them; below 0 is a proof.

        New columns go to the program: for each kind, after the dearest set those of what it leaves.
        """
        value: Ints = np.floor(np.maximum(values, 0.0) / values.sum() * VALUE).astype(np.int64)
        held = 0
        filling: list[Column] = []
        for kind in self.kinds:
            rest = value
            for i in range(kind.count):
                best, chosen = kind.dearest(rest, limit)
                self.spent += kind.steps * SECONDS_PER_STEP
                held += kind.count * best if i == 0 else 0
                filling.append(Column(kind.index, chosen, min(limit, kind.load(chosen))))
                self._keep(filling[-1], program)
                if best <= 0 or i + 1 == kind.count:
                    break
                rest = rest.copy()
                rest[chosen] = 0
        self.fillings.append(tuple(filling))
        return (held - int(value.sum())) / VALUE

    def _keep(self, column: Column, program: _Program) -> None:
        key = (column.kind, column.units.tobytes())
        if len(column.units):
            program.add(column)
            if key not in self._known:
                self._known.add(key)
                self.columns.append(column)


class _Program:
    """The values of the units, 1 in sum, for which the columns known so far are worth least: GLOP."""

    def __init__(self, kinds: Sequence[Kind], count: int) -> None:
        self._glop = pywraplp.Solver.CreateSolver("GLOP")
        self._values = [self._glop.NumVar(0.0, 1.0, "") for _ in range(count)]
        self._worth = {kind.index: self._glop.NumVar(0.0, 1.0, "") for kind in kinds}
        self._count = {kind.index: kind.count for kind in kinds}
        self._glop.Add(sum(self._values) == 1.0)
        goal = self._glop.Objective()
        for kind in kinds:
            goal.SetCoefficient(self._worth[kind.index], kind.count)
        goal.SetMinimization()
        self.columns: list[Column] = []
        self._known: set[tuple[int, bytes]] = set()

    def add(self, column: Column) -> None:
        """One device of the kind holds at least what the column is worth."""
        key = (column.kind, column.units.tobytes())
        if key in self._known:
            return
        self._known.add(key)
        self.columns.append(column)
        row = self._glop.Constraint(-self._glop.infinity(), 0.0)
        for u in column.units.tolist():
            row.SetCoefficient(self._values[u], 1.0)
        row.SetCoefficient(self._worth[column.kind], -1.0)

    def solve(self) -> tuple[Floats, Floats]:
        """The values, and for each kind what all its devices hold."""
        if self._glop.Solve() != pywraplp.Solver.OPTIMAL:
            raise MapperError("internal: GLOP did not solve a program that has a solution")
        values = np.maximum([v.solution_value() for v in self._values], 0.0)
        return values, np.array([n * self._worth[k].solution_value() for k, n in self._count.items()])

    def cuts(self, first: int, values: Floats, worth: Floats) -> bool:
        """Whether a column from the first on holds more than its kind was believed to."""
        believed = dict(zip(self._count, worth.tolist(), strict=True))
        return any(
            values[c.units].sum() * self._count[c.kind] > believed[c.kind] + TOLERANCE for c in self.columns[first:]
        )
