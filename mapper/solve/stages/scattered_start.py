"""First splits: work dealt out along an order, and the largest first to the least loaded device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mapper.solve.stages.problem import MOST
from mapper.solve.stages.scattered_units import FORBIDDEN, Ints, Units


def chain(units: Units, order: Sequence[int], devices: Sequence[int]) -> Ints | None:
    """The units along the order dealt to the devices in equal shares of work; None if it ends without memory.

    A unit that its device cannot take goes to the least loaded device that can.
    """
    hands = _Hands(units)
    work = [hands.work(u, devices[0]) for u in order]
    share, done = sum(work) / len(devices), 0.0
    for u, w in zip(order, work, strict=True):
        at = devices[min(int((done + w / 2) / share), len(devices) - 1) if share else 0]
        if not (hands.may(u, at) and hands.give(u, at)) and not hands.give_least(u):
            return None
        done += w
    return hands.device


def least_loaded(units: Units) -> Ints | None:
    """The units by falling work, or falling size where memory is scarce, to the device that ends least loaded."""
    work = np.where(units.times == FORBIDDEN, 0, units.times).max(axis=0)
    for key in (work, units.sizes):
        hands = _Hands(units)
        if all(hands.give_least(u) for u in np.argsort(-key, kind="stable").tolist()):
            return hands.device
    return None


def beside(units: Units, device: Ints) -> Ints | None:
    """A split with the units that have a device (not negative) there, others beside a neighbour or on the least loaded.

    None if one ends without memory.
    """
    hands = _Hands(units)
    at = device.tolist()
    waiting = [u for u, d in enumerate(at) if d < 0 or not (hands.may(u, d) and hands.give(u, d))]
    given = set(range(len(device))) - set(waiting)
    for u in sorted(waiting, key=lambda u: (-int(units.sizes[u]), u)):
        near = [int(hands.device[v]) for net in units.around[u] for v in units.nets[net] if v in given]
        spot = next((d for d in near if hands.may(u, d)), None)
        if not (hands.give(u, spot) if spot is not None else hands.give_least(u)):
            return None
        given.add(u)
    return hands.device


class _Hands:
    """Devices being filled; transfers are not counted."""

    def __init__(self, units: Units) -> None:
        self.units = units
        self.device: Ints = np.zeros(len(units.nodes), dtype=np.int64)
        classes = [units.problem.classes[c] for c in units.problem.devices]
        self.room = [MOST if c.memory is None else c.memory for c in classes]
        self.loads = [0] * len(classes)

    def work(self, u: int, d: int) -> int:
        """Ticks of a unit on a device; 0 where it cannot run."""
        return max(0, int(self.units.times[self.units.devices[d], u]))

    def may(self, u: int, d: int) -> bool:
        """Whether the device runs the unit and has room for it."""
        return bool(self.units.times[self.units.devices[d], u] != FORBIDDEN and self.units.sizes[u] <= self.room[d])

    def give(self, u: int, d: int) -> bool:
        """Put the unit on the device."""
        self.device[u] = d
        self.room[d] -= int(self.units.sizes[u])
        self.loads[d] += self.work(u, d)
        return True

    def give_least(self, u: int) -> bool:
        """Put the unit where the load ends least; False where no device may take it."""
        able = [d for d in range(len(self.loads)) if self.may(u, d)]
        return bool(able) and self.give(u, min(able, key=lambda d: (self.loads[d] + self.work(u, d), d)))
