"""Contiguous stages: chains along some orders, a proof over all ideals; beside too many, windows and a model."""

from __future__ import annotations

import math
from dataclasses import replace

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.portfolio import Step
from mapper.solve.stages import contiguous_ladder
from mapper.solve.stages.bound import simple_bound
from mapper.solve.stages.bound_columns import ColumnBound, Verdict
from mapper.solve.stages.contiguous_ideals import SECONDS_PER_IDEAL, Chain, Lattice, Search, all_ideals, room
from mapper.solve.stages.contiguous_orders import best_of_orders, deep_order, window
from mapper.solve.stages.contiguous_reduce import forward_groups, relaxed, unordered, whole
from mapper.solve.stages.contiguous_units import Units
from mapper.solve.stages.infeasible import no_split
from mapper.solve.stages.problem import Problem, Solution
from mapper.solve.stages.scattered_units import units as joined_units
from mapper.solve.stages.verify import verify

MANY_IDEALS = 5_000
"""From here on a proof with a tight limit on the loads is so much cheaper that it pays to guess one first."""
LOADS = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995)
"""Shares of the best value that are shown one after another to be too little for any split."""
WIDTHS = (4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64)
"""Windows along an order of the units, within which all ideals are looked at where there are too many in all."""
WINDOW_SHARE = 0.5
"""Part of what is left for windows that one of them may take."""
VAST, BESIDE_SHARE, VAST_SHARE = 200_000, 0.15, 0.5
"""So many ideals that a proof over them may not end; the parts that columns and windows get then, and the proof."""
GUESSES = (1 / 16, 1 / 4, 1 / 2)
"""Where between bound and best value the guesses lie."""


class Contiguous:
    """The search for a contiguous split of a problem, in steps of a portfolio."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.loose = not all(forward_groups(problem))

    def steps(self) -> list[Step[Solution]]:
        """What the portfolio does, in this order."""
        return [
            Step("orders", 0.05, self.orders),
            Step("ideals", 0.9, self.ideals),
            Step("ladder", 0.05, self.ladder),
        ]

    def orders(self, incumbent: Incumbent[Solution], budget: Budget) -> None:
        """Offer the best chain along some topological orders."""
        search = Search(whole(self.problem))
        incumbent.raise_bound(*simple_bound(self.problem))
        if not self.loose:
            incumbent.raise_bound(search.least_load(), "work spread evenly")
        chain = best_of_orders(search, _upper(self.problem, incumbent), budget)
        if chain is not None:
            incumbent.offer(search.units.solution(*chain), "orders")

    def ideals(self, incumbent: Incumbent[Solution], budget: Budget) -> None:
        """Offer the best chain over all ideals and prove it. Raises Infeasible where there is none.

        Where groups of backward nodes stand in no order, first with one put on them, for splits, then without, for the
        bound.
        """
        for make in [whole, relaxed] if self.loose else [whole]:
            if budget.over() or incumbent.closed:
                return
            search = Search(make(self.problem, _upper(self.problem, incumbent)))
            lattice = _ideals(search.units, budget)
            if make is whole and (lattice is None or len(lattice.sets) >= VAST):
                self._columns(incumbent, budget.slice(BESIDE_SHARE))
                self._windows(search.units, incumbent, budget.slice(BESIDE_SHARE))
                budget = budget.slice(VAST_SHARE)
            if lattice is not None:
                self._through(search, lattice, make is relaxed or not self.loose, incumbent, budget)

    def _columns(self, incumbent: Incumbent[Solution], budget: Budget) -> None:
        """Raise the bound by what holds of any split."""
        if not incumbent.found:
            return
        columns = ColumnBound(joined_units(self.problem, join=True))
        for k, share in enumerate(LOADS):
            load = int(share * incumbent.value)
            if load <= incumbent.bound:
                continue
            left = replace(budget, deterministic_seconds=budget.deterministic_seconds - columns.spent)
            if columns.ask(load, left.slice(1 / (len(LOADS) - k))) is not Verdict.IMPOSSIBLE:
                return
            incumbent.raise_bound(load + 1, "columns")

    def _windows(self, units: Units, incumbent: Incumbent[Solution], budget: Budget) -> None:
        """Offer the best chains near the order of the best one: of the ideals within wider and wider windows of it."""
        spent = 0.0
        for width in WIDTHS:
            if not incumbent.found or budget.over() or spent >= budget.deterministic_seconds:
                return
            narrow = window(units, deep_order(units, self._positions(units, incumbent) or []), width)
            part = budget.slice(WINDOW_SHARE)
            lattice = _ideals(narrow, part)
            if lattice is None:
                return
            search = Search(narrow)
            found = search.best_chain(lattice, int(incumbent.value), part)
            spent += search.spent + len(lattice.sets) * SECONDS_PER_IDEAL
            if found.chain is not None:
                self._offer(search, found.chain, incumbent, "windows")

    def _through(
        self, search: Search, lattice: Lattice, binds: bool, incumbent: Incumbent[Solution], budget: Budget
    ) -> None:
        """Search the lattice with ever larger limits on the loads. binds: what it proves holds of the problem."""
        guesses = GUESSES if len(lattice.sets) >= MANY_IDEALS and incumbent.found else ()
        for guess in (*guesses, 1):
            upper, low = _upper(self.problem, incumbent), max(incumbent.bound, 0)
            limit = upper if guess == 1 else math.ceil(low + guess * (upper - low))
            found = search.best_chain(lattice, limit, budget)
            if found.proven and binds:
                if found.chain is None and guess == 1 and not incumbent.found:
                    raise no_split(self.problem)
                incumbent.raise_bound(min(found.value, incumbent.value), "all ideals")
            if found.chain is not None:
                self._offer(search, found.chain, incumbent)
            if found.chain is not None or not found.proven:
                return

    def _offer(self, search: Search, chain: Chain, incumbent: Incumbent[Solution], by: str = "ideals") -> None:
        """Offer a chain; where memory binds, what is free may not fit beside it."""
        solution = search.units.solution(*chain)
        try:
            verify(self.problem, solution)
        except MapperError:
            if not search.units.free:
                raise
            return
        incumbent.offer(solution, by)

    def ladder(self, incumbent: Incumbent[Solution], budget: Budget) -> None:
        """Let CP-SAT improve the split or prove it, then to the tick. Raises Infeasible where there is none."""
        for step in (None, 1):
            upper = _upper(self.problem, incumbent)
            units = unordered(self.problem, upper)
            answer = contiguous_ladder.solve(units, upper, self._positions(units, incumbent), budget, step)
            if answer.chain is not None:
                incumbent.offer(units.solution(*answer.chain), "ladder")
            elif answer.bound >= upper and not incumbent.found:
                raise no_split(self.problem)
            incumbent.raise_bound(min(answer.bound, incumbent.value), "ladder model")
            if incumbent.closed or not answer.done or budget.over():
                return

    def _positions(self, units: Units, incumbent: Incumbent[Solution]) -> list[int] | None:
        """Where in the pipeline each unit of the best split is."""
        if not incumbent.found:
            return None
        device = incumbent.solution.device
        order = self.problem.pipeline(incumbent.solution)
        place = {d: k for k, d in enumerate(order)}
        return [place[device[group[0]]] for group in units.members]


def _ideals(units: Units, budget: Budget) -> Lattice | None:
    """All ideals of the units; None where they are more than the budget is for."""
    most = room(units, budget)
    lattice = all_ideals(units, most)
    budget.spend("ideals", (most if lattice is None else len(lattice.sets)) * SECONDS_PER_IDEAL)
    return lattice


def _upper(problem: Problem, incumbent: Incumbent[Solution]) -> int:
    """The value to stay below: that of the best split, or one that no split reaches."""
    if incumbent.found:
        return int(incumbent.value)
    return sum(max((t for t in n.times if t is not None), default=0) + 2 * n.transfer for n in problem.nodes) + 1
