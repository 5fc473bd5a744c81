"""The best chain of stages through a lattice of ideals: all of them for a proof, those of one order for a start."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mapper.solve.budget import Budget
from mapper.solve.stages.contiguous_units import NEVER, Ints, Units, Words

MOST_ENTRIES = 24_000_000
"""Ideals times ways to have used the devices up to which the table of the best chains is made (13 bytes each)."""
MOST_IDEALS = 1_000_000
EDGES_PER_IDEAL = 16

MOST_WORK = 2**55
"""Ticks beyond those of any load: small enough for a few of them to be added."""

SECONDS_PER_IDEAL = 4e-6
"""Deterministic seconds that making an ideal takes (measured)."""

STEPS = 5_000_000
"""Stages looked at between two looks at the clock."""
SECONDS_PER_STEP = 6e-8
"""Deterministic seconds charged for a stage that is looked at (measured)."""


Indexes = npt.NDArray[np.int32]
Chain = tuple[list[int], list[int]]
"""The device of each unit, and the devices in the order of their stages."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best chain with its value (None with the limit it was to be below), and whether that is proven.

    Proven: the search went through all that the lattice holds.
    """

    chain: Chain | None
    value: int
    proven: bool


@dataclass(frozen=True)
class Lattice:
    """Ideals in order of size, from the empty one to all units.

    sets: the ideals as bits [ideal, word]. Those with one unit more than ideal i are above[starts[i] : starts[i + 1]],
    by the units added[...].
    """

    sets: Words
    starts: Ints
    added: Indexes
    above: Indexes


def all_ideals(units: Units, room: int) -> Lattice | None:
    """All ideals; None when there are more than `room`."""
    from mapper.solve.stages import contiguous_kernels

    sets = np.empty((room, units.before.shape[1]), dtype=np.uint64)
    starts = np.empty(room + 1, dtype=np.int64)
    added = np.empty(room * EDGES_PER_IDEAL, dtype=np.int32)
    above = np.empty(room * EDGES_PER_IDEAL, dtype=np.int32)
    keys = np.random.default_rng(0).integers(0, 2**63, len(units.members), dtype=np.uint64)
    found = contiguous_kernels.ideals(units.before, keys, sets, starts, added, above)
    if found < 0:
        return None
    edges = starts[found]
    return Lattice(sets[:found], starts[: found + 1], added[:edges], above[:edges])


def one_order(order: Sequence[int], words: int) -> Lattice:
    """The ideals that a topological order of the units goes through."""
    count = len(order)
    sets = np.zeros((count + 1, words), dtype=np.uint64)
    for i, u in enumerate(order):
        sets[i + 1] = sets[i]
        sets[i + 1, u // 64] |= np.uint64(1) << np.uint64(u % 64)
    starts = np.minimum(np.arange(count + 2), count)
    return Lattice(sets, starts, np.array(order, dtype=np.int32), np.arange(1, count + 1, dtype=np.int32))


def states(units: Units) -> int:
    """The ways to have used the devices, equal devices being interchangeable."""
    return int(np.prod([device.count + 1 for device in units.problem.classes]))


def room(units: Units, budget: Budget) -> int:
    """How many ideals there may be for a proof by `best_chain` within a budget."""
    affordable = min(budget.deterministic_seconds / SECONDS_PER_IDEAL, MOST_IDEALS)
    return max(2, min(int(affordable), MOST_ENTRIES // states(units)))


class Search:
    """What a search for chains wants to know of the units, in arrays; `spent`: the deterministic seconds it took."""

    def __init__(self, units: Units) -> None:
        self.units = units
        self.spent = 0.0
        classes = units.problem.classes
        self.runs = units.times < NEVER
        self.sizes = units.sizes
        self.times = np.where(self.runs, units.times, 0)
        self.memory = np.array([2**62 if d.memory is None else d.memory for d in classes], dtype=np.int64)
        self.pays = np.array([d.transfers for d in classes])
        self.home = np.array([home for home, _, _ in units.nets], dtype=np.int32)
        self.cost = np.array([ticks for _, _, ticks in units.nets], dtype=np.int64)
        self.width = np.array([len(readers) for _, readers, _ in units.nets], dtype=np.int32)
        count = len(units.members)
        self.owned_at, self.owned = _lists(count, ((home, n) for n, (home, _, _) in enumerate(units.nets)))
        self.read_at, self.read = _lists(count, ((u, n) for n, (_, us, _) in enumerate(units.nets) for u in us))
        self._read_free(units)
        counts = [d.count for d in classes]
        self.strides = np.array([int(np.prod([c + 1 for c in counts[k + 1 :]])) for k in range(len(counts))])
        used = np.array(list(itertools.product(*(range(c + 1) for c in counts))), dtype=np.int64)
        self.left = np.array(counts) - used
        usable = np.array(counts) > 0
        least = np.where(self.runs & usable[:, None], self.times, NEVER).min(axis=0)
        self.least = np.where(least < NEVER, least, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            speed = np.where(self.runs & (self.times > 0), self.least / self.times, 0.0)
        self.speed = speed.max(axis=1, initial=0.0)

    def _read_free(self, units: Units) -> None:
        """What the kernel wants to know of free groups: the nets of units, then clusters, then nets."""
        nets, count = units.free_nets, len(units.members)
        heard = [(u, n, has) for n, net in enumerate(nets) for u, has in ((net.home, True),) if u >= 0]
        heard += [(u, n, False) for n, net in enumerate(nets) for u in net.readers]
        hears_at, hears = _lists(count, ((u, n) for u, n, _ in heard))
        has = _lists(count, ((u, int(has)) for u, _, has in heard))[1]
        cluster_at, cluster_net = _lists(len(units.clusters), ((net.cluster, n) for n, net in enumerate(nets)))
        least = np.minimum(units.free_times[self.pays].min(axis=0, initial=MOST_WORK), MOST_WORK)
        most = max(map(len, units.clusters), default=0)
        work = np.full((len(units.clusters), 1 << most), MOST_WORK, dtype=np.int64)
        for k, cluster in enumerate(units.clusters):
            for x in range(1 << len(cluster)):
                work[k, x] = min(MOST_WORK, sum(int(least[f]) for n, f in enumerate(cluster) if x >> n & 1))
        columns = [(net.cluster, net.free_home, net.free_readers, len(net.readers)) for net in nets]
        table = np.array(columns, dtype=np.int32).reshape(-1, 4).T.copy()
        ticks = np.array([net.ticks for net in nets], dtype=np.int64)
        self.free = (hears_at, hears, has, table[0], cluster_at, cluster_net, work, table[1], table[2], table[3], ticks)

    def offer(self, upper: int) -> Ints:
        """Ticks of `least` that the devices left in each state can do with loads below `upper`, rounded up."""
        ticks = (self.left * self.speed).sum(axis=1) * (upper - 1) * (1 + 1e-9)
        return np.asarray(np.ceil(np.minimum(ticks, 2.0**62)), dtype=np.int64) + 1

    def least_load(self) -> int:
        """The load that the busiest device has at least: every unit on its fastest class, spread evenly."""
        together = float((self.left[0] * self.speed).sum())
        spread = int(self.least.sum() / together * (1 - 1e-9)) if together else 0
        return max(spread, int(self.least.max()))

    def best_chain(self, lattice: Lattice, upper: int, budget: Budget) -> Found:
        """The best chain of stages with loads below `upper`."""
        from mapper.solve.stages import contiguous_kernels

        count, ways = len(lattice.sets), len(self.left)
        best = np.full((count, ways), 2**62, dtype=np.int64)
        best[0, 0] = 0
        from_ideal = np.full((count, ways), -1, dtype=np.int32)
        from_class = np.zeros((count, ways), dtype=np.int8)
        need = self._need(lattice)
        stamp = np.full(count, -1, dtype=np.int32)
        at, value, limit = 0, upper, self.spent + budget.deterministic_seconds
        while at < count - 1 and not budget.over() and self.spent < limit:
            at, done, value = contiguous_kernels.sweep(
                *(at, STEPS, lattice.sets, lattice.starts, lattice.added, lattice.above),
                *(self.times, self.runs, self.sizes, self.memory, self.pays, self.home, self.cost, self.width),
                *(self.owned_at, self.owned, self.read_at, self.read),
                *self.free,
                *(self.strides, self.left),
                *(need, self.offer(value), value, best, from_ideal, from_class, stamp),
            )
            self.spent += done * SECONDS_PER_STEP
            budget.spend("ideals", done * SECONDS_PER_STEP)
        state = int(best[-1].argmin())
        if best[-1, state] >= upper:
            return Found(None, upper, at >= count - 1)
        chain = self._read_back(lattice, state, from_ideal, from_class)
        return Found(chain, int(best[-1, state]), at >= count - 1)

    def _need(self, lattice: Lattice) -> Ints:
        """The least ticks of what is outside each ideal."""
        bits = np.unpackbits(lattice.sets.view(np.uint8), axis=1, bitorder="little", count=len(self.least))
        return np.asarray(self.least.sum() - bits.astype(np.int64) @ self.least)

    def _read_back(self, lattice: Lattice, state: int, from_ideal: Indexes, from_class: npt.NDArray[np.int8]) -> Chain:
        first = np.cumsum([0, *(d.count for d in self.units.problem.classes)])
        device, order = [0] * len(self.units.members), list[int]()
        ideal = len(lattice.sets) - 1
        while ideal > 0:
            before, c = int(from_ideal[ideal, state]), int(from_class[ideal, state])
            state -= int(self.strides[c])
            if before != ideal:
                order.append(int(first[c] + self.left[0, c] - self.left[state, c]))
                stage = lattice.sets[ideal] & ~lattice.sets[before]
                for u in _members(stage):
                    device[u] = order[-1]
                ideal = before
        return device, order[::-1]


def _members(bits: Words) -> list[int]:
    return [int(u) for u in np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little"))]


def _lists(count: int, pairs: Iterable[tuple[int, int]]) -> tuple[Ints, Indexes]:
    """Pairs (key, value) as one array of values by key and where each key's begin."""
    found: list[list[int]] = [[] for _ in range(count)]
    for key, value in pairs:
        found[key].append(value)
    starts = np.cumsum([0, *map(len, found)])
    return starts, np.array([v for values in found for v in values], dtype=np.int32)
