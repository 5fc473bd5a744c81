"""Solves a streaming problem within a budget: ways that keep values near first, then better ones by trying."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.incumbent import Incumbent
from mapper.solve.streaming.bound import bound
from mapper.solve.streaming.place import Full, place
from mapper.solve.streaming.problem import Problem, Solution
from mapper.solve.streaming.steps import expand
from mapper.solve.streaming.verify import verify

AHEAD = (float("inf"), 0.75, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.0)
"""How far reads run ahead, in parts of a store, each of which is tried."""

STEPS_A_SECOND = 10_000
"""Steps placed in a deterministic second."""


@dataclass(frozen=True, slots=True)
class Result:
    """A schedule with its cycles, a lower bound, and how the search ended. away: the cycles found when every value goes
    its last way, which is through the memory outside in what people write; None when that does not fit."""

    solution: Solution
    value: int
    bound: int
    bound_name: str
    status: Outcome
    away: int | None


def minimise(problem: Problem, budget: Budget) -> Result:
    """The shortest schedule found. Raises MapperError when not even the last way of each value fits the stores."""
    problem.check()
    least, name = bound(problem)

    def judge(solution: Solution) -> float:
        verify(problem, solution)
        return solution.makespan

    incumbent: Incumbent[Solution] = Incumbent(judge, budget)
    incumbent.raise_bound(least, name)
    search = _Search(problem, incumbent, budget)
    full = search.away()
    away = round(incumbent.value) if incumbent.found else None
    search.near()
    if full is not None and not incumbent.found:
        raise _too_small(problem, full)
    search.improve()
    value = round(incumbent.value)
    status = Outcome.OPTIMAL if incumbent.closed else Outcome.FEASIBLE
    return Result(incumbent.solution, value, least, name, status, away)


class _Search:
    """Schedules of other ways and other distances of reads, as long as the budget lasts."""

    def __init__(self, problem: Problem, incumbent: Incumbent[Solution], budget: Budget) -> None:
        self._problem, self._incumbent, self._budget = problem, incumbent, budget
        self._ahead = AHEAD[0]
        self._work = 0.0

    def away(self) -> Full | None:
        """Every value outside: reads run ahead as far as fits. What does not fit when nothing does."""
        return self._tune([len(value.ways) - 1 for value in self._problem.values], "away")

    def near(self) -> None:
        """Every value as near as the stores allow: when one is too small, the value that takes most of it takes its
        next way. Reads do not run ahead in these trials, which leaves most room."""
        ways = [0] * len(self._problem.values)
        while not self._over():
            found = self._place(ways, 0.0)
            if isinstance(found, Solution):
                self._incumbent.offer(found, "near")
                self._tune(ways, "near")
                return
            given_up = _largest(self._problem, ways, found)
            if given_up is None:
                return
            ways[given_up] += 1

    def improve(self) -> None:
        """Other ways, one value at a time, with other distances of reads in between, until nothing helps."""
        better = True
        while better and not self._over():
            better = False
            for v, way in self._moves():
                if self._over():
                    return
                ways = list(self._incumbent.solution.ways)
                if ways[v] != way:
                    ways[v] = way
                    found = self._place(ways, self._ahead)
                    if isinstance(found, Solution):
                        better |= self._incumbent.offer(found, "other ways")
            before = self._incumbent.value
            self._tune(self._incumbent.solution.ways, "reads ahead")
            better |= self._incumbent.value < before

    def _moves(self) -> Iterator[tuple[int, int]]:
        for v, value in enumerate(self._problem.values):
            for way in range(len(value.ways)):
                yield v, way

    def _tune(self, ways: Sequence[int], by: str) -> Full | None:
        """Try all distances of reads with these ways, and remember the best."""
        full: Full | None = None
        fits = False
        for ahead in AHEAD:
            if self._over() and self._incumbent.found:
                break
            found = self._place(ways, ahead)
            if isinstance(found, Full):
                full = found
                continue
            fits = True
            if self._incumbent.offer(found, by):
                self._ahead = ahead
        return None if fits else full

    def _place(self, ways: Sequence[int], ahead: float) -> Solution | Full:
        found = place(self._problem, ways, ahead)
        steps = len(found.start) if isinstance(found, Solution) else found.step
        self._work += steps / STEPS_A_SECOND
        return found

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


def _too_small(problem: Problem, full: Full) -> MapperError:
    store = problem.stores[full.store]
    return MapperError(
        f"store '{store.name}' of {store.capacity} bits is too small: a tile needs {full.bits} bits more than it has "
        "left when every value is kept outside",
        hint="smaller tiles, or a larger memory",
    )
