"""How the ranks of a team hold a value of a file: all of it, a summand, or stretches along one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from math import prod

from mapper.cost.shards.spread import Columns

Stretch = tuple[int, int]
"""Entries [start, stop) of an axis."""
Ranges = tuple[tuple[Stretch, ...], ...]
"""The stretches of each rank, ascending."""

MOST_STRETCHES = 4096
"""Axes that fall apart into more stretches than this are not followed."""


class Held(Enum):
    """WHOLE: each rank has all of it, or can read it. SUM: each rank has a summand."""

    WHOLE = "copy"
    SUM = "sum"


WHOLE, SUM = Held.WHOLE, Held.SUM


@dataclass(frozen=True, slots=True)
class Split:
    """Each rank has some stretches along an axis, one behind the other. Ranks may have the same ones."""

    axis: int
    ranges: Ranges

    def __hash__(self) -> int:
        """Of the ends alone: one of all stretches takes longer than what it is looked up for."""
        return hash((self.axis, len(self.ranges), self.ranges[0], self.ranges[-1]))

    def size(self, rank: int) -> int:
        """Entries that a rank has of the axis."""
        return sum(stop - start for start, stop in self.ranges[rank])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Entries of each rank."""
        return tuple(self.size(rank) for rank in range(len(self.ranges)))

    @property
    def apart(self) -> bool:
        """Whether no entry is with two ranks."""
        taken = sorted(stretch for row in self.ranges for stretch in row)
        return all(a[1] <= b[0] for a, b in pairwise(taken))

    def along(self, axis: int) -> Split:
        """The same stretches of another axis."""
        return Split(axis, self.ranges)

    def inside(self, other: Split) -> bool:
        """Whether every rank has all of its stretches in the other layout too."""
        return self.axis == other.axis and all(
            located(mine, theirs) is not None for mine, theirs in zip(self.ranges, other.ranges, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Dealt:
    """Each rank has the rows along an axis that go to its experts: which these are is known in a call only.

    by: the value that has the expert of each row, negative ones counted from the end. ranges: experts of each rank, of
    so many."""

    axis: int
    by: str
    ranges: Ranges
    experts: int

    def __hash__(self) -> int:
        """Of the ends alone, as that of `Split`."""
        return hash((self.axis, self.by, self.ranges[0], self.ranges[-1]))

    def along(self, axis: int) -> Dealt:
        """The same rows along another axis."""
        return replace(self, axis=axis)


Lay = Held | Split | Dealt


def located(wanted: Sequence[Stretch], held: Sequence[Stretch]) -> list[Stretch] | None:
    """Where the wanted stretches lie in what is held one behind the other; None where some are not there."""
    found: list[Stretch] = []
    for start, stop in wanted:
        base = 0
        for a, b in held:
            if a <= start and stop <= b:
                found.append((base + start - a, base + stop - a))
                break
            base += b - a
        else:
            return None
    return joined(found)


def joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Stretches that follow each other as one; empty ones left out."""
    found: list[Stretch] = []
    for start, stop in stretches:
        if start == stop:
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], stop)
        else:
            found.append((start, stop))
    return found


def even(size: int, ranks: int, unit: int = 1) -> Ranges:
    """An axis of units that stay whole in as many stretches as there are ranks, as even as can be."""
    count = size // unit
    return tuple(((count * r // ranks * unit, count * (r + 1) // ranks * unit),) for r in range(ranks))


def by_columns(columns: Sequence[Columns], size: int, ranks: int) -> Ranges | None:
    """The stretches of each rank of features that are packed one part behind the other, each in units that stay whole
    and in groups that ranks share; None where sizes do not fit or a rank would have nothing."""
    total = sum(c.size for c in columns)
    rows: list[list[Stretch]] = [[] for _ in range(ranks)]
    start = 0
    for column in columns:
        width = size * column.size // total
        if size * column.size % total or width % column.units or column.units % column.groups:
            return None
        unit = width // column.units
        for rank, (a, b) in enumerate(_units(column, ranks)):
            rows[rank].append((start + a * unit, start + b * unit))
        start += width
    found = tuple(tuple(joined(row)) for row in rows)
    return found if all(found) else None


def _units(column: Columns, ranks: int) -> list[Stretch]:
    """Units of each rank: whole groups, or where these are fewer than ranks a group that several ranks share."""
    each = column.units // column.groups
    if column.groups >= ranks:
        return [(column.groups * r // ranks * each, column.groups * (r + 1) // ranks * each) for r in range(ranks)]
    found = []
    for rank in range(ranks):
        group = rank * column.groups // ranks
        first, stop = (-(-g * ranks // column.groups) for g in (group, group + 1))  # the ranks that share it
        k, count = rank - first, stop - first
        inner = (0, 1) if each == 1 else (each * k // count, each * (k + 1) // count)
        found.append((group * each + inner[0], group * each + inner[1]))
    return found


def packed(sizes: Sequence[int], ranks: int) -> Ranges | None:
    """Even stretches of each of several parts that lie one behind the other; None where a part is too small."""
    if any(size < ranks for size in sizes):
        return None
    rows: list[list[Stretch]] = [[] for _ in range(ranks)]
    start = 0
    for size in sizes:
        for rank, ((a, b),) in enumerate(even(size, ranks)):
            rows[rank].append((start + a, start + b))
        start += size
    return tuple(tuple(joined(row)) for row in rows)


def scaled(ranges: Ranges, times: int, by: int = 1) -> Ranges | None:
    """Every bound times a fraction; None where one is no whole number."""
    if any(bound * times % by for row in ranges for stretch in row for bound in stretch):
        return None
    return tuple(tuple((a * times // by, b * times // by) for a, b in row) for row in ranges)


def within(ranges: Ranges, start: int, stop: int) -> Ranges | None:
    """What each rank has of a part of the axis, counted from its start; None where a rank has nothing of it."""
    rows = tuple(
        tuple(joined([(max(a, start) - start, max(min(b, stop), max(a, start)) - start) for a, b in row]))
        for row in ranges
    )
    return rows if all(rows) else None


def regrouped(olds: Sequence[int], place: int, ranges: Ranges, news: Sequence[int]) -> tuple[int, Ranges] | None:
    """Axes of one product under other sizes: which of the new axes is divided, and how, when axis `place` of the old
    ones is; None where no single axis is."""
    outer, size, inner = prod(olds[:place]), olds[place], prod(olds[place + 1 :])
    if outer * max(map(len, ranges)) > MOST_STRETCHES:
        return None
    flat = [
        joined([((o * size + a) * inner, (o * size + b) * inner) for o in range(outer) for a, b in row])
        for row in ranges
    ]
    for j, width in enumerate(news):
        if width > 1 and (found := _factored(flat, prod(news[:j]), width, prod(news[j + 1 :]))) is not None:
            return j, found
    return None


def _factored(flat: Sequence[Sequence[Stretch]], outer: int, width: int, inner: int) -> Ranges | None:
    """The stretches of the middle axis that make these of the product, the same for each entry of the outer ones."""
    rows = []
    for stretches in flat:
        block = width * inner
        bounds = {b for k in range(outer + 1) for b in (k * block,)}
        cut: list[Stretch] = []
        for start, stop in stretches:
            marks = sorted({start, stop, *(b for b in bounds if start < b < stop)})
            cut += list(pairwise(marks))
        first = [(a, b) for a, b in cut if b <= block]
        if any(a % inner or b % inner for a, b in first):
            return None
        if [(a + k * block, b + k * block) for k in range(outer) for a, b in first] != cut:
            return None
        rows.append(tuple((a // inner, b // inner) for a, b in joined(first)))
    return tuple(rows) if all(rows) else None
