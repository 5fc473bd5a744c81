"""The latency of a whole placement under every option of one item, at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mapper.solve.placement.critical import FAR, delays
from mapper.solve.placement.tables import Ints, Tables

Ticks = int | Ints
"""One number, or one per option of the item in question."""


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
        self._ticks = [[o.ticks for o in item.options] for item in problem.items]
        self._tick_arrays = [np.array(t, dtype=np.int64) for t in self._ticks]
        self._machines = [[o.machine for o in item.options] for item in problem.items]
        self._machine_arrays = [np.array(m, dtype=np.int64) for m in self._machines]
        self._reads = [
            [(problem.nets[n].source, problem.nets[n].size, problem.nets[n].origin) for n in nets]
            for nets in problem.inputs
        ]
        self._order: list[list[int]] = [[] for _ in problem.calls]
        for i, item in enumerate(problem.items):
            self._order[item.phase].append(i)
        self._rank = {i: r for order in self._order for r, i in enumerate(order)}
        self._ends = [(n.phase, n.source, n.size, n.origin, e) for n in problem.nets for e in n.ends]

    def latency(self, choice: Sequence[int]) -> int:
        """The latency of a placement."""
        return sum(c * end for c, end in zip(self._tables.problem.calls, self.by_phase(choice), strict=True))

    def outlook(self, choice: Sequence[int], i: int) -> Ints:
        """The latency under each option of item i, the others as chosen."""
        problem = self._tables.problem
        total: Ints = np.zeros(len(problem.items[i].options), dtype=np.int64)
        for phase, calls in enumerate(problem.calls):
            asked = i if problem.items[i].phase == phase else -1
            if asked >= 0:
                total = total + calls * np.minimum(self._phase(choice, phase, asked), FAR)
        return total

    def by_phase(self, choice: Sequence[int]) -> list[int]:
        """The ticks of one call of each phase."""
        return [int(self._phase(choice, phase, -1)) for phase in range(len(self._order))]

    def _phase(self, choice: Sequence[int], phase: int, asked: int) -> Ticks:
        """The end of a phase; by option of item `asked` if it is one of the phase."""
        ready: dict[int, Ticks] = {}
        free: dict[int, Ticks] = {}
        end: Ticks = 0
        for i in self._order[phase]:
            if i == asked:
                done = self._all_options(choice, i, ready, free)
            else:
                o = choice[i]
                place, machine = self._places[i][o], self._machines[i][o]
                start: Ticks = free.get(machine, 0) if machine >= 0 else 0
                for source, size, origin in self._reads[i]:
                    start = later(start, self._arrival(choice, source, size, origin, place, ready, asked))
                done = start + self._ticks[i][o]
                if machine >= 0:
                    free[machine] = done
            ready[i] = done
            end = later(end, done)
        for p, source, size, origin, place in self._ends:
            if p == phase:
                end = later(end, self._arrival(choice, source, size, origin, place, ready, asked))
        return end

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

    def _all_options(self, choice: Sequence[int], i: int, ready: dict[int, Ticks], free: dict[int, Ticks]) -> Ints:
        """When item i ends under each option; the machines it may take become free by option."""
        places, machines = self._tables.places[i], self._machine_arrays[i]
        start: Ints = np.zeros(len(places), dtype=np.int64)
        for m in set(self._machines[i]):
            if m in free and m >= 0:
                start[machines == m] = free[m]
        for source, size, origin in self._reads[i]:
            made = 0 if source < 0 else ready[source]
            at = origin if source < 0 else self._places[source][choice[source]]
            start = np.maximum(start, made + self._delay_array[size, at, places])
        done: Ints = start + self._tick_arrays[i]
        for m in set(self._machines[i]):
            if m >= 0:
                free[m] = np.where(machines == m, done, free.get(m, 0))
        return done
