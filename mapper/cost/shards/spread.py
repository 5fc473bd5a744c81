"""How a value of known size can lie divided among ranks, and how many elements the fullest rank has of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mapper.cost.shards.expected import busiest
from mapper.hw.layout import Layout


@dataclass(frozen=True, slots=True)
class Columns:
    """A part of a value's features: of relative `size`, in `units` that stay whole (columns, channels, heads), which
    come in `groups` that ranks share rather than split (query heads with one head of keys and values)."""

    size: int
    units: int
    groups: int

    def taken(self, ranks: int) -> int:
        """Units of the fullest rank. With fewer groups than ranks several ranks have the same group: units that are
        groups themselves are repeated, others are divided among them."""
        if self.groups >= ranks:
            return -(-self.groups // ranks) * (self.units // self.groups)
        return -(-(self.units // self.groups) // (ranks // self.groups))


@dataclass(frozen=True, slots=True)
class Experts:
    """Rows that go to experts: how many rows in all, of how many experts, and to how many each row of the value goes
    (1 where the rows are already one for each expert that was picked)."""

    rows: int
    experts: int
    picked: int = 1


@dataclass(frozen=True, slots=True)
class Spread:
    """The elements of a value, and what can be divided of it: columns, rows, rows by expert. A value that a layout does
    not divide lies whole with every rank there."""

    elements: int
    columns: tuple[Columns, ...] = ()
    rows: int = 0
    experts: Experts | None = None

    def divides(self, layout: Layout) -> bool:
        """Whether the ranks have parts of the value in this layout."""
        match layout:
            case Layout.FEATURES:
                return bool(self.columns)
            case Layout.TOKENS:
                return self.rows > 0
            case Layout.EXPERTS:
                return self.experts is not None
        return False

    def held(self, layout: Layout) -> Layout:
        """The layout in which the value really lies where it is said to lie in `layout`."""
        return layout if layout.is_whole or self.divides(layout) else Layout.COPY

    def part(self, layout: Layout, ranks: int) -> int:
        """Elements of the fullest rank; parts that do not divide evenly are padded."""
        return _part(self, layout, ranks)


@cache
def _part(spread: Spread, layout: Layout, ranks: int) -> int:
    if ranks <= 1 or not spread.divides(layout):
        return spread.elements
    match layout:
        case Layout.FEATURES:
            return _times(spread.elements, *column_share(spread.columns, ranks))
        case Layout.TOKENS:
            return _times(spread.elements, -(-spread.rows // ranks), spread.rows)
    assert spread.experts is not None
    found = spread.experts
    return _times(spread.elements * found.picked, busiest(found.rows, ranks, found.experts), max(found.rows, 1))


def column_share(columns: tuple[Columns, ...], ranks: int) -> tuple[int, int]:
    """The part of a value's features that the fullest rank has, as a fraction."""
    top = bottom = 0
    scale = 1
    for column in columns:
        scale *= column.units
    for column in columns:
        top += column.size * column.taken(ranks) * (scale // column.units)
        bottom += column.size * scale
    return top, bottom


def _times(elements: int, top: int, bottom: int) -> int:
    """Elements times a fraction, rounded up."""
    return -(-elements * top // bottom)
