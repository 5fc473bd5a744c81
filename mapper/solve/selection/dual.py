"""A lower bound of a selection problem: prices on the rows of memory, and messages along the edges, raised in turns."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mapper.solve.selection.arrays import Arrays, loads, pieces_of
from mapper.solve.selection.problem import FORBIDDEN
from mapper.solve.selection.rows import Ints, offsets

Floats = npt.NDArray[np.float64]

MEMORY = 0.8
"""How much of the last direction stays in the next one: the best options of many nodes flip at once."""

TOLERANCE = 0.1
"""A bound that falls by this part of the gap is not waited for: prices and messages go back to the best."""

PATIENCE = 20
"""Turns without a better bound after which prices and messages go back to the best."""

FIRST_TURNS = 8
"""Turns without prices, in which the messages reach across the graph."""

LEAST_STEP = 1e-6
"""Below this part of Polyak's step, the prices are as good as they get."""

SECONDS_PER_ENTRY = 4e-9
SECONDS_PER_MESSAGE = 1.5e-8
SECONDS_PER_TURN = 1e-4
"""Deterministic seconds charged for a turn (measured): by entries of edges, by lengths of messages, at all."""


class Dual:
    """Prices (one per row) and messages of the best bound so far, and those of the current turn.

    For any prices >= 0 the least cost plus price * usage, minus prices * limit, bounds the cost of every choice that
    keeps the limits. That least cost is bounded by reparametrisation: Kolmogorov, Convergent tree-reweighted message
    passing (TRW-S), 2006. The prices follow Polyak's subgradient step along an average of past directions (Barahona
    and Anbil, The volume algorithm, 2000).
    """

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        options = arrays.options
        self.message_first = offsets(options[arrays.edge_a] + options[arrays.edge_b])
        self.messages = np.zeros(int(self.message_first[-1]))
        self.prices = np.zeros(arrays.rows)
        self.best_prices, self.best_messages = self.prices.copy(), self.messages.copy()
        self.best = -math.inf
        self.choice = np.zeros(arrays.nodes, dtype=np.int64)
        self.most = _largest_cost(arrays)
        self.seconds_per_turn = (
            SECONDS_PER_TURN + SECONDS_PER_ENTRY * len(arrays.edge_cost) + SECONDS_PER_MESSAGE * len(self.messages)
        )
        self._costs = np.minimum(arrays.cost, self.most).astype(np.float64)
        self._owner = pieces_of(arrays).owner
        self._direction = np.zeros(arrays.rows)
        self._step, self._fails, self.turns = 0.5, 0, 0

    @property
    def stalled(self) -> bool:
        """Whether further turns are not worth their time, or the bound is beyond all costs: nothing is possible."""
        return self._step < LEAST_STEP or self.best > self.most

    def option_prices(self, prices: Floats) -> Floats:
        """What the memory of each option costs."""
        from mapper.solve.selection import dual_kernels as kernels

        a = self.arrays
        paid = np.zeros(len(a.cost))
        sums = np.concatenate([np.zeros(1), np.cumsum(prices)])
        kernels.add_prices(
            self._owner, a.piece_start, a.piece_end, a.usage_first, a.usage, a.first, sums, paid
        )  # fmt: skip
        return paid

    def turn(self, target: float) -> None:
        """Messages forth and back, then new prices; target: the cost of a known choice (inf: none is known)."""
        ahead, _ = self._sweep(True)
        back, reached = self._sweep(False)
        self.turns += 1
        if self.arrays.rows:
            direction = (ahead + back) / 2 - self.arrays.limit
            weight = MEMORY if self.turns > 1 else 0.0
            self._direction = weight * self._direction + (1 - weight) * direction
        gap = (target if math.isfinite(target) else self.best + 0.1 * abs(self.best)) - self.best
        if reached > self.best:
            small = reached - self.best < 1e-7 * abs(reached)
            self._keep(reached)
            self._fails = self._fails + 1 if small else 0
            self._step = min(self._step * (1.0 if small else 1.05), 2.0)
        else:
            self._fails += 1
        if self._fails >= PATIENCE or reached < self.best - TOLERANCE * gap:
            self._return()
            reached = self.best
        if self.turns > FIRST_TURNS:
            self._reprice(reached, target)

    def _sweep(self, ahead: bool) -> tuple[Ints, float]:
        """A pass of messages: the load of the nodes' best options, and the bound."""
        from mapper.solve.selection import dual_kernels as kernels

        a = self.arrays
        reached = kernels.sweep(
            ahead, a.first, self._costs + self.option_prices(self.prices), a.edge_a, a.edge_b, a.edge_first,
            a.edge_cost, a.first_incident, a.incident, self.message_first, self.messages, float(self.most), self.choice,
        )  # fmt: skip
        return loads(a, self.choice), reached - float(self.prices @ a.limit) + a.constant

    def _keep(self, reached: float) -> None:
        self.best = reached
        self.best_prices = self.prices.copy()  # a new one, for a search in another thread may be reading the old one
        self.best_messages[:] = self.messages

    def _return(self) -> None:
        self.prices[:] = self.best_prices
        self.messages[:] = self.best_messages
        self._step *= 0.7
        self._fails = 0

    def _reprice(self, reached: float, target: float) -> None:
        """A step along the direction, by the part of Polyak's length that has proven right."""
        direction = np.where((self.prices <= 0) & (self._direction < 0), 0.0, self._direction)
        square = float(direction @ direction)
        if not math.isfinite(target):
            target = self.best + 0.1 * abs(self.best)
        gap = max(target - reached, 1e-4 * abs(target))
        if square > 0:
            self.prices = np.clip(self.prices + self._step * gap / square * direction, 0.0, float(self.most))

    def bound(self) -> int:
        """The bound of the best prices and messages in exact arithmetic: no choice that keeps the limits costs less."""
        from mapper.solve.selection import dual_kernels as kernels

        a = self.arrays
        if not a.nodes:
            return a.constant
        dearest = max(float(self.option_prices(self.best_prices).max(initial=0.0)), float(self.best_prices.sum()), 1.0)
        shift = max(0, min(24, 58 - math.ceil(math.log2(max(dearest, float(self.most))))))
        fitting = self.best_prices * min(1.0, 2.0**58 / dearest)
        prices = np.floor(np.ldexp(fitting, shift)).astype(np.int64)
        extra = np.zeros(len(a.cost), dtype=np.int64)
        sums = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(prices)])
        kernels.add_prices(self._owner, a.piece_start, a.piece_end, a.usage_first, a.usage, a.first, sums, extra)
        messages = self.best_messages.copy()
        unary = self._costs + np.ldexp(extra.astype(np.float64), -shift)
        kernels.sweep(
            True, a.first, unary, a.edge_a, a.edge_b, a.edge_first, a.edge_cost, a.first_incident, a.incident,
            self.message_first, messages, float(self.most), self.choice.copy(),
        )  # fmt: skip
        parts = np.zeros(len(messages), dtype=np.int64)
        kernels.spread(
            a.first, unary, a.edge_a, a.edge_b, a.first_incident, a.incident, self.message_first, messages,
            float(2**shift), float(2**60), parts,
        )  # fmt: skip
        least = np.zeros(a.nodes + a.edges, dtype=np.int64)
        kernels.minima(
            a.first, a.cost, extra, a.edge_a, a.edge_b, a.edge_first, a.edge_cost, self.message_first, parts, shift,
            least,
        )  # fmt: skip
        low = int(least.astype(object).sum())
        paid = sum(int(price) * int(limit) for price, limit in zip(prices, a.limit, strict=True) if price)
        return a.constant - ((paid - low) >> shift)


def _largest_cost(arrays: Arrays) -> int:
    """More than the costs of any two choices without anything forbidden differ by; at most FORBIDDEN / 4."""
    costs, pairs = (np.where(c < FORBIDDEN, np.abs(c), 0) for c in (arrays.cost, arrays.edge_cost))
    total = 1.0
    for values, starts in ((costs, arrays.first[:-1]), (pairs, arrays.edge_first[:-1])):
        if len(starts):
            total += float(np.maximum.reduceat(values, starts).sum(dtype=np.float64))
    return int(min(2 * total, FORBIDDEN / 4))
