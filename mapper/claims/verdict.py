"""Verdicts: a computed figure held against what was published of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from mapper.claims.claim import Claim, Published
from mapper.claims.found import Figure, Found


class Said(StrEnum):
    """How a figure, or a claim as a whole, stands against what was published; a claim is as its worst figure. Left
    open: only an end of the figure's band, or of the range of what it assumes, reaches what is said."""

    REPRODUCED = "reproduced"
    ANSWERED = "answered"
    OPEN = "left open"
    DIFFERS = "differs"
    UNCHECKED = "cannot be checked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A figure beside what is said of it. off: the factor by which it is beyond the nearest end, 1 inside."""

    figure: str
    said: Said
    unit: str
    found: Figure | None = None
    published: Published | None = None
    off: float = 1.0
    because: str = ""

    @property
    def words(self) -> str:
        """The verdict in words, without its reason."""
        if self.said is Said.UNCHECKED:
            return self.said.value
        if self.published is None:
            return "computed; nothing is published of it"
        if self.said is Said.REPRODUCED:
            if self.off == 1.0:
                return "reproduced" + ("" if self.published.value is not None else ", inside what is said")
            return f"reproduced within {_percent(abs(self.off - 1.0))}"
        apart = f"{self.off:.2g} x" if self.off >= 2 or self.off <= 0.5 else f"{100 * (self.off - 1):+.0f} %"
        if self.said is Said.OPEN:
            return f"left open ({apart}; its range reaches what is said)"
        return f"differs ({apart} what is said)" if apart.endswith("x") else f"differs ({apart})"


def _percent(part: float) -> str:
    """The next whole percentage, or one of a few below 1 %."""
    return next((f"{100 * step:g} %" for step in (0.001, 0.005) if part <= step), f"{ceil(100 * part - 1e-6)} %")


@dataclass(frozen=True)
class Checked:
    """A claim with what was found and a verdict for each figure. why_not: why nothing could be computed."""

    claim: Claim
    found: Found
    verdicts: tuple[Verdict, ...]
    why_not: str = ""
    hint: str = ""

    @property
    def said(self) -> Said:
        """The verdict on the claim: the worst of those on figures that something is published of."""
        if self.why_not:
            return Said.UNCHECKED
        held = [v.said for v in self.verdicts if v.published is not None]
        order = list(Said)
        return max(held, key=order.index, default=Said.ANSWERED)


def checked(claim: Claim, units: Mapping[str, str], found: Found) -> Checked:
    """The verdicts on all figures that something is published of, then on the others that were found."""
    names = [*claim.published, *(n for n in found.figures if n not in claim.published)]
    return Checked(claim, found, tuple(_verdict(name, units[name], claim.published.get(name), found) for name in names))


def unchecked(claim: Claim, units: Mapping[str, str], why: str, hint: str = "") -> Checked:
    """The claim of which nothing could be computed."""
    verdicts = (Verdict(n, Said.UNCHECKED, units[n], None, p, because=why) for n, p in claim.published.items())
    return Checked(claim, Found(), tuple(verdicts), why, hint)


def _verdict(name: str, unit: str, published: Published | None, found: Found) -> Verdict:
    figure, because = found.figures.get(name), found.because.get(name, "")
    if figure is None:
        why = found.why_not.get(name, "the check does not compute it here")
        return Verdict(name, Said.UNCHECKED, unit, None, published, because=why)
    if published is None:
        return Verdict(name, Said.ANSWERED, unit, figure, None, because=because)
    off = _off(figure.value, published)
    low, high = published.ends
    covered = (high is None or (figure.low if figure.low is not None else figure.value) <= high) and (
        low is None or (figure.high if figure.high is not None else figure.value) >= low
    )
    near = abs(off - 1.0) <= published.within
    said = Said.REPRODUCED if near else Said.OPEN if covered else Said.DIFFERS
    return Verdict(name, said, unit, figure, published, off, because)


def _off(value: float, published: Published) -> float:
    """The factor by which a value is beyond the nearest end of what is said; 1 inside. A value of another sign than
    that end, or beside an end of 0, is infinitely far."""
    low, high = published.ends
    for end, beyond in ((low, low is not None and value < low), (high, high is not None and value > high)):
        if beyond and end is not None:
            return value / end if end and value / end > 0 else float("inf")
    return 1.0
