"""Topological orders of units, and the best chain of stages along each: quick starts for a contiguous split."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.stages.contiguous_ideals import Chain, Search, one_order
from mapper.solve.stages.contiguous_units import Units

SCATTERED_ORDERS = 12
"""Orders tried from scratch: the units' own, then random ones, deep and broad in turn."""
NEAR_ORDERS = 48
"""Orders tried that keep the stages of the best chain so far."""


def best_of_orders(search: Search, upper: int, budget: Budget) -> Chain | None:
    """The best chain with loads below `upper` along some orders; None when there is none."""
    units, random = search.units, np.random.default_rng(budget.seed)
    best: Chain | None = None
    limit = search.spent + budget.deterministic_seconds
    for trial in range(SCATTERED_ORDERS + NEAR_ORDERS):
        if trial and (budget.over() or search.spent >= limit):
            break
        found = search.best_chain(one_order(_order(units, trial, best, random), units.before.shape[1]), upper, budget)
        if found.chain is not None:
            best, upper = found.chain, found.value
    return best


def _order(units: Units, trial: int, best: Chain | None, random: np.random.Generator) -> list[int]:
    count = len(units.members)
    if trial == 0:
        return list(range(count))
    noise = random.random(count)
    if trial >= SCATTERED_ORDERS and best is not None:
        device, order = best
        stage = {d: k for k, d in enumerate(order)}
        return topological(units, lambda u, _: (stage[device[u]], noise[u]))
    if trial % 2:
        return topological(units, lambda u, at: (-at, noise[u]))
    return topological(units, lambda u, at: (at, noise[u]))


def topological(units: Units, key: Callable[[int, int], tuple[float, float]]) -> list[int]:
    """The order that takes, of all units that wait for none, the one of least key(unit, moment it became ready)."""
    missing, after = [0] * len(units.members), [list[int]() for _ in units.members]
    for a, b in units.edges:
        missing[b] += 1
        after[a].append(b)
    ready = [(key(u, 0), u) for u, n in enumerate(missing) if n == 0]
    heapq.heapify(ready)
    found: list[int] = []
    while ready:
        _, u = heapq.heappop(ready)
        found.append(u)
        for v in after[u]:
            missing[v] -= 1
            if missing[v] == 0:
                heapq.heappush(ready, (key(v, len(found)), v))
    return found


def deep_order(units: Units, place: Sequence[int]) -> list[int]:
    """An order in which the units of lower places come first as far as it can be; then what has become ready last."""
    return topological(units, lambda u, at: (place[u], -at))


def window(units: Units, order: Sequence[int], width: int) -> Units:
    """The units with each, in a topological order, waiting for all that are `width` places or more before it.

    A restriction that leaves at most 2^(width - 1) ideals for each unit, whatever the graph.
    """
    waits = {(a, b) for i, a in enumerate(order) for b in order[i + width : i + 2 * width]}  # the rest follows
    return replace(units, edges=tuple(sorted({*units.edges, *waits})))
