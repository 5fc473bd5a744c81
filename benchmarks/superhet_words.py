"""Words and tables of the study of super-heterogeneous packages."""

from __future__ import annotations

from collections.abc import Sequence

TEN = 10.0
"""What is promised: an order of magnitude."""


def times(number: float) -> str:
    """A ratio with as many digits as it is worth."""
    return f"{number:.2f}" if number < TEN else f"{number:.3g}"


def listed(names: Sequence[str]) -> str:
    """Names one after the other: a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
