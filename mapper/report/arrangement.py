"""How the equal chips of a folded target work together, in words."""

from __future__ import annotations

from mapper.hw.target import Target, Unit
from mapper.hw.teams import arrangement_of


def arrangement_words(target: Target) -> str:
    """Such as '8 ranks x 2 copies x 2 stages of gpu-a100-80 (TP 8, DP 2, PP 2)'; empty where nothing is folded."""
    way = arrangement_of(target)
    teams = [u for u in target.units if u.team and (u.ranks, u.copies) == (way.ranks, way.copies)]
    if not teams:
        return ""
    first = teams[0]
    stages = sum(unit.kind == first.kind and _part(unit) == _part(first) for unit in teams)
    parts = (_many(way.ranks, "rank", "ranks"), _many(way.copies, "copy", "copies"), _many(stages, "stage", "stages"))
    return f"{' x '.join(parts)} of {first.kind} (TP {way.ranks}, DP {way.copies}, PP {stages})"


def _part(unit: Unit) -> str:
    """Which part of its chip a unit is."""
    return unit.name.rpartition(".")[2] if "." in unit.name else unit.kind


def _many(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
