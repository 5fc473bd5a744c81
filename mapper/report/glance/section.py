"""A section of what is seen at a glance, and the small drawings in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mapper.cost.judge import Verdict

SPARKS = " ▁▂▃▄▅▆▇█"
"""From nothing to all in eighths; whatever is more than nothing shows."""


@dataclass(frozen=True)
class Section:
    """What a section shows: its title, lines without indent, and the same as JSON data."""

    title: str
    lines: tuple[str, ...]
    data: Any


Make = Callable[[Verdict], Section | None]
"""Makes a section; None where a plan has nothing of the kind."""


def spark(parts: Sequence[float]) -> str:
    """A row of blocks as high as the parts (0 to 1) are large."""
    most = len(SPARKS) - 1
    return "".join(SPARKS[min(most, max(1 if p > 1e-3 else 0, round(p * most)))] for p in parts)


def busiest(parts: dict[str, float], most: int) -> tuple[list[str], int]:
    """The names with the largest parts, in their own order, and how many others there are."""
    kept = set(sorted((n for n in parts if parts[n] > 0), key=lambda n: (-parts[n], n))[:most])
    return [n for n in parts if n in kept], sum(1 for n in parts if parts[n] > 0) - len(kept)


def others(count: int, what: str) -> list[str]:
    """A line for those that are not shown."""
    return [f"and {count} more {what}, less busy"] if count else []
