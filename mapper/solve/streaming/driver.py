"""Solves a streaming problem within a budget: ways that keep values near first, then better ones by trying."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.result import Result, result_of
from mapper.solve.streaming.bound import bound
from mapper.solve.streaming.place import Full, Shifts, place
from mapper.solve.streaming.problem import Problem, Solution
from mapper.solve.streaming.steps import Work, expand
from mapper.solve.streaming.verify import verify

AHEAD = (float("inf"), 0.75, 0.5, 0.35, 0.25, 0.18, 0.1, 0.05, 0.02, 0.01, 0.0)
"""How far reads run ahead, in parts of a store, each of which is tried."""

PATIENCE = 1000
"""Orders tried in vain before the search ends."""

REMEMBERED = 4
"""Expansions of ways that are kept, for they take as long as placing."""

STEPS_A_SECOND = 10_000
"""Steps placed in a deterministic second."""


class TooSmall(MapperError):
    """A store has no room for the tiles of a group, even when every value goes its last way."""


def minimise(problem: Problem, budget: Budget) -> Result[Solution]:
    """The shortest schedule found. Raises TooSmall when not even the last way of each value fits the stores."""
    problem.check()

    def judge(solution: Solution) -> float:
        verify(problem, solution)
        return solution.makespan

    incumbent: Incumbent[Solution] = Incumbent(judge, budget)
    incumbent.raise_bound(*bound(problem))
    search = _Search(problem, incumbent, budget)
    full = search.away()
    search.near()
    if full is not None and not incumbent.found:
        raise _too_small(problem, full)
    search.improve()
    return result_of(incumbent)


@dataclass(frozen=True, slots=True)
class _State:
    """What a schedule is placed from."""

    ways: tuple[int, ...]
    ahead: float = 0.0
    shifts: Shifts = field(default_factory=dict)


class _Search:
    """Schedules of other ways, other distances of reads and other orders, as long as the budget lasts."""

    def __init__(self, problem: Problem, incumbent: Incumbent[Solution], budget: Budget) -> None:
        self._problem, self._incumbent, self._budget = problem, incumbent, budget
        self._random = random.Random(budget.seed)
        self._work = 0.0
        self._best = _State(())
        self._works: dict[tuple[int, ...], Work] = {}

    def away(self) -> Full | None:
        """Every value outside: reads run ahead as far as fits. What does not fit when nothing does."""
        return self._tune(_State(tuple(len(value.ways) - 1 for value in self._problem.values)), "away")

    def near(self) -> None:
        """Every value as near as the stores allow: when one is too small, the value that takes most of it takes its
        next way. Reads do not run ahead in these trials, which leaves most room."""
        ways = [0] * len(self._problem.values)
        while not self._over():
            full = self._try(_State(tuple(ways)), "near")
            if full is None:
                self._tune(_State(tuple(ways)), "near")
                return
            given_up = _largest(self._problem, ways, full)
            if given_up is None:
                return
            ways[given_up] += 1

    def improve(self) -> None:
        """Other ways, one value at a time, and other distances of reads, until nothing helps; then other orders."""
        before = float("inf")
        while self._incumbent.value < before and not self._over():
            before = self._incumbent.value
            for v, value in enumerate(self._problem.values):
                for way in range(len(value.ways)):
                    self._other_way(v, way)
            self._tune(self._best, "reads ahead")
        failed = 0
        while failed < PATIENCE and not self._over():
            before = self._incumbent.value
            self._try(self._neighbour(), "other orders")
            failed = 0 if self._incumbent.value < before else failed + 1

    def _other_way(self, v: int, way: int) -> None:
        ways = list(self._best.ways)
        if ways[v] != way and not self._over():
            ways[v] = way
            self._try(replace(self._best, ways=tuple(ways)), "other ways")

    def _tune(self, state: _State, by: str) -> Full | None:
        """Try all distances of reads. What does not fit when none does."""
        fulls = []
        for ahead in AHEAD:
            if self._over() and self._incumbent.found:
                return None
            fulls.append(self._try(replace(state, ahead=ahead), by))
        return None if None in fulls else fulls[-1]

    def _neighbour(self) -> _State:
        """The best state with some firings of a node placed earlier or later, or a value that goes another way."""
        choose = self._random
        if self._problem.values and choose.random() < 0.1:
            v = choose.randrange(len(self._problem.values))
            ways = list(self._best.ways)
            ways[v] = choose.randrange(len(self._problem.values[v].ways))
            return replace(self._best, ways=tuple(ways))
        shifts = dict(self._best.shifts)
        for _ in range(choose.randint(1, 3)):
            g = choose.randrange(len(self._problem.groups))
            n = choose.randrange(len(self._problem.groups[g].nodes))
            firings = self._problem.groups[g].nodes[n].firings
            first = choose.randrange(firings)
            by = choose.gauss(0.0, 0.15)
            for firing in range(first, choose.randint(first, firings - 1) + 1):
                shifts[(g, n), firing] = shifts.get(((g, n), firing), 0.0) + by
        return replace(self._best, shifts=shifts)

    def _try(self, state: _State, by: str) -> Full | None:
        """Place a state and keep it if it is as good as any; what does not fit if something does not."""
        if state.ways not in self._works:
            if len(self._works) >= REMEMBERED:
                self._works.clear()
            ways = [value.ways[way] for value, way in zip(self._problem.values, state.ways, strict=True)]
            self._works[state.ways] = expand(self._problem, ways)
        found = place(self._problem, state.ways, state.ahead, state.shifts, self._works[state.ways])
        seconds = (len(found.start) if isinstance(found, Solution) else found.step) / STEPS_A_SECOND
        self._work += seconds
        self._budget.spend("list schedules", seconds)
        if isinstance(found, Full):
            return found
        if found.makespan <= self._incumbent.value:
            self._best = state
            self._incumbent.offer(found, by)
        return None

    def _over(self) -> bool:
        return self._incumbent.closed or self._budget.over() or self._work > self._budget.deterministic_seconds


def _largest(problem: Problem, ways: Sequence[int], full: Full) -> int | None:
    """The value with a next way that takes most of a full store; None when there is none."""
    work = expand(problem, [value.ways[way] for value, way in zip(problem.values, ways, strict=True)])
    group = work.steps[full.step].place[0]
    best: tuple[int, int] | None = None
    for v, value in enumerate(problem.values):
        last = max((reader[0] for reader in value.readers), default=-1)
        first = value.maker[0] if value.maker is not None else min((r[0] for r in value.readers), default=0)
        if ways[v] + 1 < len(value.ways) and first <= group <= last:
            bits = _bits(problem, v, ways[v], full.store)
            if bits and (best is None or bits > best[0]):
                best = (bits, v)
    return None if best is None else best[1]


def _bits(problem: Problem, v: int, way: int, store: int) -> int:
    """What a value that goes a way takes of a store."""
    value = problem.values[v]
    chosen = value.ways[way]
    held = sum(bits for s, bits in chosen.held if s == store)
    if value.maker is not None and chosen.save is None:
        node = problem.node(value.maker)
        held += node.firings * sum(bits for s, bits in node.source if s == store)
    if chosen.lent:
        node = problem.node(value.readers[0])
        held += node.firings * sum(bits for s, bits in node.target if s == store)
    return held


def _too_small(problem: Problem, full: Full) -> TooSmall:
    store = problem.stores[full.store]
    return TooSmall(
        f"store '{store.name}' of {store.capacity} bits is too small: a tile needs {full.bits} bits more than it has "
        "left when every value is kept outside",
        hint="smaller tiles, or a larger memory",
    )
