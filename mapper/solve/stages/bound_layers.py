"""What one device may hold, as a layered graph: units are taken or left one by one, open nets make the states.

A set of units pays for a net when it has some but not all of its units. After each unit in an order a state says, of
every net that has units before and after, whether those before were all taken, all left, or some of both. In the
graphs of networks few nets are open at a time (their path width is small), so that the states are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapper.solve.stages.scattered_units import FORBIDDEN, Ints, Units

MOST_STATES = 1500
"""States in one layer; beyond it the cheapest open nets are left out, which only lowers what a set pays."""

STARTS = 24
"""First units tried for an order with few open nets."""

MANY_STATES = 20_000
"""States of all layers, as estimated, beyond which negligible nets are left out first."""

NEGLIGIBLE = (0.0, 2e-4, 2e-3)
"""Costs of nets that may be left out, as shares of a device's part of the work."""

LEFT, TAKEN, BOTH = 0, 1, 2


@dataclass(frozen=True)
class Layers:
    """The states after each unit of an order, and where leaving or taking the next unit leads.

    order: the units. offsets: the first row of each layer; layer 0 is the state before the first unit, a row of its
    own, the last layer one state. target: [rows, 2], the state within the next layer after leaving, after taking the
    unit. paid: [rows, 2] ticks of the nets that are then known to be cut. forgotten: nets left out.
    """

    order: Ints
    offsets: Ints
    target: Ints
    paid: Ints
    forgotten: int


def layers(units: Units, *, nets: bool) -> Layers:
    """The layered graph of the units; without nets (a class of devices that pays no transfers) one state a layer."""
    count = len(units.nodes)
    order, kept = tuple(range(count)), list[int]()
    for share in NEGLIGIBLE if nets else ():
        kept = _dear(units, share)
        order = _best_order(count, [units.nets[i] for i in kept])
        if _states(order, [units.nets[i] for i in kept]) <= MANY_STATES:
            break
    members = [units.nets[i] for i in kept]
    costs = [units.costs[i] for i in kept]
    forgotten = len(units.nets) - len(kept) if nets else 0
    while True:
        found = _Builder(order, members, costs).build()
        if isinstance(found, Layers):
            return Layers(found.order, found.offsets, found.target, found.paid, forgotten)
        drop = set(found)
        forgotten += len(drop)
        members = [net for i, net in enumerate(members) if i not in drop]
        costs = [cost for i, cost in enumerate(costs) if i not in drop]


def _dear(units: Units, share: float) -> list[int]:
    """The nets without the cheapest, which cost at most this share of a device's part of all work together."""
    work = np.where(units.times == FORBIDDEN, 0, units.times).max(axis=0).sum() / len(units.problem.devices)
    rising = sorted(range(len(units.nets)), key=lambda i: units.costs[i])
    paid = np.cumsum([units.costs[i] for i in rising])
    return sorted(i for i, so_far in zip(rising, paid, strict=True) if so_far > share * work)


class _Builder:
    """Builds the layers for an order, or names nets to leave out."""

    def __init__(self, order: Sequence[int], members: Sequence[Sequence[int]], costs: Sequence[int]) -> None:
        place = {u: i for i, u in enumerate(order)}
        self.order, self.costs = order, costs
        self.first = [min(place[u] for u in net) for net in members]
        self.last = [max(place[u] for u in net) for net in members]
        self.at: list[list[int]] = [[] for _ in order]
        for i, net in enumerate(members):
            for u in net:
                self.at[place[u]].append(i)

    def build(self) -> Layers | list[int]:
        """The layers, or the cheapest open nets of a layer with too many states."""
        states: dict[tuple[int, ...], int] = {(): 0}
        open_nets: list[int] = []
        target: list[tuple[int, int]] = []
        paid: list[tuple[int, int]] = []
        offsets = [0]
        for t in range(len(self.order)):
            after = [i for i in open_nets if self.last[i] > t]
            after += [i for i in self.at[t] if self.first[i] == t and self.last[i] > t]
            following: dict[tuple[int, ...], int] = {}
            for state in states:
                before = dict(zip(open_nets, state, strict=True))
                (left, left_paid), (taken, taken_paid) = (self._step(t, before, after, x) for x in (LEFT, TAKEN))
                target.append((following.setdefault(left, len(following)), following.setdefault(taken, len(following))))
                paid.append((left_paid, taken_paid))
            if len(following) > MOST_STATES:
                excess = 1 + int(np.log2(len(following) / MOST_STATES))
                return sorted(after, key=lambda i: (self.costs[i], i))[:excess]
            offsets.append(offsets[-1] + len(states))
            states, open_nets = following, after
        order = np.array(self.order, dtype=np.int64)
        return Layers(order, np.array(offsets), np.array(target, dtype=np.int64), np.array(paid, dtype=np.int64), 0)

    def _step(self, t: int, before: dict[int, int], after: Sequence[int], x: int) -> tuple[tuple[int, ...], int]:
        """The state after unit t is left or taken, and the ticks newly paid."""
        paid, changed = 0, before.copy()
        for i in self.at[t]:
            seen = before.get(i)
            if seen is None:
                changed[i] = x
            elif seen not in (BOTH, x):
                changed[i] = BOTH
                paid += self.costs[i]
        return tuple(changed[i] for i in after), paid


def _best_order(count: int, members: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Of greedy orders from several first units, and the order given, the one with the fewest states estimated."""
    around: list[list[int]] = [[] for _ in range(count)]
    for i, net in enumerate(members):
        for u in net:
            around[u].append(i)
    tried = [tuple(range(count))]
    tried += [_greedy_order(around, members, first) for first in range(0, count, max(1, count // STARTS))]
    return min(tried, key=lambda order: _states(order, members))


def _states(order: Sequence[int], members: Sequence[Sequence[int]]) -> float:
    """About how many states an order has: two to the number of open nets, summed."""
    place = {u: i for i, u in enumerate(order)}
    change = np.zeros(len(order) + 1)
    for net in members:
        places = [place[u] for u in net]
        change[min(places)] += 1
        change[max(places)] -= 1
    return float(np.exp2(np.minimum(np.cumsum(change), 100)).sum())


def _greedy_order(around: Sequence[Sequence[int]], members: Sequence[Sequence[int]], first: int) -> tuple[int, ...]:
    """From the first unit on, the unit next to open nets that opens fewest and closes most."""
    left = [len(net) for net in members]
    is_open = [False] * len(members)
    done = [False] * len(around)
    frontier: dict[int, None] = {}
    order: list[int] = []
    u, rest = first, 0
    while True:
        done[u] = True
        order.append(u)
        frontier.pop(u, None)
        for i in around[u]:
            left[i] -= 1
            is_open[i] = left[i] > 0
            frontier.update((v, None) for v in members[i] if not done[v])
        if len(order) == len(around):
            return tuple(order)
        if frontier:
            u = min(frontier, key=lambda v: (*_opened(around[v], left, is_open), v))
        else:
            while done[rest]:
                rest += 1
            u = rest


def _opened(nets: Sequence[int], left: Sequence[int], is_open: Sequence[bool]) -> tuple[int, int]:
    """How many more nets are open after the unit, and (negated) how many it touches that are open."""
    more = touched = 0
    for i in nets:
        touched -= is_open[i]
        if is_open[i]:
            more -= left[i] == 1
        else:
            more += left[i] > 1
    return more, touched
