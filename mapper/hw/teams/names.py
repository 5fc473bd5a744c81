"""Names of teams: gpu0.gpu to gpu7.gpu together are gpu0-7.gpu."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from math import prod

MOST_RANGES = 3
"""So many ranges of numbers are spelled out."""

_NUMBER = re.compile(r"(\d+)")


def ranged(names: Sequence[str]) -> str:
    """One name for several that differ in numbers only: cim_0_4, cim_0_5, cim_1_4, cim_1_5 are cim_0-1_4-5; where that
    would be long or wrong, the first name and how many there are, as in chip0x16. Disjoint sets get different names."""
    first = names[0]
    if len(names) == 1:
        return first
    split = [_NUMBER.split(name) for name in names]
    words = {tuple(parts[::2]) for parts in split}
    if len(words) > 1:
        return f"{first}x{len(names)}"
    columns = [sorted({int(parts[i]) for parts in split}) for i in range(1, len(split[0]), 2)]
    varying = [i for i, values in enumerate(columns) if len(values) > 1]
    spelled = [_ranges(values) for values in columns]
    if prod(len(values) for values in columns) != len(names) or any(s.count("+") >= MOST_RANGES for s in spelled):
        spelled = split[0][1::2]
        spelled[varying[0]] += f"x{len(names)}"
    return "".join(word + number for word, number in zip(split[0][::2], [*spelled, ""], strict=True))


def _ranges(values: Sequence[int]) -> str:
    """Ascending numbers as ranges: 0-3+8."""
    starts = [values[0], *(b for a, b in pairwise(values) if b != a + 1)]
    ends = [*(a for a, b in pairwise(values) if b != a + 1), values[-1]]
    return "+".join(f"{a}-{b}" if a != b else str(a) for a, b in zip(starts, ends, strict=True))


def fabric(unit: str) -> str:
    """The resource that exchanges among the ranks of a team take: one for all parts of a team of chips, since they
    share the links between the chips."""
    return f"{unit.rpartition('.')[0] or unit} exchange"
