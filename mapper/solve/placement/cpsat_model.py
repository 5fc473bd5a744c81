"""The placement problem for CP-SAT: all of it, or some items with the others where they are."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from ortools.sat.python import cp_model

from mapper.errors import MapperError
from mapper.solve.placement.schedule_model import add_ends
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import Ints, Tables

ROOM = 1 << 58
"""No sum of the model exceeds this: CP-SAT refuses what could overflow."""

Term = tuple[cp_model.IntVar, int]


@dataclass
class Variables:
    """choice[i][o]: item i (a free one) takes option o. at[i][p]: its result lies in place p. reads[i][p]: it reads its
    operands there (the variables of `at` where every option reads where it leaves). rows[c]: terms of each column.
    any_order: whether machines may take items in another order than theirs."""

    model: cp_model.CpModel
    state: State
    choice: dict[int, list[cp_model.IntVar]] = field(default_factory=dict)
    at: dict[int, dict[int, cp_model.IntVar]] = field(default_factory=dict)
    reads: dict[int, dict[int, cp_model.IntVar]] = field(default_factory=dict)
    rows: list[list[Term]] = field(default_factory=list)
    any_order: bool = False

    @property
    def tables(self) -> Tables:
        return self.state.tables


@dataclass(frozen=True)
class PlacementModel:
    """A model, its variables, and `unit`: what one point of its objective is worth."""

    model: cp_model.CpModel
    variables: Variables
    unit: float

    def read(self, solver: cp_model.CpSolver, fixed: Sequence[int]) -> list[int]:
        """The placement found: the free items' options, the others as they were."""
        choice = list(fixed)
        for i, row in self.variables.choice.items():
            choice[i] = next(o for o, x in enumerate(row) if solver.boolean_value(x))
        return choice


def model_of(
    tables: Tables, objective: str, choice: Sequence[int], free: Collection[int], hint: bool, any_order: bool = False
) -> PlacementModel:
    """The model that places the free items; `choice` tells where the others lie (and, if hint, a start). any_order: its
    latency is that of the best order of the items on each machine, not of their own."""
    state = State.of(tables, choice) if len(free) < len(choice) else State(tables)
    if len(free) < len(choice):
        for i in free:
            state.remove(i)
    model = cp_model.CpModel()
    v = Variables(model, state, rows=[[] for _ in range(tables.columns + 1)], any_order=any_order)
    add_one_option(v, sorted(free))
    add_transport(v)
    add_ties(v)
    add_memory_capacity(v)
    unit = add_objective(v, objective)
    if hint:
        for i, row in v.choice.items():
            for o, x in enumerate(row):
                model.add_hint(x, o == choice[i])
    return PlacementModel(model, v, unit)


def add_one_option(v: Variables, free: Sequence[int]) -> None:
    """Every free item has one option, and lies where that option puts it."""
    for i in free:
        places = v.tables.places[i].tolist()
        row = [v.model.new_bool_var("") for _ in places]
        v.model.add_exactly_one(row)
        v.choice[i] = row
        v.at[i] = _by_place(v, row, places)
        reads = v.tables.reads[i].tolist()
        v.reads[i] = v.at[i] if reads == places else _by_place(v, row, reads)
        _count(v, row, v.tables.rows[i][:, :-1])


def _by_place(v: Variables, row: Sequence[cp_model.IntVar], places: Sequence[int]) -> dict[int, cp_model.IntVar]:
    """For each place, whether the chosen option is one of those that name it."""
    found: dict[int, cp_model.IntVar] = {}
    for p in sorted(set(places)):
        mine = [x for x, q in zip(row, places, strict=True) if q == p]
        if len(mine) == 1:
            found[p] = mine[0]
        else:
            found[p] = v.model.new_bool_var("")
            v.model.add(sum(mine) == found[p])
    return found


def _count(v: Variables, columns: Sequence[cp_model.IntVar], rows: Ints) -> None:
    """Add what each variable brings to the shared columns."""
    for k, c in zip(*(x.tolist() for x in rows.nonzero()), strict=True):
        v.rows[c].append((columns[k], int(rows[k, c])))


def add_transport(v: Variables) -> None:
    """A net with a free end is sent from where it is made to each place where it is needed, along an existing route."""
    problem = v.tables.problem
    for n, net in enumerate(problem.nets):
        free_sinks = [i for i in net.sinks if i in v.choice]
        if net.source not in v.choice and not free_sinks:
            continue
        needed = {int(p): True for p in np.flatnonzero(v.state.wanted[n])}
        new: dict[int, cp_model.IntVar] = {}
        for p in sorted({p for i in free_sinks for p in v.reads[i]} - set(needed)):
            users = [v.reads[i][p] for i in free_sinks if p in v.reads[i]]
            if len(users) == 1:
                new[p] = users[0]
                continue
            new[p] = v.model.new_bool_var("")
            v.model.add_max_equality(new[p], users)
        moves = v.tables.moves[net.size]
        if net.source not in v.choice:
            start = int(v.state.source[n])
            for p, x in new.items():
                _leg(v, x, moves[start, p], start == p)
            continue
        made = v.at[net.source]
        for p in needed:
            for a, x in made.items():
                _leg(v, x, moves[a, p], a == p)
        for p, x in new.items():
            sent = {a: v.model.new_bool_var("") for a in made}
            v.model.add(sum(sent.values()) == x)
            for a, y in sent.items():
                v.model.add_implication(y, made[a])
                _leg(v, y, moves[a, p], a == p)


def _leg(v: Variables, used: cp_model.IntVar, move: Ints, stays: bool) -> None:
    if stays:
        return
    if move[-1]:
        v.model.add(used == 0)
        return
    _count(v, [used], move[None, :-1])


def add_ties(v: Variables) -> None:
    """Tied items lie in the same place."""
    for tie in v.tables.problem.ties:
        free = [i for i in tie if i in v.choice]
        fixed = [v.state.place(i) for i in tie if i not in v.choice]
        for i in free:
            if fixed:
                for p, x in v.at[i].items():
                    v.model.add(x == (p == fixed[0]))
                if fixed[0] not in v.at[i]:
                    v.model.add_bool_or([])
            elif i != free[0]:
                for p in set(v.at[i]) | set(v.at[free[0]]):
                    v.model.add(v.at[i].get(p, 0) == v.at[free[0]].get(p, 0))


def add_memory_capacity(v: Variables) -> None:
    """Residents that chosen options need fit their memories; one resident serves all who need it."""
    problem = v.tables.problem
    present: dict[int, cp_model.IntVar] = {}
    for i, row in v.choice.items():
        for x, option in zip(row, problem.items[i].options, strict=True):
            for k in set(option.needs):
                if v.state.refs[k] == 0 and problem.residents[k].bytes:
                    if k not in present:
                        present[k] = v.model.new_bool_var("")
                    v.model.add_implication(x, present[k])
    for m, capacity in enumerate(problem.capacities):
        mine = [(k, x) for k, x in present.items() if problem.residents[k].memory == m]
        if mine:
            room = capacity - int(v.state.used[m])
            v.model.add(sum(problem.residents[k].bytes * x for k, x in mine) <= room)


def add_interval(v: Variables) -> tuple[cp_model.IntVar, int]:
    """No resource is busy for longer than the interval, which is returned with its upper limit."""
    tables, base = v.tables, v.state.row
    private: dict[int, list[Term]] = {}
    for i, row in v.choice.items():
        for x, resources, ticks in zip(row, tables.privates[i].tolist(), tables.private_ticks[i].tolist(), strict=True):
            for r, t in zip(resources, ticks, strict=True):
                if t:
                    private.setdefault(r, []).append((x, t))
    parts = [(int(base[c]), v.rows[c]) for c in range(tables.columns)]
    parts += [(int(v.state.private[r]), terms) for r, terms in private.items()]
    least = max(int(v.state.private.max()), max((b for b, _ in parts), default=0))
    most = max((b + sum(t for _, t in terms) for b, terms in parts), default=0)
    _in_range(most)
    interval = v.model.new_int_var(least, max(least, most), "interval")
    for b, terms in parts:
        if terms:
            v.model.add(_total(terms) + b <= interval)
    return interval, max(least, most)


def _total(terms: Sequence[Term]) -> cp_model.LinearExpr | int:
    if not terms:
        return 0
    return cp_model.LinearExpr.weighted_sum([x for x, _ in terms], [w for _, w in terms])


class OutOfRange(MapperError):
    """A sum of the model does not fit the solver's integers; the other algorithms have no such limit."""


def _in_range(most: float) -> None:
    if most > ROOM:
        raise OutOfRange(f"a sum of {most:.3g} is too large for the exact model")


@dataclass
class _Sums:
    """The interval, the energy and the moments of a model, each made when first asked for."""

    v: Variables
    _interval: tuple[cp_model.IntVar, int] | None = None
    _ends: tuple[list[cp_model.IntVar], list[int]] | None = None

    @property
    def interval(self) -> cp_model.IntVar:
        return self._timed()[0]

    def _timed(self) -> tuple[cp_model.IntVar, int]:
        if self._interval is None:
            self._interval = add_interval(self.v)
        return self._interval

    def latency(self, calls: Sequence[int]) -> tuple[cp_model.IntVar, int]:
        """A variable no less than the latency that counts so many runs of each phase, and its upper limit."""
        v = self.v
        if self._ends is None:
            self._ends = add_ends(v.model, v.tables, v.state.choice, v.choice, v.at, v.reads, v.any_order)
        ends, horizon = self._ends
        most = sum(c * h for c, h in zip(calls, horizon, strict=True))
        _in_range(most)
        latency = v.model.new_int_var(0, most, "latency")
        v.model.add(latency >= sum(c * e for c, e in zip(calls, ends, strict=True)))
        return latency, most

    @property
    def parts(self) -> int:
        """Into how many a picojoule is divided, so that idle power is a whole number of them."""
        return 1 if float(self.v.tables.problem.idle_pj_per_tick).is_integer() else 1000

    def energy(self) -> tuple[cp_model.LinearExpr, float]:
        """The energy in parts of a picojoule, idle power rounded down, and its upper limit in picojoules."""
        v, idle = self.v, self.v.tables.problem.idle_pj_per_tick
        interval, longest = self._timed()
        costs, base = v.rows[v.tables.columns], int(v.state.row[-2])
        most = float(base + sum(w for _, w in costs)) + idle * longest
        _in_range(most * self.parts)
        return _total(costs) * self.parts + base * self.parts + interval * math.floor(idle * self.parts), most


def add_limits(v: Variables, sums: _Sums) -> None:
    """The limits of the problem hold."""
    for limit in v.tables.problem.limits:
        match limit.quantity:
            case "throughput":
                v.model.add(sums.interval <= math.floor(limit.most))
            case "latency":
                v.model.add(sums.latency(limit.calls)[0] <= math.floor(limit.most))
            case _:
                v.model.add(sums.energy()[0] <= math.floor(limit.most * sums.parts))


def add_objective(v: Variables, objective: str) -> float:
    """Minimise the objective under the limits; the worth of one point is returned. '' asks for any feasible
    placement."""
    model, sums = v.model, _Sums(v)
    add_limits(v, sums)
    if objective == "":
        return 1.0
    if objective == "throughput":
        model.minimize(sums.interval)
        return 1.0
    calls = v.tables.problem.calls
    if objective == "latency":
        model.minimize(sums.latency(calls)[0])
        return 1.0
    energy, most = sums.energy()
    if objective == "energy":
        model.minimize(energy)
        return 1.0 / sums.parts
    latency, latest = sums.latency(calls)
    _in_range(most * sums.parts * latest)
    spent = model.new_int_var(0, int(most * sums.parts) + 1, "energy")
    model.add(spent >= energy)
    product = model.new_int_var(0, ROOM, "edp")
    model.add_multiplication_equality(product, [spent, latency])
    model.minimize(product)
    return 1.0 / sums.parts
