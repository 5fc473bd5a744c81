"""The stretch of the steady state that a page shows."""

from __future__ import annotations

from mapper.cost.bars import Window
from mapper.cost.judge import Verdict
from mapper.cost.window import window

INTERVALS, MOST_BARS = 2.0, 24_000
"""How long it is at most, and its bars at most."""


def stretch(verdict: Verdict) -> Window:
    """The stretch, kept with the verdict: sections share it, and finding it simulates the steady state again."""
    kept: Window = verdict.__dict__.get("_stretch") or window(verdict, INTERVALS, MOST_BARS)
    verdict.__dict__["_stretch"] = kept
    return kept
