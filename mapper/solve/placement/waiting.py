"""Less waiting at the same interval: long tasks and frequent ones on different machines.

A task that finds its machine taken waits until the one that runs has ended: nothing is interrupted. How long that is on
average follows from the squares of the times on the machine (the mean residual time of M/G/1: Pollaczek 1930, Khinchine
1932; Kleinrock, Queueing Systems I, 1975, section 5.6). Where a prefill's tasks of milliseconds run on a machine that a
decode visits a thousand times, requests queue there while others starve, though no machine is overloaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mapper.solve.placement.problem import Problem, Solution
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import build

SWEEPS = 3
"""Times that all changes are tried."""

Change = list[tuple[int, int]]
"""Items and the options that they get."""


def less_waiting(problem: Problem, solution: Solution, most: float) -> Solution:
    """The solution after changes that each make tasks wait less, break no rule and keep the interval below `most`.

    Tried are, in this order: all tasks of a phase on a machine to another place, all of one class there, single ones
    and those tied to each other.
    """
    search = _Search(problem, solution, most)
    for _ in range(SWEEPS):
        if not sum(search.tried(change) for change in search.changes()):
            break
    return Solution(tuple(search.state.choice))


def waiting(problem: Problem, choice: Sequence[int]) -> float:
    """Ticks that the tasks of a request wait for machines, times twice the interval: over machines, how often one is
    visited times the sum of the squares of the times on it."""
    visits: dict[int, int] = {}
    squares: dict[int, int] = {}
    for item, o in zip(problem.items, choice, strict=True):
        option, calls = item.options[o], problem.calls[item.phase]
        if option.machine >= 0 and option.ticks:
            visits[option.machine] = visits.get(option.machine, 0) + calls
            squares[option.machine] = squares.get(option.machine, 0) + calls * option.ticks**2
    return float(sum(visits[m] * squares[m] for m in visits))


class _Search:
    """Changes of one solution, kept where they shorten the waiting."""

    def __init__(self, problem: Problem, solution: Solution, most: float) -> None:
        self.problem, self.most = problem, most
        self.tables = build(problem)
        self.state = State.of(self.tables, solution.choice)
        self.waiting = waiting(problem, solution.choice)

    def changes(self) -> Iterator[Change]:
        """The changes to try, each of the solution as it is then."""
        groups: dict[tuple[int, str], None] = {}
        for item in self.problem.items:
            groups[item.phase, ""] = None
        for item in self.problem.items:
            groups[item.phase, item.repeat] = None
        for phase, repeat in groups:
            members = [
                i for i, x in enumerate(self.problem.items) if x.phase == phase and (not repeat or x.repeat == repeat)
            ]
            for machine in sorted({self._machine(i) for i in members} - {-1}):
                yield from self._elsewhere([i for i in members if self._machine(i) == machine])
        for i in range(len(self.problem.items)):
            if self._machine(i) >= 0:
                yield from self._elsewhere([i])

    def tried(self, change: Change) -> bool:
        """Whether a change was kept."""
        if not change:
            return False
        before = self.state.saved()
        for i, _ in change:
            self.state.remove(i)
        for i, o in change:
            self.state.insert(i, o)
        found = waiting(self.problem, self.state.choice)
        if found < self.waiting and self.state.broken <= 0 and self.state.interval <= self.most:
            self.waiting = found
            return True
        self.state.restore(before)
        return False

    def _machine(self, i: int) -> int:
        return self.problem.items[i].options[self.state.choice[i]].machine

    def _elsewhere(self, items: Sequence[int]) -> Iterator[Change]:
        """These items, and those tied to them, at each other place where they can all be, by their quickest options."""
        tied = list(dict.fromkeys(j for i in items for j in (i, *self.tables.partners[i])))
        rows = [self.problem.items[i].options for i in tied]
        places = sorted(set.intersection(*({o.place for o in options} for options in rows))) if rows else []
        for place in places:
            change = []
            for i, options in zip(tied, rows, strict=True):
                _, o = min((x.ticks, o) for o, x in enumerate(options) if x.place == place)
                if o != self.state.choice[i]:
                    change.append((i, o))
            yield change
