"""The mark words that say what a figure of a target rests on, and how a text is read for them."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache


class Basis(StrEnum):
    """What a figure rests on, the best first: measured on the thing itself, read in the named source, derived from
    figures that were, recalled (what the source does not hold), assumed (what no maker published)."""

    MEASURED = "measured"
    READ = "read"
    DERIVED = "derived"
    RECALLED = "recalled"
    ASSUMED = "assumed"
    MISSING = "missing"
    """The text has no mark word."""

    @property
    def rank(self) -> int:
        """0 for the best."""
        return _RANK[self]


_RANK = {basis: rank for rank, basis in enumerate(Basis)}
MARKED = tuple(basis for basis in Basis if basis is not Basis.MISSING)
_WORD = re.compile(rf"\b({'|'.join(MARKED)})\b", re.IGNORECASE)


def bases_in(text: str) -> tuple[Basis, ...]:
    """The mark words that a text has, each once, the best first."""
    return tuple(sorted({Basis(word.lower()) for word in _WORD.findall(text)}, key=lambda basis: basis.rank))


@lru_cache(maxsize=4096)  # many figures of a file have one text
def basis_of(text: str) -> Basis:
    """What a figure with this text rests on: the weakest mark word counts."""
    return max(bases_in(text), key=lambda basis: basis.rank, default=Basis.MISSING)
