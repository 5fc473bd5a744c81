"""How full lines and stores are over time, while a schedule is being made."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from mapper.solve.streaming.problem import Piece
from mapper.solve.streaming.verify import WHOLE

SLOWEST = WHOLE // 16
"""Below this speed a transfer pauses: it would only cut time into pieces."""


class _Levels:
    """A level that changes at moments: `levels[k]` from `moments[k]` until the next."""

    def __init__(self) -> None:
        self.moments = [0]
        self.levels = [0]

    def _cut(self, moment: int) -> int:
        """The index of the piece that begins at a moment, cut there if needed."""
        k = bisect_left(self.moments, moment)
        if k == len(self.moments) or self.moments[k] != moment:
            self.moments.insert(k, moment)
            self.levels.insert(k, self.levels[k - 1])
        return k

    def _join(self, k: int) -> None:
        """Drop the cut at index k if the level does not change there."""
        if 0 < k < len(self.moments) and self.levels[k] == self.levels[k - 1]:
            del self.moments[k], self.levels[k]


class LineProfile(_Levels):
    """The share of a line that is taken, in parts of WHOLE."""

    def fit(self, ready: int, cycles: int, share: int) -> int:
        """The earliest start from `ready` on at which the share is free for so many cycles."""
        moments, levels, most = self.moments, self.levels, WHOLE - share
        k, start = bisect_right(moments, ready) - 1, ready
        while k < len(moments) and moments[k] < start + cycles:
            if levels[k] > most:
                k += 1
                while levels[k] > most:
                    k += 1
                start = moments[k]
            k += 1
        return start

    def take(self, start: int, end: int, share: int) -> None:
        """Take the share from start to end."""
        first, last = self._cut(start), self._cut(end)
        for k in range(first, last):
            self.levels[k] += share
        self._join(last)
        self._join(first)


def flow(wanted: Sequence[tuple[LineProfile, int]], ready: int, longest: int) -> list[Piece]:
    """The pieces of a transfer that runs from `ready` on as fast as all its lines allow, until its work is done.

    wanted: lines with the cycles of each that `longest` cycles of the transfer take.
    """
    at = [bisect_right(profile.moments, ready) - 1 for profile, _ in wanted]
    pieces: list[Piece] = []
    left, now = longest * WHOLE, ready
    while True:
        speed, until, slowest = WHOLE, -1, 0
        for n, (profile, cycles) in enumerate(wanted):
            k, moments = at[n], profile.moments
            free = (WHOLE - profile.levels[k]) * longest // cycles
            if free < speed:
                speed, slowest = free, n
            if k + 1 < len(moments) and (until < 0 or moments[k + 1] < until):
                until = moments[k + 1]
        if speed >= SLOWEST:
            end = now - (-left // speed)
            if until < 0 or end <= until:
                return [*pieces, Piece(now, end, speed)]
            pieces.append(Piece(now, until, speed))
            left -= (until - now) * speed
            now = until
            for n, (profile, _) in enumerate(wanted):
                if at[n] + 1 < len(profile.moments) and profile.moments[at[n] + 1] == now:
                    at[n] += 1
            continue
        profile, cycles = wanted[slowest]
        k = at[slowest]
        while (WHOLE - profile.levels[k]) * longest // cycles < SLOWEST:
            k += 1
        now = profile.moments[k]
        at = [bisect_right(other.moments, now) - 1 for other, _ in wanted]


class StoreProfile(_Levels):
    """The bits in a store. What is taken stays until its end is known."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity

    def room(self, bits: int, ready: int) -> int | None:
        """The earliest moment, not before `ready`, from which on so many bits are free for good; None when never."""
        most, levels = self.capacity - bits, self.levels
        first = bisect_right(self.moments, ready) - 1
        k = len(levels)
        while k > first and levels[k - 1] <= most:
            k -= 1
        if k == len(levels):
            return None
        return ready if k == first else self.moments[k]

    def take(self, start: int, bits: int) -> None:
        """Take bits from a moment on."""
        first = self._cut(start)
        for k in range(first, len(self.levels)):
            self.levels[k] += bits
        self._join(first)

    def free(self, end: int, bits: int) -> None:
        """Give bits back at a moment."""
        self.take(end, -bits)
