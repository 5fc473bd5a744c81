"""Contiguous stages: chains along some orders, then a proof over all ideals, then a model where those are too many."""

from __future__ import annotations

import math
from functools import cached_property

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.portfolio import Step
from mapper.solve.stages import contiguous_ladder
from mapper.solve.stages.contiguous_ideals import Found, Lattice, Search, all_ideals, room
from mapper.solve.stages.contiguous_orders import best_of_orders
from mapper.solve.stages.contiguous_units import Units, forward_groups, relaxed, unordered, whole
from mapper.solve.stages.infeasible import no_split
from mapper.solve.stages.problem import Problem, Solution

MANY_IDEALS = 5_000
"""From here on a proof with a tight limit on the loads is so much cheaper that it pays to guess one first."""
GUESSES = (1 / 16, 1 / 4)
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
            Step("ideals", 0.55, self.ideals),
            Step("ladder", 0.4, self.ladder),
        ]

    @cached_property
    def _whole(self) -> Search:
        return Search(whole(self.problem))

    @cached_property
    def _relaxed(self) -> Search:
        """Of the problem itself where every group has a forward node, else of a relaxation."""
        return Search(relaxed(self.problem)) if self.loose else self._whole

    def orders(self, incumbent: Incumbent[Solution], budget: Budget) -> None:
        """Offer the best chain along some topological orders."""
        incumbent.raise_bound(self._relaxed.least_load(), "work spread evenly")
        chain = best_of_orders(self._whole, _upper(self.problem, incumbent), budget)
        if chain is not None:
            incumbent.offer(self._whole.units.solution(*chain), "orders")

    def ideals(self, incumbent: Incumbent[Solution], budget: Budget) -> None:
        """Offer the best chain over all ideals and prove it. Raises Infeasible where there is none."""
        for search in [self._whole, self._relaxed] if self.loose else [self._whole]:
            lattice = all_ideals(search.units, room(search.units))
            if lattice is None or budget.over():
                return
            self._through(search, lattice, incumbent, budget)

    def _through(self, search: Search, lattice: Lattice, incumbent: Incumbent[Solution], budget: Budget) -> None:
        binds = search is self._relaxed
        guesses = GUESSES if len(lattice.sets) >= MANY_IDEALS and incumbent.found else ()
        for guess in (*guesses, 1):
            upper, low = _upper(self.problem, incumbent), max(incumbent.bound, 0)
            limit = upper if guess == 1 else math.ceil(low + guess * (upper - low))
            found = search.best_chain(lattice, limit, budget)
            self._learn(search, found, incumbent)
            if found.proven and binds:
                if found.chain is None and not incumbent.found:
                    raise no_split(self.problem)
                incumbent.raise_bound(min(found.value, incumbent.value), "all ideals")
            if found.chain is not None or not found.proven:
                return

    def _learn(self, search: Search, found: Found, incumbent: Incumbent[Solution]) -> None:
        if search is self._whole and found.chain is not None:
            incumbent.offer(search.units.solution(*found.chain), "ideals")

    def ladder(self, incumbent: Incumbent[Solution], budget: Budget) -> None:
        """Let CP-SAT improve the split or prove it. Raises Infeasible where there is none."""
        units = unordered(self.problem)
        upper = _upper(self.problem, incumbent)
        answer = contiguous_ladder.solve(units, upper, self._positions(units, incumbent), budget)
        if answer.chain is not None:
            incumbent.offer(units.solution(*answer.chain), "ladder")
        elif answer.bound >= upper and not incumbent.found:
            raise no_split(self.problem)
        incumbent.raise_bound(min(answer.bound, incumbent.value), "ladder model")

    def _positions(self, units: Units, incumbent: Incumbent[Solution]) -> list[int] | None:
        """Where in the pipeline each unit of the best split is."""
        if not incumbent.found:
            return None
        device = incumbent.solution.device
        order = self.problem.pipeline(incumbent.solution)
        place = {d: k for k, d in enumerate(order)}
        return [place[device[group[0]]] for group in units.members]


def _upper(problem: Problem, incumbent: Incumbent[Solution]) -> int:
    """The value to stay below: that of the best split, or one that no split reaches."""
    if incumbent.found:
        return int(incumbent.value)
    return sum(max((t for t in n.times if t is not None), default=0) + 2 * n.transfer for n in problem.nodes) + 1
