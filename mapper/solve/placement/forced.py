"""What an option loads whatever the others do, and the steps that this makes in the range of intervals."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from mapper.solve.placement.linear import Solver
from mapper.solve.placement.relaxation import Relaxation
from mapper.solve.placement.tables import Ints, Tables


def forced_loads(tables: Tables, i: int) -> Ints:
    """Per option of item i, the ticks of the busiest resource that the option alone brings: its own loads, what comes
    from fixed places and what must go to them."""
    problem, made, read = tables.problem, tables.places[i], tables.reads[i]
    rows = tables.rows[i][:, :-2].copy()
    for n in set(problem.inputs[i]):
        net = problem.nets[n]
        if net.source < 0:
            rows += tables.moves[net.size, net.origin, read, :-2]
    for n in problem.outputs[i]:
        net = problem.nets[n]
        for end in set(net.ends):
            rows += tables.moves[net.size, made, end, :-2]
    found: Ints = np.maximum(rows.max(axis=1, initial=0), tables.private_ticks[i].max(axis=1, initial=0))
    return found


@dataclass(frozen=True)
class Forced:
    """The forced loads of a relaxation's classes: loads[c][o] are those of the class's members, ascending.

    Lenstra, Shmoys and Tardos (1990) leave out of the relaxation what alone exceeds the interval.
    """

    relaxation: Relaxation
    loads: tuple[tuple[tuple[int, ...], ...], ...]

    def steps(self, above: float, most: float) -> list[float]:
        """The distinct loads in (above, most]."""
        every = {t for rows in self.loads for row in rows for t in row}
        return sorted(float(t) for t in every if above < t <= most)

    def marks(self) -> dict[int, int]:
        """A number for each column that `limit` changes, equal where it always changes alike."""
        number: dict[tuple[int, ...], int] = {}
        pairs = zip(self.relaxation.count, self.loads, strict=True)
        return {
            x: number.setdefault(row, len(number))
            for columns, rows in pairs
            for x, row in zip(columns, rows, strict=True)
        }

    def limit(self, interval: float, solver: Solver | None = None) -> None:
        """Leave out of the program, and of its solver, what exceeds an interval: an option of a class is taken by no
        more members than can have it."""
        r = self.relaxation
        for columns, rows in zip(r.count, self.loads, strict=True):
            for x, row in zip(columns, rows, strict=True):
                most = float(bisect_right(row, interval))
                if solver is None:
                    r.program.high[x] = most
                else:
                    solver.limit(x, most)


def forced(r: Relaxation) -> Forced:
    """The forced loads of every class."""
    found = []
    for items in r.classes.items:
        members = np.sort(np.stack([forced_loads(r.tables, i) for i in items]), axis=0)
        found.append(tuple(tuple(int(t) for t in column) for column in members.T))
    return Forced(r, tuple(found))
