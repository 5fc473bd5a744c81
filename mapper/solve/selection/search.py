"""A walk over choices by random trees, each chosen anew by an exact dynamic program, under a falling temperature."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mapper.solve.selection.arrays import Arrays, evaluate, loads
from mapper.solve.selection.dual import Dual
from mapper.solve.selection.problem import FORBIDDEN
from mapper.solve.selection.rows import Ints

Floats = npt.NDArray[np.float64]

LARGEST_TREE = 80
"""Nodes of the largest tree. On the contest's cores 12 is worse and 200 much the same."""

SECONDS_PER_WORK = 1.2e-8
"""Deterministic seconds charged for a unit of work of the kernel (measured)."""

NOTHING_FOUND = 2**62
"""The best cost while there is no choice that keeps the limits."""

STRICTER, RELAXING = 1.5, 0.95
"""By how much excess becomes dearer when a stretch of the walk ends with some, and cheaper when it ends without. Where
excess is too dear the walk cannot cross it: on the contest's M it ends 0.3 % above."""

OFTEN = 5
"""Stretches in a row that end with excess before the rows that are above their limits become dearer themselves; at once
while no choice is known."""

COST, EXCESS, BEST, NOTED = range(4)


class Walk:
    """A choice that changes, its cost and excess of memory, and the best choice without excess that it has passed."""

    def __init__(self, dual: Dual, seed: int) -> None:
        a = self.arrays = dual.arrays
        self.free = np.flatnonzero(a.options > 1)
        degree = int(np.diff(a.first_incident).max(initial=0))
        self._big = min(dual.most, 2**60 // (degree + 2), 2**61 // (a.nodes + a.edges + 1))
        self._costs = np.minimum(a.cost, self._big)
        self._edge_costs = np.minimum(a.edge_cost, self._big)
        self._journal = np.zeros(max(8 * a.nodes, 1024), dtype=np.int64)
        self._random = np.random.default_rng(seed)
        self._field = np.zeros(len(a.cost), dtype=np.int64)
        self.best = np.zeros(a.nodes, dtype=np.int64)
        self._state = np.array([0, 0, NOTHING_FOUND, -1], dtype=np.int64)
        self._penalty = 0.0
        self._typical = max(float(a.usage.mean()), 1.0) if len(a.usage) else 1.0
        self.reprice(dual)
        self.start(dual.choice)

    def reprice(self, dual: Dual) -> None:
        """Take over the best prices of memory that the dual has by now."""
        self._over = 0
        self.dual, self._surcharge = dual, np.zeros(self.arrays.rows)
        self._prices = dual.best_prices  # these, even if another thread finds better ones
        self._price = dual.option_prices(self._prices)
        paid = self._prices[self._prices > 0]
        self._fair = 10 * float(paid.mean()) if len(paid) else 0.0

    def start(self, choice: Ints) -> None:
        """Walk on from this choice; the best one stays."""
        from mapper.solve.selection import search_kernels as kernels

        a = self.arrays
        self._settle()
        self.choice = choice.copy()
        kernels.fields(
            a.first, self._costs, a.edge_a, a.edge_b, a.edge_first, self._edge_costs, self.choice, self._field
        )
        mine = a.first[:-1] + self.choice
        self._load = loads(a, self.choice)
        self._state[COST] = int(self._field[mine].sum() + self._costs[mine].sum()) // 2
        self._state[EXCESS] = int(np.maximum(self._load - a.limit, 0).sum())
        self._penalty = self._fair if self._fair > 0 else self._penalty
        if self._state[EXCESS] == 0 and self._state[COST] < self._state[BEST]:
            self._state[BEST] = self._state[COST]
            self.best[:] = self.choice

    @property
    def found(self) -> bool:
        """Whether the best choice keeps every limit and has nothing forbidden."""
        return int(self._state[BEST]) < NOTHING_FOUND and evaluate(self.arrays, self.best)[0] < FORBIDDEN

    @property
    def best_cost(self) -> int:
        """The cost of the best choice, as Arrays has it."""
        return int(self._state[BEST]) + self.arrays.constant

    @property
    def cost(self) -> int:
        """The cost of the current choice, as Arrays has it while nothing forbidden is chosen."""
        return int(self._state[COST]) + self.arrays.constant

    @property
    def excess(self) -> int:
        """By how much the current choice is above the limits, added up over the rows."""
        return int(self._state[EXCESS])

    @property
    def scale(self) -> float:
        """What temperatures are measured by: the magnitude of the best cost, or of the current one."""
        cost = self.best_cost if self.found else self.cost
        return max(float(abs(cost) % self._big), 1.0)

    def hottest(self) -> float:
        """A temperature at which most nodes would leave their best option: the upper decile of what that costs."""
        spread = self._field + self._price
        a = self.arrays
        least = np.minimum.reduceat(spread, a.first[:-1])
        at_least = spread <= np.repeat(least, a.options)
        rest = np.where(at_least & (np.cumsum(at_least) - 1 == _ranks(at_least, a)), math.inf, spread)
        second = np.minimum.reduceat(rest, a.first[:-1])
        gaps = (second - least)[self.free]
        gaps = gaps[(gaps > 0) & (gaps < self._big / 2)]
        return float(np.quantile(gaps, 0.9)) if len(gaps) else 1.0

    def stretch(self, work: int, hot: float, cold: float) -> tuple[int, float]:
        """Walk for that much work; the work done, and the mean cost on the way."""
        from mapper.solve.selection import search_kernels as kernels

        a = self.arrays
        seed = int(self._random.integers(2**31))
        done, mean = kernels.anneal(
            work, seed, max(hot, 1e-9), max(cold, 1e-9), LARGEST_TREE, self._penalty, self.free, self._price, a.first,
            a.first_incident, a.incident, a.edge_a, a.edge_b, a.edge_first, self._edge_costs, a.piece_first,
            a.piece_start, a.piece_end, a.usage_first, a.usage, a.limit, self.choice, self.best, self._field,
            self._load, self._state, self._journal,
        )  # fmt: skip
        self._settle()
        self._surcharge_rows(hot)
        return done, mean + a.constant

    def _surcharge_rows(self, heat: float) -> None:
        """Make the rows that are above their limits dearer; half the surcharges when none is."""
        if self._state[EXCESS] > 0:
            self._penalty = max(self._penalty * STRICTER, heat / self._typical)
            self._over += 1
            if self._over < OFTEN and self._state[BEST] < NOTHING_FOUND:
                return
            self._surcharge[self._load > self.arrays.limit] += self._penalty
            self._price = self.dual.option_prices(self._prices + self._surcharge)
            return
        self._over = 0
        self._penalty = max(self._penalty * RELAXING, self._fair)
        if self._surcharge.any():
            self._surcharge = np.where(self._surcharge > self._penalty / 8, self._surcharge / 2, 0.0)
            self._price = self.dual.option_prices(self._prices + self._surcharge)

    def _settle(self) -> None:
        """Write down the best choice that the journal leads back to."""
        from mapper.solve.selection import search_kernels as kernels

        if self._state[NOTED] >= 0:
            kernels.rolled_back(self.choice, self._journal, int(self._state[NOTED]), self.best)
            self._state[NOTED] = -1


def _ranks(at_least: npt.NDArray[np.bool_], arrays: Arrays) -> Ints:
    """For each option the number of marked ones before its node: the first marked option of a node has this rank."""
    before = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(at_least)])[arrays.first[:-1]]
    return np.repeat(before, arrays.options)
