"""Where the parts of a target are drawn: boxes that do not overlap, and lines for links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapper.hw.target import Memory, Target
from mapper.report.page.floor.box import GAP, Box
from mapper.report.page.floor.grid import Grid, grid_of
from mapper.report.page.floor.tree import Group, child_of, tree_of
from mapper.report.page.floor.wires import Wire, wires_of

UNIT_WIDE, UNIT_HIGH = 10.0, 6.0
BAR_UNIT, BAR_ROUTER, MEMORY_HIGH = 4.0, 2.0, 2.4
MARGIN, TITLE = 1.2, 2.2
"""Sizes in the drawing's own measure: of a unit, of bars and strips, within a frame, of its title."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes, those around others first, and lines, within so much room."""

    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    wide: float
    high: float

    def moved(self, x: float, y: float) -> Drawing:
        """The same drawing elsewhere."""
        return replace(
            self, boxes=tuple(b.moved(x, y) for b in self.boxes), wires=tuple(w.moved(x, y) for w in self.wires)
        )


def layout(target: Target) -> Drawing:
    """The whole target."""
    return _drawing(tree_of(target))


def _drawing(group: Group) -> Drawing:
    """A group with everything in it."""
    inner = [_drawing(g) for g in group.groups]
    unit = Drawing((), (), UNIT_WIDE, UNIT_HIGH)
    sizes = [*(unit for _ in group.places), *inner]
    grid = grid_of(group, sizes[-1].wide / sizes[-1].high if sizes else 1.0)
    rects = _rects(group, grid, sizes)
    for i, drawing in enumerate(inner, len(group.places)):
        rects[i] = rects[i].around(drawing.wide, drawing.high)
    wide, high = max(r.right for r in rects), max(r.bottom for r in rects)
    strips = _strips(group, grid, rects, wide, high)
    own = Drawing((*rects[: len(group.places)], *strips), tuple(wires_of(group, rects)), wide, high)
    inside = [one.moved(r.x, r.y) for one, r in zip(inner, rects[len(group.places) :], strict=True)]
    parts = [own, *inside]
    whole = Drawing(tuple(b for p in parts for b in p.boxes), tuple(w for p in parts for w in p.wires), wide, high)
    return _framed(group, _fitted(whole))


def _fitted(drawing: Drawing) -> Drawing:
    """The drawing with its left upper corner at the origin, and the room that it takes."""
    xs = [x for b in drawing.boxes for x in (b.x, b.right)] + [x for w in drawing.wires for x, _ in w.points]
    ys = [y for b in drawing.boxes for y in (b.y, b.bottom)] + [y for w in drawing.wires for _, y in w.points]
    moved = drawing.moved(-min(xs), -min(ys))
    return replace(moved, wide=max(xs) - min(xs), high=max(ys) - min(ys))


def _framed(group: Group, drawing: Drawing) -> Drawing:
    """With a frame and a name around it, but for the system itself and what is one unit."""
    if not group.path or len(group.children) == 1:
        return drawing
    wide, high = drawing.wide + 2 * MARGIN, drawing.high + 2 * MARGIN + TITLE
    moved = drawing.moved(MARGIN, MARGIN + TITLE)
    return Drawing((Box("group", ".".join(group.path), 0.0, 0.0, wide, high), *moved.boxes), moved.wires, wide, high)


def _rects(group: Group, grid: Grid, sizes: Sequence[Drawing]) -> list[Box]:
    """The box of each child, in order."""
    columns, rows = [0.0] * grid.columns, [0.0] * grid.rows
    for i, (row, column) in grid.cells.items():
        columns[column] = max(columns[column], sizes[i].wide)
        rows[row] = max(rows[row], sizes[i].high)
    gap = GAP * (1.6 if group.groups else 1.0)
    thick = {i: _thickness(group, i, sizes[i]) for i in range(len(sizes)) if i not in grid.cells}
    left = sum(max(thick[i], UNIT_WIDE * 0.8) + gap for i in grid.left)
    xs = [left + sum(columns[:c]) + c * gap for c in range(grid.columns)]
    wide = sum(columns) + gap * (grid.columns - 1)
    found: dict[int, Box] = {}
    y = 0.0

    def bars(children: Sequence[int]) -> None:
        nonlocal y
        for i in children:
            found[i] = _part(group, i, left, y, wide, thick[i])
            y += thick[i] + gap

    bars(grid.top)
    first = y
    for row in range(grid.rows):
        if row == grid.split:
            bars(grid.middle)
        for i, (at, column) in grid.cells.items():
            if at == row:
                found[i] = _part(group, i, xs[column], y, columns[column], rows[row])
        y += rows[row] + gap
    last = y - gap
    bars(grid.bottom)
    x = 0.0
    for i in grid.left:
        found[i] = _part(group, i, x, first, max(thick[i], UNIT_WIDE * 0.8), last - first)
        x = found[i].right + gap
    x = left + wide + gap
    for i in grid.right:
        found[i] = _part(group, i, x, first, max(thick[i], UNIT_WIDE * 0.8), last - first)
        x = found[i].right + gap
    return [found[i] for i in range(len(sizes))]


def _thickness(group: Group, child: int, size: Drawing) -> float:
    if child >= len(group.places):
        return size.high
    return BAR_ROUTER if group.places[child] in group.routers else BAR_UNIT


def _part(group: Group, child: int, x: float, y: float, wide: float, high: float) -> Box:
    name = group.children[child]
    kind = "group" if child >= len(group.places) else "router" if name in group.routers else "unit"
    return Box(kind, name, x, y, wide, high)


def _strips(group: Group, grid: Grid, rects: Sequence[Box], wide: float, high: float) -> list[Box]:
    """The memories: a strip above or below the units that they serve, those of the same units side by side."""
    by_units: dict[tuple[int, ...], list[Memory]] = {}
    for memory in group.memories:
        by_units.setdefault(_children(group, memory), []).append(memory)
    found: list[Box] = []
    for children, memories in by_units.items():
        served = [rects[i] for i in children] or list(rects)
        at_top = all(r.y == min(r.y for r in rects) for r in served)
        x, right = min(r.x for r in served), max(r.right for r in served)
        if not at_top and not all(r.bottom == high for r in served):
            x, right = 0.0, wide
        step, pitch = (-1, -MEMORY_HIGH - GAP / 3) if at_top else (1, GAP / 3)
        y = pitch if at_top else high + pitch
        while any(s.y == y and s.x < right and x < s.right for s in found):
            y += step * (MEMORY_HIGH + GAP / 3)
        each = (right - x) / len(memories)
        room = min(GAP / 3, each / 8) if len(memories) > 1 else 0.0
        found += [Box("memory", m.name, x + k * each, y, each - room, MEMORY_HIGH) for k, m in enumerate(memories)]
    return found


def _children(group: Group, memory: Memory) -> tuple[int, ...]:
    return tuple(sorted({child_of(group, name) for name in memory.serves}))
