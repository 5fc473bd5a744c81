"""The streaming problem: groups of layers in tiles, the lines and stores that they share, and values between them.

Nothing here knows a solver or a file format. Times are whole cycles, sizes bits. A *line* is whatever does one cycle of
work in a cycle: a core, a bus, a port of a memory. A *group* is a few layers with the transfers between them, repeated
tile by tile. A *value* leaves the group that makes it, and there are several *ways* for it to reach its readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import prod

from mapper.errors import MapperError

Load = tuple[tuple[int, int], ...]
"""(line, cycles of its full speed) pairs."""

Held = tuple[tuple[int, int], ...]
"""(store, bits) pairs."""

Place = tuple[int, int]
"""A node: its group, and where it stands there."""


class Role(StrEnum):
    """What a node does."""

    COMPUTE = "compute"
    READ = "read"
    MOVE = "move"
    SAVE = "save"


@dataclass(frozen=True, slots=True)
class Line:
    """A core, a link or a port: the shares of its time that steps take at one moment sum to at most 1."""

    name: str


@dataclass(frozen=True, slots=True)
class Store:
    """A memory of `capacity` bits."""

    name: str
    capacity: int


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop over `size` tiles; `moves`: whether the tensor has another tile for each of its turns."""

    size: int
    moves: bool


@dataclass(frozen=True, slots=True)
class Node:
    """A layer, or a transfer of one tensor, in all its rounds.

    rounds: how often it acts, one tile each time. load: what a firing takes of lines, in cycles at full speed; it lasts
    at least the longest of them. after: positions in the group of what it waits for, round by round. window: of a
    transfer, the inner loops (innermost first) over which its tensor stays where it is, so that a tile is moved once
    for all turns of loops that do not move it; outside of them every turn is a transfer. source, target: what a tile
    takes where it is made, from the first round that works on it until the transfer has ended, and where it goes, from
    the start of the transfer until its last reader has ended.
    """

    name: str
    role: Role
    rounds: int
    load: Load
    after: tuple[int, ...] = ()
    window: tuple[Loop, ...] = ()
    source: Held = ()
    target: Held = ()

    @property
    def cycles(self) -> int:
        """The fewest cycles a firing takes."""
        return max((cycles for _, cycles in self.load), default=0)

    @property
    def block(self) -> int:
        """The rounds over which the window holds."""
        return prod(loop.size for loop in self.window)

    @property
    def tiles(self) -> int:
        """The different tiles of one block."""
        return prod(loop.size for loop in self.window if loop.moves)

    @property
    def firings(self) -> int:
        """How often it acts: layers in each round, transfers once for a tile of a block."""
        return self.rounds // self.block * self.tiles

    def firing(self, index: int) -> int:
        """The firing that brings what round `index` needs."""
        within, tile, stride = index % self.block, 0, 1
        for loop in self.window:
            if loop.moves:
                tile += within % loop.size * stride
                stride *= loop.size
            within //= loop.size
        return index // self.block * self.tiles + tile

    def served(self) -> list[list[int]]:
        """For each firing the rounds that it serves, ascending."""
        found: list[list[int]] = [[] for _ in range(self.firings)]
        for index in range(self.rounds):
            found[self.firing(index)].append(index)
        return found


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes in topological order. drain: cycles after the end of a layer until its result can leave the group."""

    name: str
    nodes: tuple[Node, ...]
    drain: int = 0


@dataclass(frozen=True, slots=True)
class Way:
    """How a value reaches its readers.

    save: what a firing of the maker's transfer takes of lines; None when nothing is moved, and the value stays where
    its tiles were made (`Node.source`). reads: for each reader what a firing takes. held: what the whole value takes
    where it is put, from the first transfer to the end of the last reader. lent: readers after the first take it from
    where the first has put it, where it stays as long as any reads. placed: it is put where its readers work, so that
    tiles of their own (`Node.target`) take no further room. lag: cycles from its makers to a read, for a relaxation.
    """

    name: str
    save: Load | None
    reads: tuple[Load, ...]
    held: Held = ()
    lent: bool = False
    placed: bool = False
    lag: int = 0


@dataclass(frozen=True, slots=True)
class Value:
    """What one group makes and others read, or what readers find outside. The last way listed must always be open."""

    name: str
    maker: Place | None
    readers: tuple[Place, ...]
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class Problem:
    """Groups in an order in which they may run one after another, what they share, and the values between them."""

    lines: tuple[Line, ...]
    stores: tuple[Store, ...]
    groups: tuple[Group, ...]
    values: tuple[Value, ...]

    def node(self, place: Place) -> Node:
        """The node at a place."""
        return self.groups[place[0]].nodes[place[1]]

    @cached_property
    def value_at(self) -> dict[Place, tuple[int, int]]:
        """For each transfer of a value: the value, and which of its readers it is (-1 for the maker)."""
        found = {}
        for v, value in enumerate(self.values):
            if value.maker is not None:
                found[value.maker] = (v, -1)
            for r, place in enumerate(value.readers):
                found[place] = (v, r)
        return found

    def check(self) -> None:
        """Refuse a malformed problem: an index out of range, a negative number, an order that does not work."""
        for group in self.groups:
            if group.drain < 0:
                raise MapperError(f"group '{group.name}' drains for {group.drain} cycles")
            for position, node in enumerate(group.nodes):
                self._check_node(group, position, node)
        for value in self.values:
            self._check_value(value)

    def _check_node(self, group: Group, position: int, node: Node) -> None:
        where = f"node '{node.name}' of group '{group.name}'"
        if node.rounds < 1 or any(loop.size < 1 for loop in node.window) or node.rounds % node.block:
            raise MapperError(f"{where}: {node.rounds} rounds with a window of {node.block}")
        if node.role is Role.COMPUTE and node.window:
            raise MapperError(f"{where}: a layer has no window")
        self._check_amounts(where, node.load, len(self.lines), "line")
        for held in (node.source, node.target):
            self._check_amounts(where, held, len(self.stores), "store")
        for p in node.after:
            if not 0 <= p < position:
                raise MapperError(f"{where} waits for position {p}, which is not before its own, {position}")
            if (group.nodes[p].role is Role.COMPUTE) == (node.role is Role.COMPUTE):
                raise MapperError(f"{where}: between two layers stands a transfer, between two transfers a layer")

    @staticmethod
    def _check_amounts(where: str, amounts: Sequence[tuple[int, int]], count: int, what: str) -> None:
        for index, amount in amounts:
            if not 0 <= index < count:
                raise MapperError(f"{where} names {what} {index}, which is not among {count}")
            if amount < 0:
                raise MapperError(f"{where} takes {amount} of {what} {index}")

    def _check_value(self, value: Value) -> None:
        where = f"value '{value.name}'"
        if not value.ways:
            raise MapperError(f"{where} has no way to its readers")
        for place, role in _places(value):
            if self.node(place).role is not role:
                raise MapperError(f"{where}: node '{self.node(place).name}' is no {role}")
        first = value.readers[0][0] if value.readers else len(self.groups)
        if value.maker is not None and value.maker[0] >= first:
            raise MapperError(f"{where} is read in group {first}, made in group {value.maker[0]}")
        if any(group < first for group, _ in value.readers):
            raise MapperError(f"{where}: its first reader is not in its first group")
        for way in value.ways:
            if len(way.reads) != len(value.readers):
                raise MapperError(f"{where}: way '{way.name}' has {len(way.reads)} reads of {len(value.readers)}")
            if (way.lent and value.maker is not None) or (way.save is not None and value.maker is None):
                raise MapperError(f"{where}: way '{way.name}' is not one for it")
            for load in (way.save or (), *way.reads):
                self._check_amounts(where, load, len(self.lines), "line")
            self._check_amounts(where, way.held, len(self.stores), "store")


def _places(value: Value) -> Iterator[tuple[Place, Role]]:
    if value.maker is not None:
        yield value.maker, Role.SAVE
    for place in value.readers:
        yield place, Role.READ


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a step from start to end, at a speed in parts of `verify.WHOLE`."""

    start: int
    end: int
    speed: int


@dataclass(frozen=True, slots=True)
class Solution:
    """For each value the way it takes; for each step, in the order of `steps.expand`, start, end and pieces between
    them. A layer has one piece; transfers may pause and change their speed; what takes no time has none."""

    ways: tuple[int, ...]
    start: tuple[int, ...]
    end: tuple[int, ...]
    pieces: tuple[tuple[Piece, ...], ...]

    @property
    def makespan(self) -> int:
        """The cycle at which the last step has ended."""
        return max(self.end, default=0)
