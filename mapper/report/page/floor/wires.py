"""Lines for the links between the children of a group: straight where nothing stands between, else through the gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapper.report.page.floor.box import GAP, Box
from mapper.report.page.floor.tree import Group

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Wire:
    """A link, and the line that it is drawn as."""

    link: str
    points: tuple[Point, ...]

    def moved(self, x: float, y: float) -> Wire:
        """The same line elsewhere."""
        return replace(self, points=tuple((a + x, b + y) for a, b in self.points))


def wires_of(group: Group, rects: Sequence[Box]) -> list[Wire]:
    """The lines of a group's links. rects: the box of each child. Links of the same two run side by side."""
    pairs = [(min(a, b), max(a, b)) for _, a, b in group.links]
    number, seen = Counter(pairs), Counter[tuple[int, int]]()
    found = []
    for (link, _, _), pair in zip(group.links, pairs, strict=True):
        seen[pair] += 1
        part = seen[pair] / (number[pair] + 1)
        found.append(Wire(link.name, _line(rects[pair[0]], rects[pair[1]], part, rects)))
    return found


def _line(a: Box, b: Box, part: float, rects: Sequence[Box]) -> tuple[Point, ...]:
    """From one box to another, at this part of what they have in common."""
    left, right = max(a.x, b.x), min(a.right, b.right)
    if left < right:
        upper, lower = (a, b) if a.y < b.y else (b, a)
        x = left + part * (right - left)
        if _is_free(Box("", "", x, upper.bottom, 0.0, lower.y - upper.bottom), a, b, rects):
            return (x, upper.bottom), (x, lower.y)
        return _beside(upper, lower, part)
    top, bottom = max(a.y, b.y), min(a.bottom, b.bottom)
    if top < bottom:
        first, second = (a, b) if a.x < b.x else (b, a)
        y = top + part * (bottom - top)
        if _is_free(Box("", "", first.right, y, second.x - first.right, 0.0), a, b, rects):
            return (first.right, y), (second.x, y)
        return _beneath(first, second, part)
    return (a.x + a.wide / 2, a.y + a.high / 2), (b.x + b.wide / 2, b.y + b.high / 2)


def _is_free(way: Box, a: Box, b: Box, rects: Sequence[Box]) -> bool:
    """Whether a line meets no box but those at its ends."""
    return not any(r.overlaps(way) for r in rects if r is not a and r is not b)


def _beside(upper: Box, lower: Box, part: float) -> tuple[Point, ...]:
    """Down through the gap on the left of the narrower one, into its side."""
    x = (upper if upper.wide < lower.wide else lower).x - GAP * (0.3 + 0.4 * part)
    if upper.wide > lower.wide:
        y = lower.y + lower.high / 2
        return (x, upper.bottom), (x, y), (lower.x, y)
    y, end = upper.y + upper.high / 2, lower.y + (lower.high / 2 if lower.wide == upper.wide else 0.0)
    return (upper.x, y), (x, y), (x, end), *(((lower.x, end),) if lower.wide == upper.wide else ())


def _beneath(first: Box, second: Box, part: float) -> tuple[Point, ...]:
    """Through the gap below both."""
    y = max(first.bottom, second.bottom) + GAP * (0.3 + 0.4 * part)
    a, b = first.x + first.wide / 2, second.x + second.wide / 2
    return (a, first.bottom), (a, y), (b, y), (b, second.bottom)
