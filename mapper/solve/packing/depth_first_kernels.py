"""The depth-first search, compiled: `advance` takes a number of steps through a tree and can be called again.

A frame is a component: buffers that are yet to be placed, connected in time. The lowest of them is placed, which leaves
one or more components, or is lifted onto a neighbour. A component that has no packing sends the search back to the
frame that made it, past the choices in its sisters, which cannot be to blame.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

SIZE, FIRST, LAST, HIGHEST, FROM, UNTIL, RANK, LOW, NEED, OFFSET, PLACED = range(11)
"""Columns of a buffer, all in units. FIRST, LAST: it lives in sections [first, last). HIGHEST: the highest offset at
which it fits. FROM, UNTIL: where its neighbours stand in `beside`. RANK: among equally low buffers the least goes
first. LOW: the lowest offset that it can yet have. NEED: a neighbour must begin below this. OFFSET, PLACED: its place.
"""

ACROSS, TOTAL, BLAME = range(3)
"""Columns of a section: buffers not yet placed that live on in the next one, a sum, how often it overflowed."""

FAR = 2**60
"""The need of a buffer that does not wait for a neighbour."""

RUNNING, FOUND, EXHAUSTED, CRAMPED = range(4)
"""Status: to be continued; all are placed; no packing exists; the trail must grow before the next step."""

DEPTH, TRAIL, POOL, AGENDA, STATUS, WORK, TOP = range(7)
"""Registers: the used length of each stack, the status, the visits to buffers so far, and the capacity."""

BEGIN, COUNT, CREATOR, NEXT, HASH, CHOSEN, TRAIL_MARK, POOL_MARK, AGENDA_MARK = range(9)
"""Columns of a frame; the first five are those of the agenda. NEXT: the component on the agenda after this one."""

Array = npt.NDArray[Any]


class State(NamedTuple):
    """The arrays of a search over n buffers and m sections (moments), all int64 but `failed`.

    beside: neighbours of buffers, one list after another. failed: hashes of components that have no packing, each at
    its own remainder. pool: members of components, sorted by their lowest offsets. trail: buffers with what was LOW and
    NEED. Few arrays, because the compiler's time grows with their number.
    """

    buffers: Array
    beside: Array
    sections: Array
    failed: Array
    registers: Array
    frames: Array
    agenda: Array
    pool: Array
    trail: Array


@njit(cache=True, nogil=True)
def advance(s: State, steps: int) -> int:
    """Take at most `steps` steps, return how many; the status register tells what they came to."""
    r = s.registers
    for used in range(steps):
        if r[TRAIL] + 2 * len(s.buffers) > len(s.trail):
            r[STATUS] = CRAMPED
            return used
        f = r[DEPTH] - 1
        if s.frames[f, CHOSEN] >= 0 and not _lift_chosen(s, f):
            _retreat(s, f)
            if r[DEPTH] == 0:
                r[STATUS] = EXHAUSTED
                return used + 1
            continue
        opened = _place_lowest(s, f)
        if opened == -1:
            r[STATUS] = FOUND
            return used + 1
        if opened >= 0:
            _open(s, opened)
    return steps


@njit(cache=True, nogil=True)
def _place_lowest(s: State, f: int) -> int:
    """Place the lowest buffer of the frame; the component to open then, -1: none is left, -2: it cannot lie there."""
    begin, count = s.frames[f, BEGIN], s.frames[f, COUNT]
    b = s.pool[begin]
    for k in range(begin + 1, begin + count):
        j = s.pool[k]
        if s.buffers[j, LOW] > s.buffers[b, LOW]:
            break
        if s.buffers[j, RANK] < s.buffers[b, RANK]:
            b = j
    s.frames[f, CHOSEN] = b
    s.buffers[b, PLACED] = 1
    s.buffers[b, OFFSET] = s.buffers[b, LOW]
    severed = False
    for k in range(s.buffers[b, FIRST], s.buffers[b, LAST] - 1):
        s.sections[k, ACROSS] -= 1
        severed = severed or s.sections[k, ACROSS] == 0
    opened = -2
    if _push_neighbours(s, b):
        fresh = s.registers[POOL]
        at = fresh
        for k in range(begin, begin + count):
            if s.pool[k] != b:
                s.pool[at] = s.pool[k]
                at += 1
        if _consistent(s, b, fresh, count - 1, s.frames[f, TRAIL_MARK]):
            opened = _split(s, f, fresh, count - 1) if severed else _list(s, f, fresh, count - 1, s.frames[f, NEXT])
    if opened == -2:
        _unplace(s, b)
    return opened


@njit(cache=True, nogil=True)
def _push_neighbours(s: State, b: int) -> bool:
    """Neighbours lie above the placed buffer, and need no other below them where it lies; False if one is too high."""
    at, above = s.buffers[b, LOW], s.buffers[b, LOW] + s.buffers[b, SIZE]
    for k in range(s.buffers[b, FROM], s.buffers[b, UNTIL]):
        j = s.beside[k]
        if not s.buffers[j, PLACED]:
            need = FAR if at < s.buffers[j, NEED] else s.buffers[j, NEED]
            low = max(above, s.buffers[j, LOW])
            if low > s.buffers[j, HIGHEST]:
                return False
            if low != s.buffers[j, LOW] or need != s.buffers[j, NEED]:
                _set(s, j, low, need)
    return True


@njit(cache=True, nogil=True)
def _lift_chosen(s: State, f: int) -> bool:
    """The chosen buffer cannot lie where it did: it rests on a neighbour that begins below its top; False if none can.

    Were there no such neighbour, it would fit where it did beside all others: slide it down there.
    """
    _undo(s, s.frames[f, TRAIL_MARK])
    s.registers[POOL] = s.frames[f, POOL_MARK]
    s.registers[AGENDA] = s.frames[f, AGENDA_MARK]
    b = s.frames[f, CHOSEN]
    need = min(s.buffers[b, NEED], s.buffers[b, LOW] + s.buffers[b, SIZE])
    low = _lowest_rest(s, b, need)
    if low > s.buffers[b, HIGHEST]:
        return False
    _set(s, b, low, need)
    fits = _consistent(s, b, s.frames[f, BEGIN], s.frames[f, COUNT], s.frames[f, TRAIL_MARK])
    s.frames[f, TRAIL_MARK] = s.registers[TRAIL]
    return fits


@njit(cache=True, nogil=True)
def _consistent(s: State, b: int, begin: int, count: int, mark: int) -> bool:
    """Lift the members that wait for a neighbour, sort all by their lowest offsets, look at the sections touched."""
    s.registers[WORK] += count
    for k in range(begin, begin + count):
        j = s.pool[k]
        if s.buffers[j, NEED] < FAR:
            low = _lowest_rest(s, j, s.buffers[j, NEED])
            if low > s.buffers[j, HIGHEST]:
                return False
            if low > s.buffers[j, LOW]:
                _set(s, j, low, s.buffers[j, NEED])
    _sort(s, begin, count)
    lo, hi = s.buffers[b, FIRST], s.buffers[b, LAST]
    for t in range(mark, s.registers[TRAIL]):
        lo, hi = min(lo, s.buffers[s.trail[t, 0], FIRST]), max(hi, s.buffers[s.trail[t, 0], LAST])
    return _sections_fit(s, begin, count, lo, hi)


@njit(cache=True, nogil=True)
def _sections_fit(s: State, begin: int, count: int, lo: int, hi: int) -> bool:
    """Whether each section's members, from the highest down, leave room for those at or above their lowest offset.

    The relaxation to one machine with heads (Jackson 1955). Members are sorted by their lowest offsets.
    """
    top = s.registers[TOP]
    for k in range(lo, hi):
        s.sections[k, TOTAL] = 0
    for i in range(begin + count - 1, begin - 1, -1):
        j = s.pool[i]
        room = top - s.buffers[j, LOW]
        for k in range(max(s.buffers[j, FIRST], lo), min(s.buffers[j, LAST], hi)):
            s.sections[k, TOTAL] += s.buffers[j, SIZE]
            if s.sections[k, TOTAL] > room:
                s.sections[k, BLAME] += 1
                return False
    return True


@njit(cache=True, nogil=True)
def _lowest_rest(s: State, b: int, need: int) -> int:
    """The least top that a neighbour, not placed and able to begin below `need`, can have; FAR if there is none."""
    least = FAR
    for k in range(s.buffers[b, FROM], s.buffers[b, UNTIL]):
        j = s.beside[k]
        if not s.buffers[j, PLACED] and s.buffers[j, LOW] < need:
            least = min(least, s.buffers[j, LOW] + s.buffers[j, SIZE])
    return least


@njit(cache=True, nogil=True)
def _sort(s: State, begin: int, count: int) -> None:
    """Sort members by their lowest offsets, by insertion: they are nearly sorted."""
    for k in range(begin + 1, begin + count):
        j, i = s.pool[k], k - 1
        while i >= begin and s.buffers[s.pool[i], LOW] > s.buffers[j, LOW]:
            s.pool[i + 1] = s.pool[i]
            i -= 1
        s.pool[i + 1] = j


@njit(cache=True, nogil=True)
def _split(s: State, f: int, begin: int, count: int) -> int:
    """List the parts of the members that are no longer connected in time; the last of them, or -2 (see `_list`)."""
    todo: int = s.frames[f, NEXT]
    while count:
        lo, hi = s.buffers[s.pool[begin], FIRST], s.buffers[s.pool[begin], LAST]
        while lo > 0 and s.sections[lo - 1, ACROSS]:
            lo -= 1
        while hi < len(s.sections) and s.sections[hi - 1, ACROSS]:
            hi += 1
        inside, outside = begin, begin + count
        for k in range(begin, begin + count):
            j = s.pool[k]
            if lo <= s.buffers[j, FIRST] < hi:
                s.pool[inside] = j
                inside += 1
            else:
                s.pool[outside] = j
                outside += 1
        for k in range(begin + count - inside):
            s.pool[inside + k] = s.pool[begin + count + k]
        todo = _list(s, f, begin, inside - begin, todo)
        if todo == -2:
            return -2
        begin, count = inside, begin + count - inside
    return todo


@njit(cache=True, nogil=True)
def _list(s: State, f: int, begin: int, count: int, todo: int) -> int:
    """Put a component on the agenda before `todo`; its place there, or -2 when it is known to have no packing."""
    if not count:
        return todo
    h = _hash(s, begin, count)
    if s.failed[h & np.uint64(len(s.failed) - 1)] == h:
        return -2
    a: int = s.registers[AGENDA]
    s.agenda[a, BEGIN], s.agenda[a, COUNT], s.agenda[a, CREATOR], s.agenda[a, NEXT] = begin, count, f, todo
    s.agenda[a, HASH] = np.int64(h)
    s.registers[AGENDA] = a + 1
    s.registers[POOL] = begin + count
    return a


@njit(cache=True, nogil=True)
def _open(s: State, a: int) -> None:
    """Make a frame of a component on the agenda."""
    depth = s.registers[DEPTH]
    for column in range(CHOSEN):
        s.frames[depth, column] = s.agenda[a, column]
    s.frames[depth, CHOSEN] = -1
    s.frames[depth, TRAIL_MARK] = s.registers[TRAIL]
    s.frames[depth, POOL_MARK] = s.registers[POOL]
    s.frames[depth, AGENDA_MARK] = s.registers[AGENDA]
    s.registers[DEPTH] = depth + 1


@njit(cache=True, nogil=True)
def _retreat(s: State, f: int) -> None:
    """The frame's component has no packing: remember it, and go back to the frame that made it."""
    h = np.uint64(s.frames[f, HASH])
    s.failed[h & np.uint64(len(s.failed) - 1)] = h
    creator = s.frames[f, CREATOR]
    for g in range(f - 1, creator - 1, -1):
        if g >= 0:
            _unplace(s, s.frames[g, CHOSEN])
    s.registers[DEPTH] = creator + 1


@njit(cache=True, nogil=True)
def _unplace(s: State, b: int) -> None:
    s.buffers[b, PLACED] = 0
    for k in range(s.buffers[b, FIRST], s.buffers[b, LAST] - 1):
        s.sections[k, ACROSS] += 1


@njit(cache=True, nogil=True)
def _set(s: State, j: int, low: int, need: int) -> None:
    """Change a buffer's limits; the trail keeps what they were."""
    t = s.registers[TRAIL]
    s.trail[t, 0], s.trail[t, 1], s.trail[t, 2] = j, s.buffers[j, LOW], s.buffers[j, NEED]
    s.registers[TRAIL] = t + 1
    s.buffers[j, LOW], s.buffers[j, NEED] = low, need


@njit(cache=True, nogil=True)
def _undo(s: State, mark: int) -> None:
    for t in range(s.registers[TRAIL] - 1, mark - 1, -1):
        j = s.trail[t, 0]
        s.buffers[j, LOW], s.buffers[j, NEED] = s.trail[t, 1], s.trail[t, 2]
    s.registers[TRAIL] = mark


@njit(cache=True, nogil=True)
def _hash(s: State, begin: int, count: int) -> Any:
    """64 bits of all that a component's search depends on, never 0: the sum of well-mixed words, so in any order.

    Two components of the same hash among a million: a chance of 3e-8 (splitmix64, Steele and others 2014).
    """
    h = np.uint64(0)
    for k in range(begin, begin + count):
        j = s.pool[k]
        z = np.uint64(j) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(s.buffers[j, LOW])
        z = _mixed(_mixed(z) + np.uint64(s.buffers[j, NEED]))
        h += z
    return h | np.uint64(1)


@njit(cache=True, nogil=True)
def _mixed(z: Any) -> Any:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
