"""Which atoms are near each other: those that quick links join, and those that are neighbours in a mesh."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from mapper.hw import shapes
from mapper.hw.target import Target

Level = tuple[int, ...]
"""For each atom the number of the first atom of its group."""


def levels(target: Target, atoms: Sequence[Sequence[str]]) -> tuple[Level, ...]:
    """Groups of atoms (each given by its places) that links of some bandwidth and more join, the smallest first, as
    pairs, nodes and everything. Only groups of one size, each level a coarsening of the one before."""
    wide = tuple(tuple(places) for places in atoms if len(places) > 1)
    known: dict[object, list[dict[str, str]]] = target.__dict__.setdefault("_islands", {})
    if wide not in known:
        known[wide] = _islands(target, wide)
    found: list[Level] = []
    for island in known[wide]:
        first: dict[str, int] = {}
        level = tuple(first.setdefault(island[places[0]], i) for i, places in enumerate(atoms))
        sizes = set(Counter(level).values())
        if len(sizes) == 1 and sizes != {1} and level not in found:
            found.append(level)
    return tuple(found)


def _islands(target: Target, joined: Iterable[Sequence[str]]) -> list[dict[str, str]]:
    """For each place one that stands for all that links of some bandwidth and more join it with, the quickest links
    first; what shares a memory, and places that are `joined`, are together from the start."""
    islands = _Islands((*target.unit, *target.routers))
    for memory in target.memories:
        islands.join(memory.serves)
    for places in joined:
        islands.join(places)
    found = []
    quickest_first = sorted(target.links, key=lambda link: -link.bandwidth_bytes_per_s)
    for _, links in groupby(quickest_first, key=lambda link: link.bandwidth_bytes_per_s):
        for link in links:
            islands.join((link.a, link.b))
        found.append({place: islands.of(place) for place in (*target.unit, *target.routers)})
    return found


class _Islands:
    """Disjoint sets of places (Tarjan, 1975)."""

    def __init__(self, places: Iterable[str]) -> None:
        self._parent = {place: place for place in places}

    def of(self, place: str) -> str:
        while self._parent[place] != place:
            self._parent[place] = place = self._parent[self._parent[place]]
        return place

    def join(self, places: Iterable[str]) -> None:
        roots = [self.of(place) for place in places]
        for root in roots[1:]:
            self._parent[self.of(root)] = self.of(roots[0])


@dataclass(frozen=True)
class Mesh:
    """Atoms in rows and columns, numbered row by row, each linked to its neighbours; wraps: it is a torus."""

    rows: int
    columns: int
    wraps: bool = False

    def place(self, atom: int) -> tuple[int, int]:
        """Row and column."""
        return divmod(atom, self.columns)

    def hops(self, a: int, b: int) -> int:
        """Links between two atoms."""
        ways = zip(self.place(a), self.place(b), (self.rows, self.columns), strict=True)
        return sum(min(abs(x - y), n - abs(x - y)) if self.wraps else abs(x - y) for x, y, n in ways)

    def blocks(self, size: int) -> list[list[int]] | None:
        """Rectangles of so many atoms, as square as they come, that fill the mesh: each one a neighbour of the next,
        and inside each the atoms in a round where there is one, else in a snake. None: no rectangle does."""
        tall = [h for h in range(1, self.rows + 1) if self.rows % h == 0 and size % h == 0]
        fitting = [(h, size // h) for h in tall if self.columns % (size // h) == 0]
        if not fitting:
            return None
        h, w = min(fitting, key=lambda shape: (abs(shape[0] - shape[1]), shape))
        corners = _snake(self.rows // h, self.columns // w)
        return [[(r * h + i) * self.columns + c * w + j for i, j in _round(h, w)] for r, c in corners]


def _snake(rows: int, columns: int) -> list[tuple[int, int]]:
    """Row by row, every second one backwards: each place is a neighbour of the next."""
    return [(r, c if r % 2 == 0 else columns - 1 - c) for r in range(rows) for c in range(columns)]


def _round(rows: int, columns: int) -> list[tuple[int, int]]:
    """A closed round over a rectangle where one exists (an even side, no side of 1): along the first row, in a snake
    over the other columns and back along the first one."""
    if rows == 1 or columns == 1 or (rows % 2 and columns % 2):
        return _snake(rows, columns)
    if rows % 2:
        return [(r, c) for c, r in _round(columns, rows)]
    out = [(r, c + 1) for r, c in _snake(rows, columns - 1)]
    return [(0, 0), *out, *((r, 0) for r in range(rows - 1, 0, -1))]


@dataclass(frozen=True)
class Nearness:
    """What is known of how the atoms of a target are joined."""

    target: Target
    atoms: tuple[tuple[str, ...], ...]

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """See `levels`."""
        return levels(self.target, self.atoms)

    @cached_property
    def neighbours(self) -> frozenset[tuple[int, int]]:
        """Pairs of atoms with a link of their own, the smaller number first."""
        atom = {place: i for i, places in enumerate(self.atoms) for place in places}
        ends = ((atom.get(link.a, -1), atom.get(link.b, -1)) for link in self.target.links)
        return frozenset((min(a, b), max(a, b)) for a, b in ends if a != b and min(a, b) >= 0)

    @cached_property
    def mesh(self) -> Mesh | None:
        """The mesh, torus, chain or ring that the atoms form in their order, if they form one."""
        n = len(self.atoms)
        for rows in (r for r in range(1, n + 1) if n % r == 0):
            numbers = [[str(r * (n // rows) + c) for c in range(n // rows)] for r in range(rows)]
            for wraps, pairs in ((False, shapes.mesh(numbers)), (True, shapes.torus(numbers))):
                if {(min(a, b), max(a, b)) for a, b in ((int(a), int(b)) for a, b in pairs)} == self.neighbours:
                    return Mesh(rows, n // rows, wraps)
        return None

    def sets(self, size: int) -> list[list[int]] | None:
        """The atoms in sets of that size, each near the next, the atoms of a set near each other; None where quick
        links join groups that such sets would cut across."""
        n = len(self.atoms)
        if n % size:
            return None
        if self.mesh and len(self.levels) < 2:
            return self.mesh.blocks(size)
        sizes = [Counter(level).most_common(1)[0][1] for level in self.levels]
        if any(group % size and size % group for group in sizes):
            return None
        order = sorted(range(n), key=lambda i: (*(level[i] for level in reversed(self.levels)), i))
        return [order[i : i + size] for i in range(0, n, size)]
