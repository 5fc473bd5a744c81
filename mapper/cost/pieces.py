"""Pieces of values: what tiles leave and read, each a buffer of its own with a label that says whose rows it has."""

from __future__ import annotations

from mapper.cost.estimate import Estimator
from mapper.cost.places import Place, Places, Step
from mapper.cost.shards.sharing import Sharing
from mapper.cost.shards.spread import Spread
from mapper.cost.tiles import Tile, Tiling, step_at_least
from mapper.hw.layout import Layout
from mapper.ir.graph import Graph, Phase


class Sizes:
    """How large values are in each phase, and how they get from place to place. Of all plans on a target the answers
    are the same: they are kept."""

    def __init__(self, graph: Graph, sharing: Sharing, places: Places, has_teams: bool) -> None:
        self.graph, self.sharing, self.places, self.has_teams = graph, sharing, places, has_teams
        self._ways: dict[tuple[str, str, int, Place, Place], tuple[Step, ...]] = {}
        self._bytes_of: dict[tuple[str, str, int, Place], int] = {}

    def mean(self, value: str, phase: Phase) -> Spread:
        """Mean number of elements of a value over the phase's samples, and how ranks can divide them."""
        return self.sharing.spread(value, phase.name, divides=self.has_teams)

    def peak(self, value: str, phase: Phase) -> Spread:
        """The largest number of elements of a value over the phase's samples, and how ranks can divide them."""
        return self.sharing.peak(value, phase.name, divides=self.has_teams)

    def peak_bytes(self, value: str, phase: Phase, place: Place, tiles: int = 0) -> int:
        """Most bytes that a value (tiles: 0), or one of so many pieces of it, takes at a place over the phase's
        samples, on all ranks that it lies with."""
        key = (value, phase.name, tiles, place)
        found = self._bytes_of.get(key)
        if found is None:
            peak = self._peak_of_piece(value, phase, tiles) if tiles else self.peak(value, phase)
            dtype = self.graph.value[value].dtype
            found = self.places.bytes(peak, place.dtype if dtype.is_float else dtype, place)
            self._bytes_of[key] = found
        return found

    def piece(self, value: str, phase: Phase, tiles: int) -> Spread:
        """Elements of one of so many pieces of a value's rows, in the mean over the phase's samples."""
        spread = self.sharing.spread(value, phase.name, divides=True)
        return Spread(spread.part(Layout.TOKENS, tiles))

    def _peak_of_piece(self, value: str, phase: Phase, tiles: int) -> Spread:
        """The largest number of elements of one of so many pieces over the phase's samples."""
        return Spread(self.sharing.peak(value, phase.name, divides=True).part(Layout.TOKENS, tiles))

    def steps(self, value: str, phase: Phase, tiles: int, source: Place, to: Place) -> tuple[Step, ...]:
        """How a value (tiles: 0), or one of so many pieces of it, gets from one place to another."""
        key = (value, phase.name, tiles, source, to)
        found = self._ways.get(key)
        if found is None:
            found = self._ways[key] = self._steps(value, phase, tiles, source, to)
        return found

    def _steps(self, value: str, phase: Phase, tiles: int, source: Place, to: Place) -> tuple[Step, ...]:
        dtype, crosses, mean = self.graph.value[value].dtype, self.crosses(value), self.mean(value, phase)
        whole = self.places.steps(mean, dtype, source, to, crosses)
        if not tiles:
            return whole
        piece = self.places.steps(self.piece(value, phase, tiles), dtype, source, to, crosses, mean)
        return tuple(step_at_least(p, w, tiles) for p, w in zip(piece, whole, strict=True))

    def crosses(self, value: str) -> bool:
        """Whether a value enters or leaves the graph: one of its ends is then the io memory, wherever tasks are."""
        return value in self.graph.ends or value not in self.graph.producer


def sizes_on(estimator: Estimator) -> Sizes:
    """The sizes of values on an estimator's target, kept with it."""
    kept: Sizes | None = estimator.__dict__.get("_sizes")
    if kept is None:
        places = Places(estimator.target, estimator)
        kept = estimator.__dict__["_sizes"] = Sizes(estimator.graph, estimator.sharing, places, estimator.has_teams)
    return kept


class Pieces:
    """The labels under which the activities of a phase know values: a value's own name for the whole, else that of a
    piece. Tasks that go through their rows in tiles leave pieces; who wants other rows reads all pieces that have some
    of them."""

    def __init__(self, sizes: Sizes, phase: Phase) -> None:
        self._sizes, self._phase = sizes, phase
        self._made: dict[str, int] = {}  # how many pieces there are of a value that tiles leave
        self._known: dict[str, tuple[str, Tile]] = {}

    def value(self, label: str) -> str:
        """The value that a label stands for, or for a piece of."""
        return self._known[label][0] if label in self._known else label

    def is_cut(self, label: str) -> bool:
        """Whether the label is that of a piece of a value that was made whole."""
        return label in self._known and self._known[label][0] not in self._made

    def all(self, value: str) -> list[str]:
        """The labels of all of a value."""
        many = self._made.get(value, 0)
        return [self._piece(value, Tile(k, many)) for k in range(many)] or [value]

    def read(self, value: str, tile: Tile | None, tiling: Tiling | None) -> list[str]:
        """The labels of what a task, or one tile of it, reads of a value."""
        if tile is None or tiling is None or value not in tiling.divided:
            return self.all(value)
        many = self._made.get(value, 0)
        if not many:
            return [self._piece(value, tile)]
        pieces = [Tile(k, many) for k in range(many)]
        return [self._piece(value, p) for p in pieces if p.overlaps(tile, tiling.rows)]

    def make(self, value: str, tile: Tile | None) -> str:
        """The label of what a task, or one tile of it, leaves of a value."""
        if tile is None:
            return value
        self._made[value] = tile.of
        return self._piece(value, tile)

    def bytes(self, label: str, place: Place) -> int:
        """Most bytes that what a label stands for takes at a place."""
        if label not in self._known:
            return self._sizes.peak_bytes(label, self._phase, place)
        value, tile = self._known[label]
        return self._sizes.peak_bytes(value, self._phase, place, tile.of)

    def steps(self, label: str, source: Place, to: Place) -> tuple[Step, ...]:
        """How what a label stands for gets from one place to another; pieces take together no less than the whole."""
        tiles = self._known[label][1].of if label in self._known else 0
        return self._sizes.steps(self.value(label), self._phase, tiles, source, to)

    def _piece(self, value: str, tile: Tile) -> str:
        label = f"{value}{tile}"
        self._known[label] = (value, tile)
        return label
