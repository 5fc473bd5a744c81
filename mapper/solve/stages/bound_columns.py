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

LABELS, CELLS = 12_000_000, 1_000_000
"""Most labels of all layers together, and of two layers at a time: 8 and 48 bytes each."""

MOST_BUCKETS, FEWEST_BUCKETS, FILLING_BUCKETS = 4000, 50, 60
"""Buckets of load for a proof, and for the sets that fill the other devices."""

COARSE = (500, MOST_BUCKETS)
"""Buckets that are tried in turn: few are quick, and when the columns they allow cover all units, more tell better."""

PRICES: Floats = np.concatenate([[0.0], 1.25 ** np.arange(-10, 17)])
"""Prices of a tick, as shares of the density of value on a full device, for which potentials are looked at."""

NEAR_PRICES = 6
"""Prices with the lowest potentials that the search prunes by."""

INWARD = 0.6
"""How far the values asked for lie from the program's optimum towards the best values so far (Wentges, 1997)."""

DESCENTS, PATIENCE = 40, 5
"""Subgradient steps between two solutions of the program, and steps without progress after which they are halved."""

AIM = 1e-3
"""How far below 0 the steps aim, as a share of all values: else they get shorter and shorter above it."""

LONGEST_STEP = 0.9
"""Share of a value that one step takes away at most: then some are always left."""

SMALLEST = 0.01
"""Share of the mean by which values move that are nothing yet."""

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
    """A set of units with its load in ticks on a device of a kind; the relaxation may take it for a little less."""

    kind: int
    units: Ints
    load: int


@dataclass
class Kind:
    """The devices of one class: how many, and what they can hold. steps: labels that its searches have looked at."""

    units: Units
    index: int
    count: int
    layers: Layers
    added: Ints
    buckets: int
    steps: int = 0

    def dearest(self, value: Ints, limit: int, floor: int, buckets: int) -> tuple[int, Ints]:
        """An upper bound of the value of what one device can hold at the limit, and the units it was read from.

        Nothing above the floor: the floor, and no units.
        """
        from mapper.solve.stages.bound_kernels import most_valuable, potentials

        found = self.layers
        graph = (found.offsets, found.target, self.added, value[found.order], limit)
        density = max(1, floor, int(value.sum()) // (8 * self.count)) / max(1, limit)
        ahead = potentials(*graph, density * PRICES)
        self.steps += len(PRICES) * len(self.added)
        least = ahead[0] + density * PRICES * limit
        near = np.argsort(least, kind="stable")[:NEAR_PRICES]
        if least[near[0]] + 1.0 <= floor:
            return floor, np.zeros(0, dtype=np.int64)
        width = max(1, -(-(limit + 1) // min(buckets, self.buckets)))
        best, chosen, steps = most_valuable(
            *graph, width, density * PRICES[near], np.ascontiguousarray(ahead[:, near]), floor
        )
        self.steps += int(steps)
        return int(best), np.sort(found.order[chosen > 0])

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
        widest = int(np.diff(graph.offsets).max(initial=1))
        buckets = int(np.clip(min(LABELS // (rows + 1), CELLS // widest), FEWEST_BUCKETS, MOST_BUCKETS))
        found.append(Kind(units, c, device.count, graph, added, buckets))
    return sorted(found, key=lambda kind: len(kind.added))


@dataclass
class ColumnBound:
    """Asks whether a load is impossible; keeps the columns and the best values from one load to the next.

    fillings: of the last load asked for, sets that fill the devices one after another: nearly splits. excess: the share
    of all values by which the devices hold too much at a load given up, at the best values. spent: deterministic
    seconds so far.
    """

    units: Units
    kinds: list[Kind] = field(init=False)
    columns: list[Column] = field(default_factory=list)
    spent: float = 0.0
    fillings: list[tuple[Column, ...]] = field(default_factory=list)
    excess: float = 0.0

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
        before = self.spent
        until = before + budget.deterministic_seconds
        self.fillings = []
        verdict = Verdict.ALLOWED
        for buckets in COARSE:
            verdict = self._ask(limit, buckets, until, budget)
            if verdict is not Verdict.ALLOWED or buckets >= max(kind.buckets for kind in self.kinds):
                break
        budget.spend("columns", self.spent - before)
        return verdict

    def _ask(self, limit: int, buckets: int, until: float, budget: Budget) -> Verdict:
        """The same with so many buckets of load."""
        program = _Program(self.kinds, len(self.units.nodes))
        for column in self.columns:
            if column.load <= limit:
                program.add(column)
        centre = self._centre
        least, cover = self._excess(centre, limit, buckets, program, fill=True)
        while least >= 0 and self.spent < until and not budget.over():
            centre, least = self._descend(centre, least, cover, limit, buckets, program, until, budget)
            if least < 0:
                break
            values, worth = program.solve()
            if worth.sum() >= 1.0:
                self.fillings.append(program.heaviest())
                return Verdict.ALLOWED
            for query in (INWARD * centre + (1 - INWARD) * values, values):
                known = len(program.columns)
                excess, _ = self._excess(query, limit, buckets, program, fill=query is not values)
                if excess < least:
                    centre, least = query, excess
                if least < 0 or program.cuts(known, values, worth):
                    break
            else:
                self.fillings.append(program.heaviest())
                return Verdict.ALLOWED
            _, cover = self._excess(centre, limit, buckets, program, fill=least < 0)
        self.excess = least
        self._centre = centre  # of a load given up too: the next search begins where this one ended
        return Verdict.IMPOSSIBLE if least < 0 else Verdict.GAVE_UP

    def _descend(
        self,
        centre: Floats,
        least: float,
        cover: Floats,
        limit: int,
        buckets: int,
        program: _Program,
        until: float,
        budget: Budget,
    ) -> tuple[Floats, float]:
        """Better values and their excess by subgradient steps of Polyak's length, relative to the values (1969)."""
        length, stale = 1.0, 0
        values, excess = centre, least
        for _ in range(DESCENTS):
            if self.spent >= until or budget.over() or least < 0:
                break
            slope = cover - 1.0
            scale = values + SMALLEST * values.mean()
            size = float((scale * slope * slope).sum())
            if size == 0.0:  # every unit is held once: no values are better
                break
            step = min(length * (excess + AIM) / size, LONGEST_STEP / float(slope.max(initial=1.0)))
            values = np.maximum(values - step * scale * slope, 0.0)
            values /= values.sum()
            excess, cover = self._excess(values, limit, buckets, program, fill=False)
            if excess < least:
                centre, least, stale = values, excess, 0
            else:
                stale += 1
                if stale == PATIENCE:
                    length, stale = length / 2, 0
        return centre, least

    def _excess(
        self, values: Floats, limit: int, buckets: int, program: _Program, *, fill: bool
    ) -> tuple[float, Floats]:
        """By how much of the values of all units the devices can hold more than all of them; below 0 is a proof.

        And how often each unit is held then. New columns go to the program: for each kind the dearest set, and if
        `fill` sets of what it leaves.
        """
        value: Ints = np.floor(np.maximum(values, 0.0) / values.sum() * VALUE).astype(np.int64)
        total, held = int(value.sum()), 0
        filling: list[Column] = []
        cover = np.zeros(len(value))
        for kind in self.kinds:
            known, units = max(
                ((int(value[c.units].sum()), c.units) for c in program.columns if c.kind == kind.index),
                key=lambda pair: pair[0],
                default=(0, np.zeros(0, dtype=np.int64)),
            )
            enough = (total - held - 1) // kind.count if kind is self.kinds[-1] else 0
            best, chosen = kind.dearest(value, limit, max(known, enough), buckets)
            held += kind.count * best
            cover[chosen if len(chosen) else units] += kind.count
            if len(chosen):
                filling += self._fill(kind, value, chosen, limit, program, kind.count if fill else 1)
        if fill:
            self.fillings.append(tuple(filling))
        self.spent = sum(kind.steps for kind in self.kinds) * SECONDS_PER_STEP
        return (held - total) / VALUE, cover

    def _fill(self, kind: Kind, value: Ints, chosen: Ints, limit: int, program: _Program, count: int) -> list[Column]:
        """The column of the chosen units, and columns of what they leave for the other devices of the kind.

        Of the others the program takes those that keep the limit: being coarser than the proof they may exceed it, and
        would pretend that the load is allowed.
        """
        filling: list[Column] = []
        rest = value.copy()
        while len(chosen):
            filling.append(Column(kind.index, chosen, kind.load(chosen)))
            if len(filling) == 1 or filling[-1].load <= limit:
                self._keep(filling[-1], program)
            if len(filling) == count:
                break
            rest[chosen] = 0
            _, chosen = kind.dearest(rest, limit, 0, FILLING_BUCKETS)
        return filling

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
        self._rows: list[pywraplp.Constraint] = []
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
        self._rows.append(row)

    def solve(self) -> tuple[Floats, Floats]:
        """The values, and for each kind what all its devices hold."""
        if self._glop.Solve() != pywraplp.Solver.OPTIMAL:
            raise MapperError("internal: GLOP did not solve a program that has a solution")
        values = np.maximum([v.solution_value() for v in self._values], 0.0)
        return values, np.array([n * self._worth[k].solution_value() for k, n in self._count.items()])

    def heaviest(self) -> tuple[Column, ...]:
        """The columns that cover most in the last solution, as many of each kind as there are devices of it."""
        weights = [-row.dual_value() for row in self._rows]
        left = dict(self._count)
        found: list[Column] = []
        for i in np.argsort([-w for w in weights], kind="stable"):
            column = self.columns[i]
            if weights[i] > TOLERANCE and left[column.kind]:
                left[column.kind] -= 1
                found.append(column)
        return tuple(found)

    def cuts(self, first: int, values: Floats, worth: Floats) -> bool:
        """Whether a column from the first on holds more than its kind was believed to."""
        believed = dict(zip(self._count, worth.tolist(), strict=True))
        return any(
            values[c.units].sum() * self._count[c.kind] > believed[c.kind] + TOLERANCE for c in self.columns[first:]
        )
