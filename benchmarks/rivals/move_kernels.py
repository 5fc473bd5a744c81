"""Compiled changes of a placement: what an option adds and takes away, and what the whole is worth.

The totals are those of `mapper.solve.placement.problem.totals`; imported only where it runs.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from benchmarks.rivals.compiled import compiled, inlined

Record: TypeAlias = Any
"""`Arrays` or `Now` of benchmarks.rivals.space, whose types numba knows."""

COST, MISSING, MISMATCHED = 0, 1, 2
THROUGHPUT, LATENCY, ENERGY, EDP = 0, 1, 2, 3

BROKEN = 10.0
"""What a broken rule adds to the logarithm of a value."""

SPREAD = 0.01
"""Weight of the sum of loads in the guide, which tells placements of one interval apart."""


@compiled
def begin(a: Record, now: Record) -> None:
    """Fixed values travel to fixed places, as they do whatever is chosen."""
    for n in range(a.source.size):
        for k in range(a.end_at[n], a.end_at[n + 1]):
            want(a, now, n, a.end_of[k])


@inlined
def leg(a: Record, now: Record, n: int, start: int, end: int, sign: int) -> None:
    """One transfer of a net more (sign 1) or less (-1)."""
    size = a.size[n]
    if a.move_ticks[size, start, end] < 0:
        now.totals[MISSING] += sign
        return
    now.totals[COST] += sign * a.move_cost[size, start, end]
    places = a.move_ticks.shape[1]
    row = (size * places + start) * places + end
    for k in range(a.move_at[row], a.move_at[row + 1]):
        now.loads[a.move_of[k]] += sign * a.move_load[k]


@inlined
def want(a: Record, now: Record, n: int, place: int) -> None:
    """One end more of a net in a place."""
    made = now.made[n]
    if now.wanted[n, place] == 0 and made >= 0 and made != place:
        leg(a, now, n, made, place, 1)
    now.wanted[n, place] += 1


@inlined
def unwant(a: Record, now: Record, n: int, place: int) -> None:
    """One end less of a net in a place."""
    now.wanted[n, place] -= 1
    made = now.made[n]
    if now.wanted[n, place] == 0 and made >= 0 and made != place:
        leg(a, now, n, made, place, -1)


@inlined
def legs(a: Record, now: Record, n: int, sign: int) -> None:
    """All transfers of a net from where it is made."""
    made = now.made[n]
    for place in range(now.wanted.shape[1]):
        if now.wanted[n, place] > 0 and place != made:
            leg(a, now, n, made, place, sign)


@compiled
def insert(a: Record, now: Record, i: int, q: int) -> None:
    """Gives item i, which has none, option q."""
    now.choice[i] = q
    now.totals[COST] += a.cost[q]
    for k in range(a.load_at[q], a.load_at[q + 1]):
        now.loads[a.load_of[k]] += a.load_ticks[k]
    for k in range(a.need_at[q], a.need_at[q + 1]):
        r = a.need_of[k]
        if now.users[r] == 0:
            now.used[a.memory[r]] += a.bytes[r]
        now.users[r] += 1
    for k in range(a.tie_at[i], a.tie_at[i + 1]):
        t = a.tie_of[k]
        if now.tied[t, a.place[q]] == 0:
            now.apart[t] += 1
            now.totals[MISMATCHED] += 1 if now.apart[t] > 1 else 0
        now.tied[t, a.place[q]] += 1
    for k in range(a.in_at[i], a.in_at[i + 1]):
        want(a, now, a.in_of[k], a.reads[q])
    for k in range(a.out_at[i], a.out_at[i + 1]):
        now.made[a.out_of[k]] = a.place[q]
        legs(a, now, a.out_of[k], 1)


@compiled
def remove(a: Record, now: Record, i: int) -> None:
    """Takes item i's option away."""
    q = now.choice[i]
    now.choice[i] = -1
    now.totals[COST] -= a.cost[q]
    for k in range(a.load_at[q], a.load_at[q + 1]):
        now.loads[a.load_of[k]] -= a.load_ticks[k]
    for k in range(a.need_at[q], a.need_at[q + 1]):
        r = a.need_of[k]
        now.users[r] -= 1
        if now.users[r] == 0:
            now.used[a.memory[r]] -= a.bytes[r]
    for k in range(a.tie_at[i], a.tie_at[i + 1]):
        t = a.tie_of[k]
        now.tied[t, a.place[q]] -= 1
        if now.tied[t, a.place[q]] == 0:
            now.totals[MISMATCHED] -= 1 if now.apart[t] > 1 else 0
            now.apart[t] -= 1
    for k in range(a.in_at[i], a.in_at[i + 1]):
        unwant(a, now, a.in_of[k], a.reads[q])
    for k in range(a.out_at[i], a.out_at[i + 1]):
        legs(a, now, a.out_of[k], -1)
        now.made[a.out_of[k]] = -1


@compiled
def become(a: Record, now: Record, choice: Record) -> None:
    """Makes the placement be `choice`, changing only what differs."""
    for i in range(choice.size):
        if now.choice[i] != choice[i]:
            if now.choice[i] >= 0:
                remove(a, now, i)
            if choice[i] >= 0:
                insert(a, now, i, choice[i])


@compiled
def broken(a: Record, now: Record) -> float:
    """By how much the rules are broken: missing routes, ties apart, bytes over capacity; 0 for none."""
    over, largest = 0.0, 1.0
    for m in range(a.capacity.size):
        largest = max(largest, float(a.capacity[m]))
        over += max(0, now.used[m] - a.capacity[m])
    return now.totals[MISSING] + now.totals[MISMATCHED] + over / largest


@inlined
def start_of(a: Record, now: Record, i: int, q: int) -> int:
    """When all operands of item i are there for option q and its machine is free."""
    start = now.free[a.phase[i], a.machine[q]] if a.machine[q] >= 0 else 0
    for k in range(a.in_at[i], a.in_at[i + 1]):
        n = a.in_of[k]
        made = now.made[n]
        if made >= 0:
            ready = now.ready[a.source[n]] if a.source[n] >= 0 else 0
            start = max(start, ready + max(0, a.move_ticks[a.size[n], made, a.reads[q]]))
    return start


@compiled
def latency(a: Record, now: Record) -> int:
    """The latency of the plain dispatch: items in order, transfers without contention."""
    for p in range(now.free.shape[0]):
        now.ends[p] = 0
        for m in range(now.free.shape[1]):
            now.free[p, m] = 0
    for i in range(now.choice.size):
        q = now.choice[i]
        now.ready[i] = start_of(a, now, i, q) + a.ticks[q]
        if a.machine[q] >= 0:
            now.free[a.phase[i], a.machine[q]] = now.ready[i]
        now.ends[a.phase[i]] = max(now.ends[a.phase[i]], now.ready[i])
    for n in range(a.source.size):
        ready = now.ready[a.source[n]] if a.source[n] >= 0 else 0
        for k in range(a.end_at[n], a.end_at[n + 1]):
            arrives = ready + max(0, a.move_ticks[a.size[n], now.made[n], a.end_of[k]])
            now.ends[a.net_phase[n]] = max(now.ends[a.net_phase[n]], arrives)
    total = 0
    for p in range(a.calls.size):
        total += now.ends[p] * a.calls[p]
    return total


@compiled
def value(a: Record, now: Record, objective: int) -> float:
    """The objective of a whole placement, in ticks, picojoules or their product."""
    busiest = 0
    for r in range(now.loads.size):
        busiest = max(busiest, now.loads[r])
    interval = float(busiest)
    if objective == THROUGHPUT:
        return interval
    if objective == LATENCY:
        return float(latency(a, now))
    energy = now.totals[COST] + a.idle[0] * interval
    return energy if objective == ENERGY else energy * latency(a, now)


@compiled
def guide(a: Record, now: Record, objective: int) -> float:
    """The logarithm of the objective, with what broken rules add, and a part of what else should be small."""
    found = np.log(max(value(a, now, objective), 1.0)) + BROKEN * broken(a, now)
    if objective == THROUGHPUT:
        total = 0.0
        for r in range(now.loads.size):
            total += now.loads[r]
        return found + SPREAD * np.log(max(total, 1.0))
    return found + SPREAD * np.log(max(float(now.totals[COST]), 1.0)) if objective == LATENCY else found
