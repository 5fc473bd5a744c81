"""The latency of a whole placement under every option of one item, at once.

A phase falls into segments at the values that everything later waits for (the residual stream between two layers).
Where all of a segment is done when that value is, as it nearly always is, the segments' times just add up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mapper.solve.placement.critical import FAR, delays
from mapper.solve.placement.segments import Segment, segments
from mapper.solve.placement.tables import Ints, Tables

Ticks = int | Ints
"""One number, or one per option of the item in question."""

KEPT = 20_000
"""Times remembered of one segment or phase before its memory is emptied."""


def later(a: Ticks, b: Ticks) -> Ticks:
    """The later of two moments, option by option."""
    if isinstance(a, int) and isinstance(b, int):
        return a if a >= b else b
    found: Ints = np.maximum(a, b)
    return found


class Timing:
    """The dispatch of `totals`: each phase alone, items in order, transfers without contention."""

    def __init__(self, tables: Tables) -> None:
        problem = tables.problem
        self._tables = tables
        self._delay_array = delays(tables)
        self._delay: list[list[list[int]]] = self._delay_array.tolist()
        self._places: list[list[int]] = [p.tolist() for p in tables.places]
        self._read_places: list[list[int]] = [p.tolist() for p in tables.reads]
        self._ticks = [[o.ticks for o in item.options] for item in problem.items]
        self._tick_arrays = [np.array(t, dtype=np.int64) for t in self._ticks]
        self._machines = [[o.machine for o in item.options] for item in problem.items]
        self._machine_arrays = [np.array(m, dtype=np.int64) for m in self._machines]
        self._reads = [
            [(problem.nets[n].source, problem.nets[n].size, problem.nets[n].origin) for n in nets]
            for nets in problem.inputs
        ]
        self._segments = segments(tables, self._delay_array)
        self._whole = [_joined(parts) for parts in self._segments]
        self._readers: list[list[Segment]] = [[] for _ in problem.items]
        for part in (p for parts in self._segments for p in parts):
            for i in part.reads:
                self._readers[i].append(part)
        self._known: dict[Segment, dict[tuple[int, ...], int]] = {p: {} for parts in self._segments for p in parts}
        self._totals: list[dict[tuple[int, ...], int]] = [{} for _ in self._segments]

    def latency(self, choice: Sequence[int]) -> int:
        """The latency of a placement."""
        return sum(c * end for c, end in zip(self._tables.problem.calls, self.by_phase(choice), strict=True))

    def by_phase(self, choice: Sequence[int]) -> list[int]:
        """The ticks of one call of each phase."""
        return [self._phase(choice, phase) for phase in range(len(self._segments))]

    def outlook(self, choice: Sequence[int], i: int) -> Ints:
        """The latency under each option of item i, the others as chosen."""
        total: Ints = np.zeros(len(self._places[i]), dtype=np.int64)
        for calls, end in zip(self._tables.problem.calls, self.ends_outlook(choice, i), strict=True):
            total = total + calls * end
        return total

    def ends_outlook(self, choice: Sequence[int], i: int) -> list[Ticks]:
        """The ticks of one run of each phase under each option of item i: an array where the phase is its own."""
        problem = self._tables.problem
        mine = problem.items[i].phase
        found: list[Ticks] = []
        for p in range(len(problem.calls)):
            if p == mine:
                found.append(np.minimum(self._phase_by_option(choice, mine, i), FAR))
            else:
                found.append(self._phase(choice, p))
        return found

    def _phase(self, choice: Sequence[int], phase: int) -> int:
        total = self._clean_total(choice, phase)
        if total >= 0:
            return min(total, FAR)
        return min(int(self._run(choice, self._whole[phase], -1)[0]), FAR)

    def _clean_total(self, choice: Sequence[int], phase: int) -> int:
        """The sum of the segments' times, or -1 where they do not add up."""
        key = tuple([choice[i] for i in self._whole[phase].items])
        total = self._totals[phase].get(key)
        if total is None:
            times = [self._segment(choice, part) for part in self._segments[phase]]
            total = -1 if min(times, default=0) < 0 else sum(times)
            _remember(self._totals[phase], key, total)
        return total

    def _segment(self, choice: Sequence[int], part: Segment) -> int:
        """A segment's own time, or -1 where something of it outlasts its exit."""
        key = tuple([choice[i] for i in part.reads])
        time = self._known[part].get(key)
        if time is None:
            end, clean = self._run(choice, part, -1)
            time = int(end) if clean else -1
            _remember(self._known[part], key, time)
        return time

    def _phase_by_option(self, choice: Sequence[int], phase: int, i: int) -> Ints:
        """A phase's end under each option of its item i: only the segments that read i change."""
        total: Ticks = self._clean_total(choice, phase)
        clean = bool(np.all(total >= 0))
        for part in self._readers[i] if clean else ():
            time, clean = self._run(choice, part, i)
            if not clean:
                break
            total = total + time - self._segment(choice, part)
        if not clean:
            total = self._run(choice, self._whole[phase], i)[0]
        return np.zeros(len(self._places[i]), dtype=np.int64) + total

    def _run(self, choice: Sequence[int], part: Segment, asked: int) -> tuple[Ticks, bool]:
        """The time from a segment's entry to its exit, by option of item `asked`, and whether all is done by then."""
        ready: dict[int, Ticks] = {part.entry: 0}
        if part.entry == asked:
            ready[asked] = np.zeros(len(self._places[asked]), dtype=np.int64)
        free: dict[int, Ticks] = {}
        end: Ticks = 0
        for i in part.items:
            if i == asked:
                done: Ticks = self._all_options(choice, i, ready, free, part.entry < 0)
            else:
                o = choice[i]
                place, machine = self._read_places[i][o], self._machines[i][o]
                start: Ticks = free.get(machine, 0) if machine >= 0 else 0
                for source, size, origin in self._reads[i]:
                    if source < 0 <= part.entry:
                        continue  # it has come before the entry: see segments
                    start = later(start, self._arrival(choice, source, size, origin, place, ready, asked))
                done = start + self._ticks[i][o]
                if machine >= 0:
                    free[machine] = done
            ready[i] = done
            end = later(end, done)
        for source, size, origin, place in part.ends:
            end = later(end, self._arrival(choice, source, size, origin, place, ready, asked))
        if part.exit < 0:
            return end, True
        return end, bool(np.all(np.asarray(ready[part.exit]) >= end))

    def _arrival(
        self,
        choice: Sequence[int],
        source: int,
        size: int,
        origin: int,
        place: int,
        ready: dict[int, Ticks],
        asked: int,
    ) -> Ticks:
        if source < 0:
            return self._delay[size][origin][place]
        if source == asked:
            by_option: Ints = ready[source] + self._delay_array[size, self._tables.places[source], place]
            return by_option
        return ready[source] + self._delay[size][self._places[source][choice[source]]][place]

    def _all_options(
        self, choice: Sequence[int], i: int, ready: dict[int, Ticks], free: dict[int, Ticks], outside: bool
    ) -> Ints:
        """When item i ends under each option; the machines it may take become free by option."""
        places, machines = self._tables.reads[i], self._machine_arrays[i]
        start: Ints = np.zeros(len(places), dtype=np.int64)
        for m in set(self._machines[i]):
            if m in free and m >= 0:
                start[machines == m] = free[m]
        for source, size, origin in self._reads[i]:
            if source < 0 and not outside:
                continue
            made = 0 if source < 0 else ready[source]
            at = origin if source < 0 else self._places[source][choice[source]]
            start = np.maximum(start, made + self._delay_array[size, at, places])
        done: Ints = start + self._tick_arrays[i]
        for m in set(self._machines[i]):
            if m >= 0:
                free[m] = np.where(machines == m, done, free.get(m, 0))
        return done


def _remember(known: dict[tuple[int, ...], int], key: tuple[int, ...], time: int) -> None:
    if len(known) >= KEPT:
        known.clear()
    known[key] = time


def _joined(parts: Sequence[Segment]) -> Segment:
    """A phase as one segment."""
    items = tuple(i for part in parts for i in part.items)
    return Segment(-1, -1, items, items, tuple(end for part in parts for end in part.ends))
