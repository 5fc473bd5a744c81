"""Dumps of KU Leuven's Stream (format stream-h2h/1) as streaming problems: same groups, same costs, other schedules.

What is taken from the file as it stands: groups, rounds, cycles of each layer's tile on its cores, bits that each
transfer moves over links and ports, memories. What a schedule decides is when each tile runs, how far reads run ahead,
and where values between groups wait for their readers: off chip as in Stream, or in a memory on chip (`stream_ways`).
Where the file leaves a cost open, the larger one is taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from pathlib import Path

from benchmarks.instances.stream_chip import Chip, Json, rounds_of, route_of
from benchmarks.instances.stream_ways import Ways
from mapper.errors import MapperError
from mapper.solve.streaming import Group, Loop, Node, Problem, Role

FORMAT = "stream-h2h/1"

ROLES = {"MEM_TO_COMPUTE": Role.READ, "COMPUTE_TO_MEM": Role.SAVE, "COMPUTE_TO_COMPUTE": Role.MOVE}


class Windows(StrEnum):
    """How long tensors stay where they are read: as long as an option allows, or as in Stream's solution."""

    LARGEST = "largest"
    RECORDED = "recorded"


@dataclass(frozen=True)
class Instance:
    """A dump: its problem, Stream's own cycles, and which workload on which chip it is."""

    problem: Problem
    stream_cycles: int
    workload: str
    hardware: str


def read(path: Path, windows: Windows = Windows.LARGEST) -> Instance:
    """A dump as a problem. Raises MapperError with file and what is wrong in it."""
    return parse(load(path), path, windows)


def load(path: Path) -> Json:
    """A dump as it is in the file. Raises MapperError when it is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise MapperError(f"{path}: not a dump of Stream: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise MapperError(f"{path}: its format is not {FORMAT}")
    return data


def parse(data: Json, path: Path, windows: Windows = Windows.LARGEST) -> Instance:
    """The problem of a dump; `path` is for messages. Raises MapperError with what is wrong in it."""
    try:
        inputs, result = data["inputs"], data["stream_result"]
        problem = _Reader(data, windows).problem()
    except MapperError as error:
        raise MapperError(f"{path}: {error.message}") from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise MapperError(f"{path}: not a dump of Stream: {type(error).__name__} {error}") from error
    problem.check()
    return Instance(problem, ceil(result["total_cycles"]), inputs["workload"], inputs["hardware"])


def is_dump(path: Path) -> bool:
    """Whether a file says that it is of this format, in its first lines."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return FORMAT in file.read(200)


class _Reader:
    def __init__(self, data: Json, windows: Windows) -> None:
        self._data, self._chip, self._windows = data, Chip(data), windows

    def problem(self) -> Problem:
        places, groups = {}, []
        for g, group in enumerate(self._data["groups"]):
            nodes, at = self._nodes(group)
            groups.append(Group(str(group["group"]), nodes, _drain(group)))
            places.update({(g, identity): (g, n) for identity, n in at.items()})
        values = Ways(self._data, self._chip, groups).values(places)
        return Problem(tuple(self._chip.lines), self._chip.stores, tuple(groups), values)

    def _nodes(self, group: Json) -> tuple[tuple[Node, ...], dict[int, int]]:
        """The nodes of a group without its edges, in topological order, and where each id went."""
        kept = {node["id"]: node for node in group["nodes"] if node["kind"] != "edge"}
        before: dict[int, list[int]] = {identity: [] for identity in kept}
        for source, target in group["edges"]:
            if source in kept and target in kept:
                before[target].append(source)
        order = self._order(group, kept, before)
        nodes = []
        for identity in sorted(order, key=order.__getitem__):
            after = tuple(sorted({order[p] for p in before[identity]}))
            nodes.append(self._node(group, kept, identity, before, after))
        return tuple(nodes), order

    @staticmethod
    def _order(group: Json, kept: Mapping[int, Json], before: Mapping[int, Sequence[int]]) -> dict[int, int]:
        """A topological order in which each read comes just before the layer that waits for it."""
        order: dict[int, int] = {}

        def visit(identity: int, open_: tuple[int, ...]) -> None:
            if identity in open_:
                raise MapperError(f"group {group['group']}: its edges have a cycle")
            if identity in order:
                return
            for p in before[identity]:
                visit(p, (*open_, identity))
            order[identity] = len(order)

        layers = [i for i, node in kept.items() if node["kind"] == "compute"]
        for identity in sorted(layers, key=lambda i: (kept[i].get("slot", 0), i)):
            visit(identity, ())
        for identity in kept:
            visit(identity, ())
        return order

    def _node(
        self,
        group: Json,
        kept: Mapping[int, Json],
        identity: int,
        before: Mapping[int, list[int]],
        after: tuple[int, ...],
    ) -> Node:
        node = kept[identity]
        rounds = rounds_of(group, node)
        ports = self._chip.port_load(group, node if node["kind"] == "compute" else route_of(node))
        if node["kind"] == "compute":
            (gang,) = node["cores"]
            cores = tuple((self._chip.line(f"core {c}"), ceil(node["lut"][str(c)]["latency"])) for c in gang)
            return Node(node["name"], Role.COMPUTE, rounds, cores + ports, after)
        role = ROLES[node["transfer_type"]]
        near = [rounds_of(group, kept[i]) for i in before[identity]]
        near += [rounds_of(group, other) for i, other in kept.items() if identity in before[i]]
        least = 1 if role is not Role.MOVE else min(near, default=1)
        most = node["reuse_factor_chosen"] if self._windows is Windows.RECORDED else rounds
        window = window_of(node, rounds, least, most)
        route = route_of(node)
        load = self._chip.link_load(route) + ports
        source = () if role is Role.READ else self._chip.held(route["sources"], lambda c: self._made_bits(node, c))
        target = (
            () if role is Role.SAVE else self._chip.held(route["targets"], lambda c: self._brought_bits(group, node, c))
        )
        return Node(node["name"], role, rounds, load, after, window, source, target)

    def _made_bits(self, node: Json, core: int) -> int:
        """Bits of a tile in the memory of one of the cores that made it: its part, the more the more copies (sums of
        parts, say) the transfer moves; all of it where the transfer does not tell because some stay where they are."""
        route = route_of(node)
        if set(route["sources"]) & set(route["targets"]) and route["link_load"]:
            return int(node["tensor_bits"])
        return min(
            int(node["tensor_bits"]), ceil(node["tensor_bits"] * self._chip.copies(route) / len(route["sources"]))
        )

    def _brought_bits(self, group: Json, node: Json, core: int) -> int:
        """Bits of a tile in the memory of a core that reads it: the part of all bits that goes through its port."""
        route = route_of(node)
        ports = {str(port["id"]): port for port in group["ports"]}
        name = self._chip.input_port.get(core, ("", 0.0))[0]
        own = [bits for p, bits in route["port_bits"].items() if ports[p]["name"] == name]
        tile = int(node["tensor_bits"])
        if not own:
            return tile if route["link_load"] else ceil(tile / len(route["targets"]))
        return max(ceil(own[0]), min(tile, ceil(tile * own[0] / route["moved_bits"])))


def window_of(node: Json, rounds: int, least: int, most: float) -> tuple[Loop, ...]:
    """The loops over which a tensor stays, of the option that moves it least often with at least `least` firings, and
    uses a tile at most `most` times.

    An option holds the loops up to its stop: `tiles` different tiles, each used `reuse_factor` times. So a loop that
    multiplies the factor does not move the tensor, one that multiplies the tiles does. Options from the first on that
    is no such nest are left alone.
    """
    best: tuple[Loop, ...] = ()
    factor = best_factor = tiles = 1
    loops: list[Loop] = []
    for option in sorted(node["reuse_options"], key=lambda option: option["stop"]):
        if option["stop"] < 0:
            continue
        more, wider = option["reuse_factor"] / factor, option["tiles"] / tiles
        if more != int(more) or wider != int(wider) or more < 1 or wider < 1:
            break
        loops += [Loop(int(size), moves) for size, moves in ((wider, True), (more, False)) if size > 1]
        factor, tiles = int(option["reuse_factor"]), int(option["tiles"])
        if best_factor < factor <= most and rounds // factor >= least and rounds % (factor * tiles) == 0:
            best, best_factor = tuple(loops), factor
    return best


def _drain(group: Json) -> int:
    """Cycles that a group's results take after its last tile: the fill that Stream adds, less the first load of its
    largest window, which a schedule has as steps of its own."""
    fill = group["solution"]["fill"]
    loads = [
        option["tiles"] * route_of(node)["cycles"]
        for node in group["nodes"]
        if node["kind"] == "transfer" and node["transfer_type"] == "MEM_TO_COMPUTE"
        for option in node["reuse_options"]
        if option["stop"] >= 0 and option["reuse_factor"] == node["reuse_factor_chosen"] > 1
    ]
    return ceil(fill - max((cycles for cycles in loads if cycles <= fill), default=0))
