"""What would let a unit take an op that it refuses, where the refusal names a figure."""

from __future__ import annotations

import re
from collections.abc import Callable


def remedy(reason: str) -> str:
    """What would have to be different, in words; empty where the refusal names no figure."""
    for pattern, words in _KNOWN:
        found = pattern.search(reason)
        if found:
            return words(found)
    return ""


def _memory(m: re.Match[str]) -> str:
    needs, name, has = float(m[1]), m[2], float(m[3])
    return f"{name} of {needs:g} MB ({_times(needs, has)} as large), or smaller calls"


def _arrays(m: re.Match[str]) -> str:
    needs, has = (int(m[k].replace(",", "")) for k in (1, 2))
    return f"{needs:,} arrays ({_times(needs, has)} as many), or weights of fewer bits"


def _writes(m: re.Match[str]) -> str:
    return f"cells that endure more than {m[2]} writes, each faster than {m[1]}"


def _times(needs: float, has: float) -> str:
    return f"{needs / has:.2g} times" if has else "not 0"


_KNOWN: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"reads and leaves ([\d.]+) MB, memory (.+) has ([\d.]+) MB"), _memory),
    (re.compile(r"need ([\d,]+) arrays of \S+ the unit has ([\d,]+)"), _arrays),
    (re.compile(r"cell writes a call at (\S+ \S+) each, and a cell wears out after (\S+) calls"), _writes),
    (re.compile(r"Mbit to write, and allow_dynamic is false"), lambda m: "allow_dynamic: true in its file"),
)
