"""Symbolic dims: one name for all dims that have the same sizes at all samples of all phases."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.frontend.dims.dims import Bound
from mapper.frontend.dims.expressions import evaluate
from mapper.frontend.facts import DimTerm

Vector = tuple[int, ...]
"""The sizes of one dim at every sample, phase after phase."""


class Symbols:
    """Gives each vector of sizes its dim: a number where all sizes are equal, else one shared name."""

    def __init__(self, bounds: Sequence[Bound], terms: Sequence[str]) -> None:
        self._names: dict[Vector, str] = {}
        self._taken: set[str] = set()
        self._scopes = [{**bound.names, **bound.roles} for bound in bounds]
        self._used: dict[Vector, str] = {}
        for term in ("batch", "seq", "past", "past+seq", "total", *terms):
            self._offer(term)

    def _offer(self, term: str) -> None:
        """Makes the term the name of its sizes, unless it has none or they have a name already."""
        sizes = [evaluate(term, scope) for scope in self._scopes]
        vector = tuple(size for size in sizes if size is not None)
        if len(vector) == len(sizes) and vector not in self._names and term not in self._taken:
            self._names[vector] = term
            self._taken.add(term)

    def dim(self, vector: Vector, hint: DimTerm = None) -> int | str:
        """The dim of these sizes; `hint` is what the file calls it."""
        if min(vector) == max(vector):
            return vector[0]
        if vector not in self._names:
            name = hint if isinstance(hint, str) and hint not in self._taken else self._fresh()
            self._names[vector] = name
            self._taken.add(name)
        return self._used.setdefault(vector, self._names[vector])

    def _fresh(self) -> str:
        count = 0
        while f"d{count}" in self._taken:
            count += 1
        return f"d{count}"

    def used(self) -> list[tuple[str, Vector]]:
        """The names given out so far with their sizes."""
        return [(name, vector) for vector, name in self._used.items()]
