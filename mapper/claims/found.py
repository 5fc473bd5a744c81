"""What a check finds: figures with their bands, the steps to them, the reasons for them, and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """A computed figure. low, high: the ends of its error band or of what its assumptions leave open."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that a claim shows; words: what they are."""

    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Found:
    """What a check found.

    figures: by the names that the check has. because: by figure, why it is what it is, computed.
    steps: the way to the figures, a line each. rests_on: targets, models and figures it rests on, each with its mark or
    band. why_not: figures that could not be computed, and why.
    """

    figures: Mapping[str, Figure] = field(default_factory=dict)
    because: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    rests_on: tuple[str, ...] = ()
    why_not: Mapping[str, str] = field(default_factory=dict)
