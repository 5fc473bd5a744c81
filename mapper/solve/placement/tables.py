"""A placement problem as numpy arrays: what every option and transfer adds, in dense rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mapper.solve.placement.problem import Problem

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SHARED_FROM = 5
"""A resource that at least so many items can load has a dense column; the others are kept sparse (private)."""


@dataclass(frozen=True)
class Tables:
    """A dense view of a problem.

    shared: the resources with a column; a row is their ticks, then energy, then the number of missing routes.
    places[i], reads[i]: by option of item i, where its result lies and where its operands must. rows[i]: [options,
    columns] of item i. privates[i], private_ticks[i]: [options, k] loads of the other resources
    (padded with an extra resource of no load). needs[i]: [options, k] residents (padded with an empty one).
    moves: [sizes, places, places, columns] of the transfers. partners[i]: the items tied to item i.
    """

    problem: Problem
    shared: Ints
    places: tuple[Ints, ...]
    reads: tuple[Ints, ...]
    rows: tuple[Ints, ...]
    privates: tuple[Ints, ...]
    private_ticks: tuple[Ints, ...]
    needs: tuple[Ints, ...]
    bytes_of: Ints
    memory_of: Ints
    capacities: Ints
    moves: Ints
    partners: tuple[tuple[int, ...], ...]

    @property
    def columns(self) -> int:
        """Shared resources; energy and missing routes come behind them."""
        return len(self.shared)

    @cached_property
    def lies(self) -> list[list[int]]:
        """`places` as lists: single numbers are read much faster from these."""
        return [places.tolist() for places in self.places]

    @cached_property
    def fetches(self) -> list[list[int]]:
        """`reads` as lists."""
        return [reads.tolist() for reads in self.reads]

    @cached_property
    def keeps(self) -> list[list[list[int]]]:
        """`needs` as lists, without the empty resident."""
        empty = len(self.bytes_of) - 1
        return [[[k for k in row if k != empty] for row in needs.tolist()] for needs in self.needs]

    @cached_property
    def grows(self) -> list[tuple[Ints, Ints, Ints]]:
        """By item: the most bytes that any option adds to each memory; the bytes of `needs`; and where in a table of
        [options, memories], row after row, these go."""
        memories = len(self.capacities)
        found = []
        for needs in self.needs:
            options = len(needs)
            size: Ints = self.bytes_of[needs]
            at: Ints = self.memory_of[needs] + memories * np.arange(options)[:, None]
            added = np.bincount(at.ravel(), size.ravel(), options * memories).reshape(options, memories)
            most: Ints = added.max(axis=0, initial=0.0).astype(np.int64)
            found.append((most, size, at.ravel()))
        return found


def build(problem: Problem) -> Tables:
    """The tables of a problem."""
    shared = _shared_resources(problem)
    column = {r: c for c, r in enumerate(shared)}
    width = len(shared) + 2
    rows, privates, ticks, needs = [], [], [], []
    for item in problem.items:
        row = np.zeros((len(item.options), width), dtype=np.int64)
        sparse: list[dict[int, int]] = []
        for o, option in enumerate(item.options):
            own: dict[int, int] = {}
            for r, t in option.loads:
                if r in column:
                    row[o, column[r]] += t
                else:
                    own[r] = own.get(r, 0) + t
            row[o, -2] = option.cost
            sparse.append(own)
        rows.append(row)
        privates.append(_padded([list(own) for own in sparse], len(problem.resources)))
        ticks.append(_padded([list(own.values()) for own in sparse], 0))
        needs.append(_padded([sorted(set(option.needs)) for option in item.options], len(problem.residents)))
    return Tables(
        problem,
        np.array(shared, dtype=np.int64),
        tuple(np.array([o.place for o in item.options], dtype=np.int64) for item in problem.items),
        tuple(np.array([o.reads_at for o in item.options], dtype=np.int64) for item in problem.items),
        tuple(rows),
        tuple(privates),
        tuple(ticks),
        tuple(needs),
        np.array([r.bytes for r in problem.residents] + [0], dtype=np.int64),
        np.array([r.memory for r in problem.residents] + [0], dtype=np.int64),
        np.array(problem.capacities, dtype=np.int64),
        _moves(problem, column, width),
        _partners(problem),
    )


def _shared_resources(problem: Problem) -> list[int]:
    users: dict[int, set[int]] = {}
    for i, item in enumerate(problem.items):
        for option in item.options:
            for r, _ in option.loads:
                users.setdefault(r, set()).add(i)
    travelled = {r for table in problem.transfers for t in table.values() for r, _ in t.loads}
    return sorted(travelled | {r for r, items in users.items() if len(items) >= SHARED_FROM})


def _padded(lists: list[list[int]], empty: int) -> Ints:
    width = max(map(len, lists), default=0)
    return np.array([row + [empty] * (width - len(row)) for row in lists], dtype=np.int64).reshape(len(lists), width)


def _moves(problem: Problem, column: dict[int, int], width: int) -> Ints:
    n = len(problem.places)
    moves = np.zeros((len(problem.transfers), n, n, width), dtype=np.int64)
    for size, table in enumerate(problem.transfers):
        moves[size, :, :, -1] = 1 - np.eye(n, dtype=np.int64)
        for (a, b), transfer in table.items():
            if a == b:
                continue
            moves[size, a, b, -1] = 0
            moves[size, a, b, -2] = transfer.cost
            for r, t in transfer.loads:
                moves[size, a, b, column[r]] += t
    return moves


def _partners(problem: Problem) -> tuple[tuple[int, ...], ...]:
    found: list[set[int]] = [set() for _ in problem.items]
    for tie in problem.ties:
        for i in tie:
            found[i].update(j for j in tie if j != i)
    return tuple(tuple(sorted(s)) for s in found)
