"""What is held of one resource over time, as a step function that can be asked for room."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Profile:
    """The amount in use from each of the ticks `at` on; the first is below every tick that is asked for."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.at: list[float] = [float("-inf")]
        self.used: list[int] = [0]

    def earliest(self, start: int, hold: int, amount: int) -> int:
        """The first tick from `start` on from which `amount` is free for `hold` ticks."""
        room = self.capacity - amount
        at, used = self.at, self.used
        k = bisect_right(at, start) - 1
        last = len(at)
        while True:
            while used[k] > room:
                k += 1
                start = int(at[k])
            stop = start + hold
            k += 1
            while k < last and at[k] < stop and used[k] <= room:
                k += 1
            if k >= last or at[k] >= stop:
                return start

    def add(self, start: int, stop: int, amount: int) -> None:
        """Hold `amount` in [start, stop)."""
        first, last = self._cut(start), self._cut(stop)
        used = self.used
        for k in range(first, last):
            used[k] += amount
        for k in (last, first):
            if used[k] == used[k - 1]:
                del self.at[k], used[k]

    def _cut(self, tick: int) -> int:
        """The index of the step that begins at `tick`, made when there is none."""
        k = bisect_left(self.at, tick)
        if k == len(self.at) or self.at[k] != tick:
            self.at.insert(k, tick)
            self.used.insert(k, self.used[k - 1])
        return k
