"""Which children of a group stand in which row and column, and which are bars along an edge or through the middle."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, log

from mapper.report.page.floor.tree import Group

WIDE = 2.2
"""Width of a good picture over its height."""

_AT = re.compile(r"(.*)_(\d+)_(\d+)")
Cell = tuple[int, int]


@dataclass(slots=True)
class Grid:
    """Where children (by position) stand. cells: row and column. top, bottom, left, right: bars along an edge, from the
    inside out; middle: bars below row `split - 1`."""

    cells: dict[int, Cell]
    top: list[int] = field(default_factory=list)
    bottom: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    middle: list[int] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows of cells there are."""
        return 1 + max((row for row, _ in self.cells.values()), default=-1)

    @property
    def columns(self) -> int:
        """How many columns of cells there are."""
        return 1 + max((column for _, column in self.cells.values()), default=-1)

    @property
    def split(self) -> int:
        """The row before which the middle bars run."""
        return ceil(self.rows / 2)


def grid_of(group: Group, shape: float) -> Grid:
    """The places of a group's children. shape: width over height of what stands in a cell.

    Children whose names end in two numbers, as those of a grid in a target's file do, stand where these say; those that
    links join as a mesh stand as in the mesh; others stand in rows, in order. Who is linked to many, as switches are,
    is a bar along the edge where these stand, or in their midst.
    """
    names, near = group.children, _near(group)
    cells = _named(names)
    if not cells:
        hubs = [i for i in range(len(names)) if len(near[i]) > MOST_IN_A_MESH or _is_router(group, i)]
        core = [i for i in range(len(names)) if i not in hubs] or _of_groups(group) or list(range(len(names)))
        cells = mesh(core, near) or _in_rows(core, shape)
    grid = Grid(cells)
    for i in range(len(names)):
        if i not in cells:
            _side(grid, [cells[n] for n in sorted(near[i]) if n in cells], _is_router(group, i)).append(i)
    return grid


def _of_groups(group: Group) -> list[int]:
    """The children that are groups: where everything is linked to everything, what stands in rows."""
    return list(range(len(group.places), len(group.children)))


MOST_IN_A_MESH = 4
"""Neighbours of a place of a mesh; one with more is a hub."""


def _is_router(group: Group, child: int) -> bool:
    return group.children[child] in group.routers


def _near(group: Group) -> list[set[int]]:
    """The neighbours of each child."""
    found: list[set[int]] = [set() for _ in group.children]
    for _, a, b in group.links:
        found[a].add(b)
        found[b].add(a)
    return found


def _named(names: Sequence[str]) -> dict[int, Cell]:
    """The cells of the largest grid that names tell of; nothing where there is none."""
    grids: dict[str, dict[int, Cell]] = {}
    for i, name in enumerate(names):
        if found := _AT.fullmatch(name):
            grids.setdefault(found[1], {})[i] = int(found[2]), int(found[3])
    largest = max(grids.values(), key=len, default={})
    return largest if len(largest) > 1 and len(set(largest.values())) == len(largest) else {}


def mesh(core: Sequence[int], near: Sequence[set[int]]) -> dict[int, Cell]:
    """Rows and columns in which links join neighbours, and only them; nothing where there are none.

    In a mesh the distances of a place from two corners of one side tell its row and its column.
    """
    inside = set(core)
    links = {i: sorted(near[i] & inside) for i in core}
    first = min(core, key=lambda i: len(links[i]))
    of_first = _distances(first, links)
    fallback: dict[int, Cell] = {}
    for other in core:
        if other == first or len(links[other]) > len(links[first]) or other not in of_first:
            continue
        wide, of_other = of_first[other], _distances(other, links)
        cells: dict[int, Cell] = {}
        for i in core:
            row, odd = divmod(of_first.get(i, -1) + of_other.get(i, -1) - wide, 2)
            if row >= 0 and not odd:
                cells[i] = (row, of_first[i] - row)
        if _is_mesh(cells, core, links):
            if sorted(core, key=cells.__getitem__) == list(core):
                return cells
            fallback = fallback or cells
    return fallback


def _is_mesh(cells: dict[int, Cell], core: Sequence[int], links: dict[int, list[int]]) -> bool:
    """Whether the cells are a whole rectangle, one for each, and links lead from each to those beside it alone."""
    taken = set(cells.values())
    if len(cells) < len(core) or len(taken) < len(core):
        return False
    whole = (1 + max(r for r, _ in taken)) * (1 + max(c for _, c in taken)) == len(core)
    return whole and all(
        sum(abs(a - b) for a, b in zip(cells[i], cells[j], strict=True)) == 1 for i in core for j in links[i]
    )


def _distances(start: int, links: dict[int, list[int]]) -> dict[int, int]:
    """How many links away from `start` everything is that they lead to."""
    found, waiting = {start: 0}, [start]
    for i in waiting:
        for j in links[i]:
            if j not in found:
                found[j] = found[i] + 1
                waiting.append(j)
    return found


def _in_rows(core: Sequence[int], shape: float) -> dict[int, Cell]:
    """In order in rows of equal length, so many that the whole is about `WIDE`, with few cells left over."""

    def badness(columns: int) -> float:
        rows = ceil(len(core) / columns)
        return abs(log(shape * columns / rows / WIDE)) + 2 * (rows * columns - len(core)) / len(core)

    columns = min(range(1, len(core) + 1), key=badness)
    return {child: divmod(k, columns) for k, child in enumerate(core)}


def _side(grid: Grid, cells: Sequence[Cell], router: bool) -> list[int]:
    """The edge along which someone with neighbours in these cells stands; routers with neighbours on all sides stand in
    the middle."""
    rows, columns = {row for row, _ in cells}, {column for _, column in cells}
    if len(rows) > 1 and len(columns) == 1 and grid.columns > 1:
        if columns == {0}:
            return grid.left
        if columns == {grid.columns - 1}:
            return grid.right
    if router:
        return grid.middle if grid.rows > 1 and len(rows) > 1 else grid.bottom
    return grid.bottom if rows == {grid.rows - 1} and grid.rows > 1 else grid.top
