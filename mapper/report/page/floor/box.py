"""Boxes of a floor plan, in the drawing's own measure."""

from __future__ import annotations

from dataclasses import dataclass, replace

GAP = 1.8
"""Between parts that stand side by side; links run there."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part: its kind (group, unit, router or memory), name, left upper corner and size."""

    kind: str
    name: str
    x: float
    y: float
    wide: float
    high: float

    @property
    def right(self) -> float:
        """Its right end."""
        return self.x + self.wide

    @property
    def bottom(self) -> float:
        """Its lower end."""
        return self.y + self.high

    def moved(self, x: float, y: float) -> Box:
        """The same box elsewhere."""
        return replace(self, x=self.x + x, y=self.y + y)

    def around(self, wide: float, high: float) -> Box:
        """A box of another size with the same middle."""
        return replace(self, x=self.x + (self.wide - wide) / 2, y=self.y + (self.high - high) / 2, wide=wide, high=high)

    def overlaps(self, other: Box) -> bool:
        """Whether they have more in common than an edge."""
        apart = self.right <= other.x or other.right <= self.x or self.bottom <= other.y or other.bottom <= self.y
        return not apart
