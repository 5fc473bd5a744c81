"""A schedule by placing one step after another at its earliest moment, group by group."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapper.solve.streaming.problem import Load, Piece, Place, Problem, Role, Solution
from mapper.solve.streaming.profile import LineProfile, StoreProfile, flow
from mapper.solve.streaming.steps import Stay, Work, expand
from mapper.solve.streaming.verify import share, speed_of

STRETCHES = ((4, 3), (2, 1), (4, 1))
"""How much slower than at full speed a layer may run when that lets it end earlier: it then shares its lines."""


@dataclass(frozen=True, slots=True)
class Full:
    """A store that has no room for a stay, ever: the step that needed it, and the bits that were missing."""

    step: int
    store: int
    bits: int


Shifts = Mapping[tuple[Place, int], float]
"""For firings of nodes how much later they are placed than their turn, in parts of all steps."""


def place(
    problem: Problem,
    ways: Sequence[int],
    ahead: float = 0.0,
    shifts: Shifts | None = None,
    work: Work | None = None,
) -> Solution | Full:
    """A schedule for the ways of all values by serial generation (Kolisch, 1996, with shares of lines instead of units
    of resources), or the store that is too small for it.

    Steps are placed in the order of the groups and their rounds, each at its earliest moment: a later group fills what
    earlier ones have left free. ahead: reads that wait for nothing are placed before steps that come up to so much
    earlier, in fractions of the stores that reads in between fill; without it others get in their way on the lines.
    work: what `expand` says of these ways, if it is known.
    """
    if work is None:
        work = expand(problem, [value.ways[way] for value, way in zip(problem.values, ways, strict=True)])
    return _Placing(problem, work, sequence(problem, work, ahead, shifts or {})).run(tuple(ways))


def in_order(work: Work, keys: Sequence[tuple[float, ...]]) -> list[int]:
    """The steps, each after what it waits for and otherwise by its key."""
    followers: list[list[int]] = [[] for _ in work.steps]
    missing = [0] * len(work.steps)
    for i, step in enumerate(work.steps):
        for before, _ in step.after:
            followers[before].append(i)
            missing[i] += 1
    waiting = [(keys[i], i) for i, count in enumerate(missing) if not count]
    heapq.heapify(waiting)
    found = []
    while waiting:
        i = heapq.heappop(waiting)[1]
        found.append(i)
        for j in followers[i]:
            missing[j] -= 1
            if not missing[j]:
                heapq.heappush(waiting, (keys[j], j))
    return found


def sequence(problem: Problem, work: Work, ahead: float, shifts: Shifts) -> list[int]:
    """The order in which steps are placed; see `place`."""
    keys = [(step.place[0], step.position, step.place[1]) for step in work.steps]
    plain = in_order(work, keys)
    filled = [0.0] * len(work.steps)
    for stay in work.stays:
        if len(stay.begins) == 1:
            filled[stay.begins[0]] += max(bits / problem.stores[store].capacity for store, bits in stay.held)
    moved: list[tuple[float, ...]] = [() for _ in work.steps]
    total, level = 0.0, [0.0] * len(plain)
    for at, i in enumerate(plain):
        moved[i] = (at, 1, at)
        if _free(problem, work, i):
            total += filled[i]
        level[at] = total
    first = 0
    for at, i in enumerate(plain):
        if _free(problem, work, i):
            while first < at and level[first] < level[at] - ahead:
                first += 1
            moved[i] = (first, 0, at)
    found = in_order(work, moved)
    if not shifts:
        return found
    shifted: list[tuple[float, ...]] = [() for _ in found]
    for at, i in enumerate(found):
        step = work.steps[i]
        shifted[i] = (at + shifts.get((step.place, step.firing), 0.0) * len(found),)
    return in_order(work, shifted)


def _free(problem: Problem, work: Work, i: int) -> bool:
    return not work.steps[i].after and problem.node(work.steps[i].place).role is Role.READ


class _Placing:
    def __init__(self, problem: Problem, work: Work, order: Sequence[int]) -> None:
        self._problem, self._work = problem, work
        self._order = order
        self._lines = [LineProfile() for _ in problem.lines]
        self._stores = [StoreProfile(store.capacity) for store in problem.stores]
        self._start = [-1] * len(work.steps)
        self._end = [-1] * len(work.steps)
        self._done: list[tuple[Piece, ...]] = [() for _ in work.steps]
        self._begins: list[list[int]] = [[] for _ in work.steps]
        self._ends: list[list[int]] = [[] for _ in work.steps]
        self._open = [False] * len(work.stays)
        self._left = [len(set(stay.ends)) for stay in work.stays]
        for s, stay in enumerate(work.stays):
            for i in set(stay.begins):
                self._begins[i].append(s)
            for i in set(stay.ends):
                self._ends[i].append(s)
        self._needed = _needed(work)

    def run(self, ways: tuple[int, ...]) -> Solution | Full:
        for i in self._order:
            full = self._place(i)
            if full is not None:
                return full
        return Solution(ways, tuple(self._start), tuple(self._end), tuple(self._done))

    def _place(self, i: int) -> Full | None:
        step = self._work.steps[i]
        ready = max((self._end[before] + lag for before, lag in step.after), default=0)
        new = [s for s in self._begins[i] if not self._open[s]]
        for store, bits in _sums([self._work.stays[s] for s in new]):
            room = self._stores[store].room(bits, ready)
            if room is None:
                return Full(i, store, bits - (self._stores[store].capacity - self._stores[store].levels[-1]))
            ready = room
        self._take(i, self._pieces(i, ready), ready, new)
        return None

    def _pieces(self, i: int, ready: int) -> list[Piece]:
        """When a step runs so that it ends as early as it can."""
        step, load = self._work.steps[i], self._needed[i]
        if not step.cycles:
            return []
        if self._problem.node(step.place).role is not Role.COMPUTE:
            return flow([(self._lines[line], cycles) for line, cycles in load], ready, step.cycles)
        start, lasting = self._earliest(load, ready, step.cycles)
        return [Piece(start, start + lasting, speed_of(step.cycles, lasting))]

    def _earliest(self, load: Load, ready: int, cycles: int) -> tuple[int, int]:
        """Start and length of a layer that ends as early as it can."""
        best, lasting = self._fit(load, ready, cycles, cycles), cycles
        for more, than in STRETCHES:
            longer = -(-cycles * more // than)
            if best == ready or ready + longer >= best + lasting:
                break
            start = self._fit(load, ready, cycles, longer)
            if start + longer < best + lasting:
                best, lasting = start, longer
        return best, lasting

    def _fit(self, load: Load, ready: int, cycles: int, lasting: int) -> int:
        speed = speed_of(cycles, lasting)
        wanted = [(self._lines[line], share(amount, cycles, speed)) for line, amount in load]
        start, sure = ready, 0
        while sure < len(wanted):
            for profile, part in wanted:
                at = profile.fit(start, lasting, part)
                sure = sure + 1 if at == start else 1
                start = at
                if sure >= len(wanted):
                    break
        return start

    def _take(self, i: int, pieces: Sequence[Piece], ready: int, new: Sequence[int]) -> None:
        longest = self._work.steps[i].cycles
        for piece in pieces:
            for line, cycles in self._needed[i]:
                self._lines[line].take(piece.start, piece.end, share(cycles, longest, piece.speed))
        start, end = (pieces[0].start, pieces[-1].end) if pieces else (ready, ready)
        self._start[i], self._end[i], self._done[i] = start, end, tuple(pieces)
        for s in new:
            self._open[s] = True
            for store, bits in self._work.stays[s].held:
                self._stores[store].take(start, bits)
        for s in self._ends[i]:
            self._left[s] -= 1
            if not self._left[s]:
                stay = self._work.stays[s]
                moment = max(self._end[e] for e in stay.ends)
                for store, bits in stay.held:
                    self._stores[store].free(moment, bits)


def _sums(stays: Sequence[Stay]) -> list[tuple[int, int]]:
    found: dict[int, int] = {}
    for stay in stays:
        for store, bits in stay.held:
            found[store] = found.get(store, 0) + bits
    return sorted(found.items())


def _needed(work: Work) -> list[Load]:
    """The loads without lines that are never short: see `idle_lines`."""
    idle = idle_lines(work)
    known: dict[Load, Load] = {}
    for step in work.steps:
        if step.load not in known:
            known[step.load] = tuple((line, cycles) for line, cycles in step.load if cycles and line not in idle)
    return [known[step.load] for step in work.steps]


def idle_lines(work: Work) -> frozenset[int]:
    """Lines that no schedule overloads that overloads no other. A step is covered by the line of which it takes most:
    steps with one cover take together at most the largest ratio of the two. Where the ratios of all covers sum to at
    most 1, nothing needs to look at the line. A cover is never idle itself: its own ratio is 1."""
    covers: dict[int, dict[int, float]] = {}
    for load in {step.load for step in work.steps}:
        most, cover = max(((cycles, line) for line, cycles in load), default=(0, -1))
        for line, cycles in load:
            if cycles:
                known = covers.setdefault(line, {})
                known[cover] = max(known.get(cover, 0.0), cycles / most)
    return frozenset(line for line, ratios in covers.items() if sum(ratios.values()) <= 0.999)
