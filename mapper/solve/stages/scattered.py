"""Stages without contiguity: annealing from several starts, the column bound, and the splits that it suggests."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from functools import partial

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.stages.bound import simple_bound
from mapper.solve.stages.bound_columns import Column, ColumnBound, Verdict
from mapper.solve.stages.neighbour import SECONDS_PER_STEP, Neighbourhood, Schedule
from mapper.solve.stages.problem import MOST, Problem, Solution
from mapper.solve.stages.scattered_cpsat import any_split
from mapper.solve.stages.scattered_start import beside, chain, least_loaded
from mapper.solve.stages.scattered_units import Ints, Units, roomy, units
from mapper.solve.threads import Ended, at_once

SHARPENING = (
    Schedule(0.3, 0.02, 1),
    Schedule(0.3, 0.02, 2),
    Schedule(0.2, 0.02, 3),
    Schedule(0.1, 0.01, 4),
    Schedule(0.1, 0.01, 5),
)
"""From squares of loads, by which work spreads over all devices, to powers that see the busiest alone."""

POLISHING = (Schedule(0.02, 0.005, 3), Schedule(0.02, 0.002, 5))
"""Cool enough to keep most of a split that is nearly good."""

QUICK_STEPS, SHORT_STEPS, FIRST_STEPS = 800, 250, 1600
"""Steps per unit of each schedule: on first starts, on what the bound suggests, then doubling while time is left."""

MOST_STEPS = 1_000_000
"""Steps of one schedule, about a third of a second, between two looks at the budget."""

FILLINGS = 6
"""Fillings of one load that are tried as starts."""

ELITE = 4
"""Splits kept to anneal from."""

ROUNDS = ((0.25, 0.3), (0.5, 0.5), (0.6, 1.0))
"""Parts of what is left for the bound with the splits it suggests, then of what that leaves for annealing."""

FEASIBLE_SHARE = 0.5
"""Part of the budget for a split that fits scarce memories, where greedy ones do not."""

CLOSE, NEAR = 1e-4, 1e-2
"""Shares of the value: loads nearer to one that columns allow, or that was too hard, are not asked for."""

LADDER = (0.7, 0.85, 0.95, 0.98, 0.995)
"""Loads asked for first, as shares of the value: a rough bound is soon proven, a sharp one may take long."""

BELOW = 2.5
"""How far below a load given up, in shares of the excess there, its values should prove a load impossible."""

ASK_SHARE = 0.5
"""Part of what is left of the bound's budget for one load."""


def scattered(problem: Problem, incumbent: Incumbent[Solution], budget: Budget) -> None:
    """Improve the incumbent, and its bound, of a problem whose stages need not be contiguous, until the budget ends.

    Raises Infeasible when no split fits the memories.
    """
    incumbent.raise_bound(*simple_bound(problem))
    search = Search(problem, incumbent, budget)
    search.first_starts()
    if not search.elite:  # the budget did not suffice for any split that fits
        return
    if budget.workers is not None and budget.workers > 1:
        search.beside_each_other()
        return
    for bound_share, anneal_share in ROUNDS:
        search.bisect(bound_share)
        search.anneal_on(anneal_share)


class Search:
    """The units to anneal, those to bound (memory left aside, some joined for free), and the best splits so far."""

    def __init__(self, problem: Problem, incumbent: Incumbent[Solution], budget: Budget) -> None:
        self.problem, self.incumbent, self.budget = problem, incumbent, budget
        relaxed = units(problem, join=True)
        self.columns = ColumnBound(relaxed)
        self.units = relaxed if roomy(problem) else units(problem, join=False)
        self.neighbourhood = Neighbourhood(self.units, _order(self.units, self.columns))
        self.elite: list[tuple[int, Ints]] = []
        self._spent = 0.0
        self._tries = 0
        self._steps = FIRST_STEPS
        self._most = MOST_STEPS // len(self.units.nodes)
        self._allowed = self._gave_up = MOST
        self._near = -1
        self._lock = threading.Lock()
        self._suggested: deque[tuple[Column, ...]] | None = None

    def beside_each_other(self) -> None:
        """Bound and annealing in a thread each, until the budget is over; fillings go from the one to the other."""
        ended = Ended(self.budget.stop)
        self.budget = replace(self.budget, stop=ended)
        self._suggested = deque(maxlen=FILLINGS)
        at_once([self._keep_asking, partial(self.anneal_on, 1.0)], ended)

    def _keep_asking(self) -> None:
        """Ask again with more time, or for the loads below a better value; anneal when there is nothing to ask."""
        while not self.over():
            asked = self.columns.spent
            self.bisect(0.5)
            if self.columns.spent == asked:
                self._anneal(self.elite[0][1], SHARPENING, self._steps, "annealing")

    def spent(self) -> float:
        """Deterministic seconds so far."""
        return self._spent + self.columns.spent

    def over(self) -> bool:
        """Whether nothing is left to do, or to do it with."""
        return self.incumbent.closed or self.spent() >= self.budget.deterministic_seconds or self.budget.over()

    def first_starts(self) -> None:
        """The incumbent, equal shares of the order, and the least loaded device first; any split that fits if need be.

        Raises Infeasible when the memories are too small for any split.
        """
        order = self.neighbourhood.order.tolist()
        paying = [d for d, c in enumerate(self.problem.devices) if self.problem.classes[c].transfers]
        starts = [chain(self.units, order, paying or range(len(self.problem.devices))), least_loaded(self.units)]
        if self.incumbent.found:
            starts.append(self.units.split(self.incumbent.solution))
        if all(start is None for start in starts):
            starts.append(any_split(self.units, self.budget.slice(FEASIBLE_SHARE)))
        for start in starts:
            if start is not None:
                self._take(start, "greedy")
        for start in starts:
            if start is not None and not self.over():
                self._anneal(start, SHARPENING, QUICK_STEPS, "annealing")

    def bisect(self, share: float) -> None:
        """Ask whether loads between bound and value are impossible; try what fills the devices at each as a start.

        Ends when nothing is left to ask, or the share of the budget is spent.
        """
        part, until = self._part(share)
        self._gave_up, self._near = MOST, -1
        while not (self.over() or part.over() or self.spent() >= until):
            target = self._target()
            if target is None:
                return
            one = replace(part.slice(ASK_SHARE), deterministic_seconds=(until - self.spent()) * ASK_SHARE)
            verdict = self.columns.ask(target, one)
            if verdict is Verdict.IMPOSSIBLE:
                self.incumbent.raise_bound(target + 1, "columns")
            elif verdict is Verdict.ALLOWED:
                self._allowed = min(self._allowed, target)
            else:
                self._gave_up = min(self._gave_up, target)
                self._near = int(target * (1.0 - BELOW * self.columns.excess - NEAR / 4))
            self._try_fillings()

    def _target(self) -> int | None:
        """The next load to ask for; None when the loads between bound and value are answered, or were too hard."""
        low, value = int(self.incumbent.bound), int(self.incumbent.value)
        high = min(value, self._allowed, self._gave_up) - 1
        if high < low or (high < value - 1 and high - low <= (NEAR if self._gave_up <= high + 1 else CLOSE) * value):
            return None
        if self._near > low + CLOSE * value and self._near <= high:
            return self._near
        for share in LADDER:
            if low <= share * value <= high:
                return int(share * value)
        return high if high == value - 1 else (low + high) // 2

    def anneal_on(self, share: float) -> None:
        """Anneal from the best splits so far, longer and longer, until the share of what is left is spent."""
        part, until = self._part(share)
        while True:
            for schedules, start in [(POLISHING, self.elite[0][1]), *((SHARPENING, at) for _, at in self.elite)]:
                while self._suggested and not self.over():
                    self._polish(self._suggested.pop())
                if self.over() or part.over() or self.spent() >= until:
                    return
                self._anneal(start, schedules, self._steps, "annealing")
            self._steps = min(2 * self._steps, self._most)

    def _part(self, share: float) -> tuple[Budget, float]:
        """The budget until a share of the time left has passed, and the deterministic seconds spent by then."""
        return self.budget.slice(share), self.spent() + (self.budget.deterministic_seconds - self.spent()) * share

    def _try_fillings(self) -> None:
        if self._suggested is not None:
            self._suggested.extend(self.columns.fillings)
            return
        for filling in self.columns.fillings[-FILLINGS:]:
            if not self.over():
                self._polish(filling)

    def _polish(self, filling: tuple[Column, ...]) -> None:
        """Anneal from what fills the devices, if it fits."""
        start = self._complete(filling)
        if start is not None:
            self._anneal(start, POLISHING, SHORT_STEPS, "columns")

    def _complete(self, filling: tuple[Column, ...]) -> Ints | None:
        """The sets of a filling on devices of their kinds, other units beside a neighbour; None if they do not fit."""
        free = [[d for d, at in enumerate(self.problem.devices) if at == c] for c in range(len(self.problem.classes))]
        at = np.full(len(self.problem.nodes), -1, dtype=np.int64)
        for column in filling:
            d = free[column.kind].pop(0)
            for u in column.units.tolist():
                nodes = list(self.columns.units.nodes[u])
                at[nodes] = np.where(at[nodes] < 0, d, at[nodes])
        return beside(self.units, at[[nodes[0] for nodes in self.units.nodes]])

    def _anneal(self, start: Ints, schedules: tuple[Schedule, ...], per_unit: int, by: str) -> None:
        """Anneal from a split and take the best met; a seed of its own each time."""
        steps = min(per_unit * len(self.units.nodes), MOST_STEPS)
        with self._lock:
            self._tries += 1
            seed = self.budget.seed + self._tries
            self._spent += steps * len(schedules) * SECONDS_PER_STEP
        found, _ = self.neighbourhood.anneal(start, schedules, steps, seed, self.budget)
        self._take(found, by)

    def _take(self, device: Ints, by: str) -> None:
        """Offer a split to the incumbent, and to the few that annealing starts from."""
        solution = self.units.solution(device)
        value = self.problem.value(solution)
        self.incumbent.offer(solution, by)
        with self._lock:
            if all(value != v for v, _ in self.elite):
                self.elite = sorted([*self.elite, (value, device)], key=lambda pair: pair[0])[:ELITE]


def _order(units: Units, columns: ColumnBound) -> Ints:
    """The units in the order of the layers of the bound."""
    place = {node: i for i, u in enumerate(columns.order.tolist()) for node in columns.units.nodes[u]}
    return np.array(sorted(range(len(units.nodes)), key=lambda u: place[units.nodes[u][0]]), dtype=np.int64)
