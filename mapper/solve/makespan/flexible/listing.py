"""List scheduling of a flexible problem: tasks by rank, each in the mode whose outlook is best.

HEFT: Topcuoglu, Hariri, Wu, IEEE TPDS 13(3), 2002. PEFT: Arabnejad, Barbosa, IEEE TPDS 25(3), 2014. Transfers hold
their links here, and machines are resources like others; a task may start in a gap between others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush

from mapper.solve.makespan.flexible.bound import lag
from mapper.solve.makespan.flexible.problem import Mode, Problem, Solution, Transfer
from mapper.solve.makespan.flexible.ranks import optimistic_costs, upward_ranks
from mapper.solve.makespan.profile import Profile

Outlook = Callable[[int, int, int], tuple[float, ...]]
"""What is feared of a task in a mode that ends at a tick; the mode with the least is taken, the first of equal ones."""


def heft(problem: Problem) -> Solution | None:
    """Tasks by upward rank, each where it ends first."""
    return listed(problem, upward_ranks(problem), lambda i, m, end: (end,))


def peft(problem: Problem) -> Solution | None:
    """Tasks by the mean of their optimistic costs, each where its end and the optimistic cost of what follows are
    least."""
    costs = optimistic_costs(problem)
    ranks = [sum(costs[i][m] for m in problem.possible[i]) / len(problem.possible[i]) for i in range(len(costs))]
    return listed(problem, ranks, lambda i, m, end: (end + costs[i][m],))


def listed(
    problem: Problem, ranks: Sequence[float], outlook: Outlook, placed: Callable[[int, int], object] | None = None
) -> Solution | None:
    """The schedule of the tasks by rank, higher first among those whose inputs are scheduled; None when some task has
    no mode that all its inputs, as they were placed, can reach.

    placed: told of each task and its mode as it is placed, for an outlook that depends on what has been.
    """
    state = _Listing(problem)
    missing = [len(edges) for edges in problem.inputs]
    ready = [(-ranks[i], i) for i, count in enumerate(missing) if count == 0]
    heapify(ready)
    while ready:
        i = heappop(ready)[1]
        mode = state.mode_for(i, outlook)
        if mode is None:
            return None
        state.put(i, mode)
        if placed is not None:
            placed(i, mode)
        for e in problem.outputs[i]:
            j = problem.edges[e].sink
            missing[j] -= 1
            if missing[j] == 0:
                heappush(ready, (-ranks[j], j))
    return state.solution()


class _Listing:
    """The tasks and transfers that have a start."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.profiles = [Profile(r.capacity) for r in problem.resources]
        self.mode = [0] * len(problem.tasks)
        self.start = [0] * len(problem.tasks)
        self.moves: dict[int, int] = {}
        self.last = 0

    def mode_for(self, i: int, outlook: Outlook) -> int | None:
        """The mode with the best outlook among those that every input reaches; None when there is none."""
        task = self.problem.tasks[i]
        streams = any(self.problem.edges[e].tiles > 1 for e in self.problem.inputs[i])
        known: dict[int, int | None] = {}
        best: tuple[tuple[float, ...], int] | None = None
        for m in self.problem.possible[i]:
            mode = task.modes[m]
            if streams or mode.place not in known:  # what streams in depends on the ticks too
                known[mode.place] = self._ready(i, mode)
            ready = known[mode.place]
            if ready is not None:
                found = outlook(i, m, self._earliest(ready, mode) + mode.ticks), m
                best = found if best is None or found < best else best
        return None if best is None else best[1]

    def _chosen(self, i: int) -> Mode:
        return self.problem.tasks[i].modes[self.mode[i]]

    def _ready(self, i: int, mode: Mode) -> int | None:
        """When all inputs would be there for a task in a mode, transfers looked at one by one; None without a route."""
        inputs, edges = self.problem.inputs[i], self.problem.edges
        if not all(self.problem.reachable(edges[e], self._chosen(edges[e].source), mode) for e in inputs):
            return None
        return max((self._arrival(e, mode, commit=False) for e in inputs), default=0)

    def put(self, i: int, m: int) -> None:
        """Give a task its mode, its transfers their starts, and then its own."""
        mode = self.problem.tasks[i].modes[m]
        ready = max((self._arrival(e, mode, commit=True) for e in self.problem.inputs[i]), default=0)
        self.mode[i], self.start[i] = m, self._earliest(ready, mode)
        self._hold(self.start[i], mode)

    def _arrival(self, e: int, mode: Mode, *, commit: bool) -> int:
        """The earliest start of an edge's sink in a mode, as far as this edge goes."""
        edge = self.problem.edges[e]
        source = self._chosen(edge.source)
        start = self.start[edge.source]
        move = self.problem.transfer(edge, source, mode)
        if move is None:
            return _after(start, source, mode, edge.tiles)
        begin = self._earliest(_after(start, source, move, edge.tiles), move)
        if commit:
            self.moves[e] = begin
            self._hold(begin, move)
        return _after(begin, move, mode, edge.tiles)

    def _earliest(self, start: int, work: Mode | Transfer) -> int:
        """The first tick with room for a piece of work."""
        moved = bool(work.ticks)
        while moved:
            moved = False
            for r, amount in work.demands:
                found = self.profiles[r].earliest(start, work.ticks, amount)
                moved, start = moved or found > start, found
        return start

    def _hold(self, start: int, work: Mode | Transfer) -> None:
        self.last = max(self.last, start + work.ticks)
        for r, amount in work.demands if work.ticks else ():
            if amount:
                self.profiles[r].add(start, start + work.ticks, amount)

    def solution(self) -> Solution:
        """What has been scheduled."""
        return Solution(tuple(self.mode), tuple(self.start), self.last, self.moves)


def _after(start: int, before: Mode | Transfer, work: Mode | Transfer, tiles: int) -> int:
    """The earliest start of a stage after the one before it."""
    return start + lag(before.ticks, work.ticks, tiles)
