"""Dual bound and tree search in turns, or in a thread each: prices guide the search, its choices scale their steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Protocol

from mapper.solve.budget import Budget
from mapper.solve.selection.arrays import Arrays
from mapper.solve.selection.dual import Dual
from mapper.solve.selection.rows import Ints
from mapper.solve.selection.search import SECONDS_PER_WORK, Walk
from mapper.solve.threads import Ended, at_once

DUAL_SHARE = 0.2
"""Part of the budget that the prices get before the search relies on them; less when they stall."""

DUAL_AGAIN = 0.2
"""Part of what is left that the prices get between rounds while they still rise."""

LOOKS, BOUND_EVERY = (0.1, 0.2), 0.05
"""With two threads, when the search takes over new prices before its rounds, and how often the bound is made exact."""

ROUNDS = (0.15, 0.35, 0.5)
"""Parts of the search's time: the last round starts at the best choice so far, those before at the dual's choice, which
breaks limits: they can still cross what a choice that keeps them cannot."""

UNSETTLED = 0.02
"""A round cools from the temperature at which the walk's mean cost is by this part above the best."""

GENTLE, WARMER, COOLING = 1e-5, 1.6, 2e-4
"""The first temperature by the best cost; how it rises stretch by stretch to the hottest; the last by the hottest."""

RARELY = 10
"""A choice is offered when this many times as long has passed since the last offer as that one took to check."""

STRETCHES, STRETCH_SECONDS = 200, 0.15
"""A kernel runs for this part of the budget until somebody looks at it, and not for longer than that."""

DEFAULT_SECONDS = 60.0
"""What a budget without any limit means."""


class Target(Protocol):
    """What takes choices and bounds, as mapper.solve.incumbent.Incumbent does."""

    value: float

    @property
    def closed(self) -> bool: ...

    def offer(self, solution: Ints, by: str, /) -> bool: ...

    def raise_bound(self, value: float, name: str, /) -> bool: ...


class _Clock:
    """How much of the budget is used, by the deterministic seconds charged and by the time to the deadline."""

    def __init__(self, budget: Budget) -> None:
        self.budget, self._charged, self._begin = budget, 0.0, time.monotonic()
        limited = math.isfinite(budget.deterministic_seconds) or budget.deadline is not None
        self._seconds = budget.deterministic_seconds if limited else DEFAULT_SECONDS
        whole = min(self._seconds, budget.seconds_left())
        self.stretch_work = int(min(max(whole / STRETCHES, 0.01), STRETCH_SECONDS) / SECONDS_PER_WORK)

    def charge(self, seconds: float, solver: str) -> None:
        self._charged += seconds
        self.budget.spend(solver, seconds)

    def used(self) -> float:
        """From 0 to 1."""
        part = self._charged / self._seconds if self._seconds > 0 else 1.0
        if self.budget.deadline is not None:
            whole = self.budget.deadline - self._begin
            part = max(part, (time.monotonic() - self._begin) / whole if whole > 0 else 1.0)
        return 1.0 if self.budget.stop.is_set() else min(part, 1.0)


def explore(arrays: Arrays, incumbent: Target, budget: Budget, start: Ints | None = None) -> Dual:
    """Better choices and bounds for the incumbent until the budget is over or they meet; the dual with its last state.

    Values are those of the arrays, with their constant. start: a choice to begin with. With two workers bound and
    search run side by side; otherwise in turns, the same for equal budgets without a deadline.
    """
    dual = Dual(arrays)
    ended = Ended(budget.stop)
    clock = _Clock(replace(budget, stop=ended))
    _ascend(dual, incumbent, clock, 0.02)
    _offer_bound(dual, incumbent)
    walk = Walk(dual, budget.seed)
    if start is not None:
        walk.start(start)
    offers = _Offers(walk, incumbent)
    offers.make(last=True)
    if not len(walk.free):
        return dual
    _cool(walk, offers, clock, min(max(0.05, clock.used() + 0.02), 1.0), walk.scale * 10 * GENTLE)
    if (budget.workers or 1) > 1:
        beside = copy(clock)
        at_once([lambda: _walk_beside(walk, offers, clock), lambda: _ascend_beside(dual, incumbent, beside)], ended)
        return dual
    _ascend(dual, incumbent, clock, DUAL_SHARE)
    _offer_bound(dual, incumbent)
    walk.reprice(dual)

    def again() -> None:
        if not dual.stalled and clock.used() < 1 and not incumbent.closed:
            _ascend(dual, incumbent, clock, clock.used() + DUAL_AGAIN * (1 - clock.used()))
            _offer_bound(dual, incumbent)
            walk.reprice(dual)

    _rounds(walk, offers, clock, again)
    return dual


def _walk_beside(walk: Walk, offers: _Offers, clock: _Clock) -> None:
    """The search while another thread raises the prices: it looks at them now and then."""
    for until in LOOKS:
        _cool(walk, offers, clock, until, walk.scale * 10 * GENTLE)
        walk.reprice(walk.dual)
    _rounds(walk, offers, clock, lambda: walk.reprice(walk.dual))


def _ascend_beside(dual: Dual, incumbent: Target, clock: _Clock) -> None:
    """The prices while another thread searches."""
    until, exact = clock.used(), 0.0
    while until + BOUND_EVERY + 2 * exact < 1 and not dual.stalled and not incumbent.closed:
        _ascend(dual, incumbent, clock, until + BOUND_EVERY)
        began = clock.used()
        _offer_bound(dual, incumbent)
        until = clock.used()
        exact = until - began


def _rounds(walk: Walk, offers: _Offers, clock: _Clock, between: Callable[[], None]) -> None:
    """The walk's rounds of heat and cold in the time that is left, with new prices between."""
    begin, done = clock.used(), 0.0
    hot = _heat(walk, offers, clock, 1.0)
    for share in ROUNDS:
        done += share
        until = begin + (1 - begin) * done
        if share < ROUNDS[-1]:
            walk.start(walk.dual.choice)
        _cool(walk, offers, clock, until, hot)
        if walk.found:
            walk.start(walk.best)
        between()


class _Offers:
    """Offers the best choice of a walk to the incumbent, rarely enough that checking it costs little."""

    def __init__(self, walk: Walk, incumbent: Target) -> None:
        self._walk, self.incumbent = walk, incumbent
        self._due, self._offered = 0.0, math.inf

    def make(self, last: bool = False) -> None:
        """Offer the best choice if it is new and another offer is due, or it is the last one."""
        walk = self._walk
        if walk.best_cost < min(self._offered, self.incumbent.value) and walk.found:
            begin = time.monotonic()
            if last or begin >= self._due:
                self.incumbent.offer(walk.best.copy(), "tree search")
                self._offered = walk.best_cost
                self._due = time.monotonic() + RARELY * (time.monotonic() - begin)


def _ascend(dual: Dual, incumbent: Target, clock: _Clock, until: float) -> None:
    """Turns of the dual until that part of the budget is used, at least one."""
    while True:
        dual.turn(float(incumbent.value))
        clock.charge(dual.seconds_per_turn, "prices")
        if clock.used() >= until or dual.stalled or math.ceil(dual.best - 1e-6 * abs(dual.best)) >= incumbent.value:
            return


def _offer_bound(dual: Dual, incumbent: Target) -> None:
    bound = dual.bound() if dual.arrays.nodes else dual.arrays.constant
    incumbent.raise_bound(bound, "memory prices and messages")


def _heat(walk: Walk, offers: _Offers, clock: _Clock, until: float) -> float:
    """Raise the temperature until the walk leaves the best choice behind; the temperature."""
    heat, hottest, before = GENTLE * walk.scale, walk.hottest(), math.inf
    while heat < hottest and clock.used() < until and not offers.incumbent.closed:
        mean = _stretch(walk, offers, clock, heat)
        if walk.found and mean > before and mean - walk.best_cost > UNSETTLED * walk.scale:
            break
        before = mean
        heat *= WARMER
    return heat


def _cool(walk: Walk, offers: _Offers, clock: _Clock, until: float, hot: float) -> None:
    """Lower the temperature as that part of the budget is used."""
    begin = clock.used()
    while (used := clock.used()) < until and not offers.incumbent.closed:
        _stretch(walk, offers, clock, hot * COOLING ** ((used - begin) / (until - begin)))
    offers.make(last=True)


def _stretch(walk: Walk, offers: _Offers, clock: _Clock, heat: float) -> float:
    """A stretch of the walk at a temperature; the mean cost."""
    done, mean = walk.stretch(clock.stretch_work, heat, heat)
    clock.charge(done * SECONDS_PER_WORK, "tree search")
    offers.make()
    return mean
