"""Numbers as people read them: 3.91 ms, 27.2 k, 61 MB."""

from __future__ import annotations


def si(value: float, unit: str = "", digits: int = 3) -> str:
    """The value with an SI prefix and `digits` significant digits; 0 stays 0."""
    if value == 0:
        return f"0 {unit}".rstrip()
    if not unit and 1e-3 <= abs(value) < 0.9995:
        return f"{value:.{digits}g}"
    scaled, prefix = value / 1e-12, "p"
    for factor, name in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"),
                           (1e-6, "u"), (1e-9, "n"), (1e-12, "p")):  # fmt: skip
        if abs(value) >= factor * 0.9995:
            scaled, prefix = value / factor, name
            break
    places = max(0, digits - len(str(int(abs(scaled)))))
    return f"{scaled:.{places}f} {prefix}{unit}".rstrip()


PREFIXED = ("B/s", "op/s", "B", "s", "Hz", "W")
"""Units of measure of a target's figures that take a prefix; others have one already (pJ), or count."""


def figure(value: float, unit: str = "", digits: int = 6) -> str:
    """A figure of a target with its unit of measure: 800 MHz, 0.7 pJ/bit, 32. digits: of those without a prefix."""
    return si(value, unit) if unit in PREFIXED else f"{value:.{digits}g} {unit}".rstrip()


def percent(part: float) -> str:
    """A part as a percentage: one decimal below 10 %."""
    return f"{100 * part:.1f} %" if abs(part) < 0.0995 else f"{100 * part:.0f} %"


def bar(part: float, width: int = 24) -> str:
    """A bar of blocks; anything above 0 shows at least one."""
    filled = min(width, max(round(part * width), 1 if part > 0.001 else 0))
    return "█" * filled + "░" * (width - filled)


def times(ratio: float) -> str:
    """A ratio as people say it: 0.62x, 4.1x, 160x, >1000x."""
    if ratio > 1000:
        return ">1000x"
    if ratio < 0.001:
        return "<0.001x"
    return f"{ratio:.0f}x" if ratio >= 9.95 else f"{ratio:.2g}x"


def shorten(text: str, room: int, end: bool = False) -> str:
    """The text in at most `room` columns: an ellipsis stands for its middle, or its end, where it is longer."""
    if len(text) <= room:
        return text
    kept = max(0, room - 1)
    tail = 0 if end else kept // 2
    return f"{text[: kept - tail].rstrip()}…{text[len(text) - tail :]}"


def listed(items: list[str], room: int) -> str:
    """As many items as fit, at least one, with dots for the others; 'nothing' when there are none."""
    if not items:
        return "nothing"
    for count in range(len(items), 0, -1):
        text = ", ".join(items[:count]) + (" ..." if count < len(items) else "")
        if len(text) <= room:
            return text
    return shorten(items[0], max(6, room - 4)) + (" ..." if len(items) > 1 else "")
