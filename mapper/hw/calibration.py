"""What a calibration is: something that measures the machine it runs on and hands back a target file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Tell = Callable[[str, str, float | None], None]
"""Told how it goes: a step, how it stands, and its seconds once it is done."""


@dataclass(frozen=True, slots=True)
class KindErrors:
    """Mean absolute errors of one kind of op: of the fit, of shapes that it did not see, and of a plain roofline on
    those; not a number where there are none."""

    kind: str
    points: int
    fitted: float
    held_out: float
    roofline: float
    band: float
    """What nine in ten points stay within, on the worse side."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A target file with what was measured; `notes` are what a reader should know before trusting it."""

    text: str
    about: str
    errors: tuple[KindErrors, ...]
    notes: tuple[str, ...]


class Calibrator(Protocol):
    """An entry of the group mapper.calibrators."""

    def __call__(self, name: str, seconds: float, tell: Tell, units: int = 1) -> Calibrated:
        """A target of that name with so many equal units, measured in about so many seconds."""
        ...
