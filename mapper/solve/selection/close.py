"""What bound and search leave in question: options that may still be better, on a core of their own."""

from __future__ import annotations

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.selection.arrays import Arrays
from mapper.solve.selection.dual import Dual
from mapper.solve.selection.eliminate import ContradictionError
from mapper.solve.selection.exact import exactly, fits_exact, judge
from mapper.solve.selection.explore import explore
from mapper.solve.selection.option_bounds import option_bounds
from mapper.solve.selection.rebuild import only
from mapper.solve.selection.reduce import Reduced, reduce
from mapper.solve.selection.rows import Ints

WORTH_TURNS = 30
"""Turns of the dual for which there must be time, if a core is to be narrowed and searched again: the sweep for the
bounds of options, arrays made anew, a first turn and its exact bound are not interrupted, and take ten to twenty."""


class Within(Incumbent[Ints]):
    """The incumbent of a narrowed core: what it is offered is the whole core's too.

    What was left out costs at least the value that the whole core's incumbent had then: a bound of the narrowed core
    holds for the whole up to there.
    """

    def __init__(self, outer: Incumbent[Ints], reduced: Reduced, budget: Budget) -> None:
        super().__init__(judge(reduced.core), budget)
        self._outer, self._reduced, self._then = outer, reduced, outer.value

    @property
    def closed(self) -> bool:
        """Whether this core's or the whole core's solution is proven to be the best."""
        return super().closed or self._outer.closed

    def offer(self, solution: Ints, by: str) -> bool:
        self._outer.offer(self._reduced.expand(solution), by)
        return super().offer(solution, by)

    def raise_bound(self, value: float, name: str) -> bool:
        self._outer.raise_bound(min(value, self._then, self._outer.value), name)
        return super().raise_bound(value, name)


def narrowed(arrays: Arrays, bounds: Ints, value: float, budget: Budget) -> Reduced | None:
    """The core that is left without the options whose bound is not below the value; None when nothing better is left.

    bounds: what every choice with an option costs at least, for each option.
    """
    alive = bounds < value
    if not np.logical_or.reduceat(alive, arrays.first[:-1]).all():
        return None
    try:
        fewer, steps = only(arrays, alive)
        reduced = reduce(fewer, budget)
    except ContradictionError:
        return None
    return Reduced(reduced.core, (*steps, *reduced.steps))


def close(core: Arrays, dual: Dual, incumbent: Incumbent[Ints], budget: Budget) -> None:
    """Leaves out the options that cannot be part of anything better, and goes on: CP-SAT where it has a chance.

    Where a search has found nothing yet, all options stay. Where there is no time for it nothing is done.
    """
    if (
        incumbent.found
        and min(budget.deterministic_seconds, budget.seconds_left()) < WORTH_TURNS * dual.seconds_per_turn
    ):
        return
    reduced: Reduced | None = Reduced(core, ())
    if incumbent.found:
        reduced = narrowed(core, option_bounds(dual), incumbent.value, budget)
    if reduced is None:
        incumbent.raise_bound(incumbent.value, "options fixed")
        return
    within = Within(incumbent, reduced, budget)
    if fits_exact(reduced.core):
        exactly(reduced.core, within, budget)
    elif incumbent.found:
        explore(reduced.core, within, budget, reduced.project(incumbent.solution))
    else:
        explore(reduced.core, within, budget)
