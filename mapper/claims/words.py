"""Figures and what is said of them, as people read them."""

from __future__ import annotations

from mapper.claims.checks.check import ratio_words
from mapper.claims.claim import Published
from mapper.claims.found import Figure
from mapper.claims.verdict import Verdict
from mapper.report.units import percent, si

SMALL = 0.01
"""Parts below this have two digits: 0.43 %, where a tenth of a percent says too little."""
PREFIXED = ("s", "W", "J")
"""Units that take a prefix."""


def value(amount: float, unit: str, part: bool = False) -> str:
    """A figure with its unit. part: it is a part of a whole."""
    if part:
        return percent(amount) if amount >= SMALL else f"{100 * amount:.2g} %"
    if unit in PREFIXED:
        return si(amount, unit)
    if unit == "x":
        return ratio_words(amount)
    if unit == "FLOP":
        return f"{amount:.3g} FLOP"
    if unit == "1/s":
        return f"{si(amount)} /s"
    plain = f"{amount:,.0f}" if abs(amount) >= 100 or amount == int(amount) else f"{amount:.3g}"
    text = si(amount) if abs(amount) >= 1e6 else plain
    return f"{text} {unit}".rstrip()


def found(v: Verdict, with_ends: bool = True) -> str:
    """The computed figure, with its ends where they are apart from it."""
    figure = v.found
    if figure is None:
        return "-"
    part = is_part(v)
    text = value(figure.value, v.unit, part)
    return f"{text} ({told})" if with_ends and (told := ends(v)) else text


def ends(v: Verdict) -> str:
    """The ends of the computed figure; nothing where they are not apart from it."""
    figure, part = v.found, is_part(v)
    if figure is None or figure.low is None or figure.high is None or _same(figure):
        return ""
    return f"{_plain(figure.low, v.unit, part)} to {value(figure.high, v.unit, part)}"


def said(v: Verdict) -> str:
    """What is published of the figure."""
    p = v.published
    if p is None:
        return "-"
    part = is_part(v)
    if p.value is not None:
        return value(p.value, v.unit, part)
    return _range(p, v.unit, part)


def is_part(v: Verdict) -> bool:
    """Whether it is told as a percentage."""
    return v.figure.startswith("utilisation")


def _range(p: Published, unit: str, part: bool) -> str:
    if p.low is None and p.high is not None:
        return f"<= {value(p.high, unit, part)}"
    if p.high is None and p.low is not None:
        return f">= {value(p.low, unit, part)}"
    assert p.low is not None
    assert p.high is not None
    return f"{_plain(p.low, unit, part)} to {value(p.high, unit, part)}"


def _plain(amount: float, unit: str, part: bool) -> str:
    """A low end, whose unit stands behind the high one."""
    text = value(amount, unit, part)
    return text if unit in PREFIXED else text.removesuffix(f" {unit}").removesuffix(" /s")


def _same(figure: Figure) -> bool:
    assert figure.low is not None
    assert figure.high is not None
    return abs(figure.high - figure.low) <= 1e-9 * abs(figure.value)
