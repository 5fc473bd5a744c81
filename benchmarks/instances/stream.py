"""Dumps of KU Leuven's Stream (format stream-h2h/1) as streaming problems: same groups, same costs, other schedules.

What is taken from the file as it stands: groups, rounds, cycles of each layer's tile on its cores, bits that each
transfer moves over links and ports, memories. What a schedule decides is when each tile runs, how far reads run ahead,
and where values between groups wait for their readers: off chip as in Stream, or in a memory on chip. The ways of a
value are in `_near`; where the file leaves a cost open, the larger one is taken (see `tile_bits`, `_spread`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from mapper.errors import MapperError
from mapper.solve.streaming import Group, Line, Loop, Node, Problem, Role, Store, Value, Way
from mapper.solve.streaming.problem import Held, Load, Place

FORMAT = "stream-h2h/1"

ROLES = {"MEM_TO_COMPUTE": Role.READ, "COMPUTE_TO_MEM": Role.SAVE, "COMPUTE_TO_COMPUTE": Role.MOVE}

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Instance:
    """A dump: its problem, Stream's own cycles, and which workload on which chip it is."""

    problem: Problem
    stream_cycles: int
    workload: str
    hardware: str


def read(path: Path) -> Instance:
    """A dump as a problem. Raises MapperError with file and what is wrong in it."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.get("format") != FORMAT:
            raise MapperError(f"{path}: format '{data.get('format')}' is not {FORMAT}")
        inputs, result = data["inputs"], data["stream_result"]
        problem = _Reader(data).problem()
    except MapperError as error:
        raise MapperError(f"{path}: {error.message}") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise MapperError(f"{path}: not a dump of Stream: {error}") from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise MapperError(f"{path}: not a dump of Stream: {type(error).__name__} {error}") from error
    problem.check()
    return Instance(problem, ceil(result["total_cycles"]), inputs["workload"], inputs["hardware"])


def is_dump(path: Path) -> bool:
    """Whether a file says that it is of this format, in its first lines."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return FORMAT in file.read(200)


@dataclass
class _Reader:
    data: Json
    lines: list[Line] = field(default_factory=list)
    line_of: dict[str, int] = field(default_factory=dict)

    def problem(self) -> Problem:
        data = self.data
        self.outside = data["offchip_core_id"]
        self.stores = {c["memory_shared_with"]: c for c in data["cores"] if c["id"] != self.outside}
        self.store_of = {s: k for k, s in enumerate(self.stores)}
        self.home = {c["id"]: c["memory_shared_with"] for c in data["cores"]}
        self.links = {str(link["id"]): link for link in data["links"]}
        self.input_port: dict[int, tuple[str, float]] = {}
        self.output_port: dict[int, tuple[str, float]] = {}
        for group in data["groups"]:
            self._learn_ports(group)
        places, groups = {}, []
        for g, group in enumerate(data["groups"]):
            nodes, at = self._nodes(group)
            groups.append(Group(str(group["group"]), nodes, _drain(group)))
            places.update({(g, identity): (g, n) for identity, n in at.items()})
        values = self._values(groups, places)
        stores = tuple(Store(f"memory {s}", int(c["memory_capacity_bits"])) for s, c in self.stores.items())
        return Problem(tuple(self.lines), stores, tuple(groups), values)

    def _line(self, name: str) -> int:
        if name not in self.line_of:
            self.line_of[name] = len(self.lines)
            self.lines.append(Line(name))
        return self.line_of[name]

    def _learn_ports(self, group: Json) -> None:
        """Through which port a core's memory is filled and emptied, from transfers between different cores."""
        ports = {str(port["id"]): port for port in group["ports"]}
        for node in group["nodes"]:
            if node["kind"] != "transfer" or set(route_of(node)["sources"]) & set(route_of(node)["targets"]):
                continue
            route = route_of(node)
            for identity in route["port_bits"]:
                for core in ports[identity]["cores"]:
                    known = self.input_port if core in route["targets"] else self.output_port
                    known.setdefault(core, (ports[identity]["name"], ports[identity]["bits_per_cycle"]))

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
        ports = self._port_load(group, node if node["kind"] == "compute" else route_of(node))
        if node["kind"] == "compute":
            (gang,) = node["cores"]
            cores = tuple((self._line(f"core {c}"), ceil(node["lut"][str(c)]["latency"])) for c in gang)
            return Node(node["name"], Role.COMPUTE, rounds, cores + ports, after)
        role = ROLES[node["transfer_type"]]
        near = [rounds_of(group, kept[i]) for i in before[identity]]
        near += [rounds_of(group, other) for i, other in kept.items() if identity in before[i]]
        least = 1 if role is not Role.MOVE else min(near, default=1)
        window = window_of(group, node, rounds, least)
        route = route_of(node)
        load = self._link_load(route) + ports
        source = () if role is Role.READ else self._held(route["sources"], lambda c: self._made_bits(node, c))
        target = () if role is Role.SAVE else self._held(route["targets"], lambda c: self._brought_bits(group, node, c))
        return Node(node["name"], role, rounds, load, after, window, source, target)

    def _link_load(self, route: Json) -> Load:
        parts = route["link_load"].items()
        found = [(self._line(self.links[k]["name"]), ceil(route["cycles"] * part)) for k, part in parts]
        return tuple((line, cycles) for line, cycles in found if cycles)

    def _port_load(self, group: Json, node: Json) -> Load:
        ports = {str(port["id"]): (port["name"], port["bits_per_cycle"]) for port in group["ports"]}
        used = [(*ports[p], bits) for p, bits in node["port_bits"].items()]
        return tuple((self._line(name), ceil(bits / rate)) for name, rate, bits in used)

    def _held(self, cores: Sequence[int], bits: Any) -> Held:
        found: dict[int, int] = {}
        for core in cores:
            if core != self.outside:
                store = self.store_of[self.home[core]]
                found[store] = found.get(store, 0) + bits(core)
        return tuple(sorted(found.items()))

    def _made_bits(self, node: Json, core: int) -> int:
        """Bits of a tile in the memory of one of the cores that made it: its part, the more the more copies (sums of
        parts, say) the transfer moves; all of it where the transfer does not tell because some stay where they are."""
        route = route_of(node)
        if set(route["sources"]) & set(route["targets"]) and route["link_load"]:
            return int(node["tensor_bits"])
        return min(int(node["tensor_bits"]), ceil(node["tensor_bits"] * self._copies(route) / len(route["sources"])))

    def _copies(self, route: Json) -> float:
        """How many times over a transfer moves its bits: cycles of its busiest link over what the bits alone take."""
        width = min((self.links[k]["bandwidth_bits_per_cycle"] for k in route["link_load"]), default=0)
        return max(1.0, route["cycles"] * width / route["moved_bits"]) if width and route["moved_bits"] else 1.0

    def _brought_bits(self, group: Json, node: Json, core: int) -> int:
        """Bits of a tile in the memory of a core that reads it: the part of all bits that goes through its port."""
        route = route_of(node)
        ports = {str(port["id"]): port for port in group["ports"]}
        name = self.input_port.get(core, ("", 0.0))[0]
        own = [bits for p, bits in route["port_bits"].items() if ports[p]["name"] == name]
        tile = int(node["tensor_bits"])
        if not own:
            return tile if route["link_load"] else ceil(tile / len(route["targets"]))
        return max(ceil(own[0]), min(tile, ceil(tile * own[0] / route["moved_bits"])))

    def _values(self, groups: Sequence[Group], places: Mapping[tuple[int, int], Place]) -> tuple[Value, ...]:
        """What is saved in one group and read in later ones, and what several groups read from outside."""
        makers: dict[str, tuple[Place, Json]] = {}
        readers: dict[str, list[tuple[Place, Json]]] = {}
        results: set[str] = set()
        for g, group in enumerate(self.data["groups"]):
            results |= {node["name"] for node in group["nodes"] if node["class"] == "OutEdge"}
            for node in group["nodes"]:
                if node["kind"] == "transfer" and node["transfer_type"] == "COMPUTE_TO_MEM":
                    makers[node["tensor"]] = (places[g, node["id"]], node)
                elif node["kind"] == "transfer" and node["transfer_type"] == "MEM_TO_COMPUTE":
                    readers.setdefault(outside_name(node), []).append((places[g, node["id"]], node))
        found = []
        for name, reads in readers.items():
            maker = makers.get(name)
            if maker is None and len(reads) == 1:
                continue
            near = () if name in results else tuple(self._near(groups, maker, reads))
            ways = (*near, _away(groups, maker, reads))
            found.append(Value(name, maker and maker[0], tuple(place for place, _ in reads), ways))
        return tuple(found)

    def _near(
        self, groups: Sequence[Group], maker: tuple[Place, Json] | None, reads: Sequence[tuple[Place, Json]]
    ) -> Iterator[Way]:
        """Ways on chip, where all transfers go over one bus that every core is on, so that it does not matter for the
        bus which memory is at the other end: with readers, with the maker, in the large memories, or where the first
        reader has it."""
        routes = [route_of(node) for _, node in reads] + ([route_of(maker[1])] if maker else [])
        if not self._one_bus(routes):
            return
        loads = [_node(groups, place).load for place, _ in reads]
        bits = [ceil(route_of(node)["moved_bits"]) for _, node in reads]
        if maker is None:
            yield from self._lent(groups, reads, loads, bits)
            return
        (place, node), route = maker, route_of(maker[1])
        save, firings = _node(groups, place).load, _node(groups, place).firings
        yield from self._pushed(groups, place, node, reads)
        if all(c in self.output_port for c in route["sources"]):
            copies = self._copies(route)
            kept = [self._from(load, route["sources"], b, copies) for load, b in zip(loads, bits, strict=True)]
            yield Way("kept", None, tuple(kept))
        large = self._large()
        if large:
            held = ceil(firings * max(node["tensor_bits"], route["moved_bits"]) / len(large))
            inside = self._without_outside(save) + self._ports(self.input_port, large, ceil(route["moved_bits"]))
            read = tuple(self._from(load, large, b, 1.0) for load, b in zip(loads, bits, strict=True))
            yield Way("parked", inside, read, self._held(large, lambda _: held))

    def _pushed(
        self, groups: Sequence[Group], maker: Place, node: Json, reads: Sequence[tuple[Place, Json]]
    ) -> Iterator[Way]:
        """Each tile goes over the bus when it is made, to all cores that will read it, as often as the reads of one
        reader move it over the bus. Its readers then have it where they work."""
        route = route_of(node)
        bits = _node(groups, maker).firings * route["moved_bits"]
        times, held = 1.0, []
        for place, read in reads:
            reader, moved = _node(groups, place), route_of(read)["moved_bits"]
            times = max(times, reader.firings * moved * self._copies(route_of(read)) / bits)
            held += [(store, reader.firings * tile) for store, tile in reader.target]
        targets = sorted({c for _, read in reads for c in route_of(read)["targets"]})
        load = self._times(_node(groups, maker).load, times)
        load = merged(load + self._ports(self.input_port, targets, ceil(route["moved_bits"] * times)))
        yield Way("pushed", load, tuple(() for _ in reads), merged(tuple(held)), placed=True)

    def _times(self, load: Load, times: float) -> Load:
        """A load on chip that moves everything over the bus so many times."""
        buses = {self.line_of[link["name"]] for link in self.data["links"] if link["name"] in self.line_of}
        return tuple((k, ceil(c * times) if k in buses else c) for k, c in self._without_outside(load))

    def _lent(
        self, groups: Sequence[Group], reads: Sequence[tuple[Place, Json]], loads: Sequence[Load], bits: Sequence[int]
    ) -> Iterator[Way]:
        """Later readers take it from the first one, if that has read all of it, and no bits twice."""
        totals = {_node(groups, place).firings * node["tensor_bits"] for place, node in reads}
        first = route_of(reads[0][1])
        if len(totals) > 1 or first["moved_bits"] != reads[0][1]["tensor_bits"]:
            return
        if all(c in self.output_port for c in first["targets"]):
            rest = [self._from(load, first["targets"], b, 1.0) for load, b in zip(loads[1:], bits[1:], strict=True)]
            yield Way("lent", None, (loads[0], *rest), lent=True)

    def _one_bus(self, routes: Sequence[Json]) -> bool:
        links = {k for route in routes for k in route["link_load"]}
        everyone = {core["id"] for core in self.data["cores"]}
        return len(links) == 1 and all(
            self.links[k]["kind"] == "bus" and everyone <= set(self.links[k]["members"]) for k in links
        )

    def _large(self) -> list[int]:
        """The cores whose memories are the largest on chip."""
        inside = [c for c in self.data["cores"] if c["id"] in self.input_port and c["id"] in self.output_port]
        inside = [c for c in inside if c["id"] != self.outside]
        most = max((c["memory_capacity_bits"] for c in inside), default=0)
        return [c["id"] for c in inside if c["memory_capacity_bits"] == most]

    def _without_outside(self, load: Load) -> Load:
        outer = {self.line_of.get(known.get(self.outside, ("", 0))[0]) for known in (self.input_port, self.output_port)}
        return tuple((line, cycles) for line, cycles in load if line not in outer)

    def _ports(self, known: Mapping[int, tuple[str, float]], cores: Sequence[int], bits: int) -> Load:
        """All bits at the port of each core: more than each takes part in."""
        return tuple((self._line(known[c][0]), ceil(bits / known[c][1])) for c in cores)

    def _from(self, load: Load, cores: Sequence[int], bits: int, copies: float) -> Load:
        """A read from cores instead of outside, that moves so many copies over the bus."""
        return merged(self._times(load, copies) + self._ports(self.output_port, cores, ceil(bits * copies)))


def _away(groups: Sequence[Group], maker: tuple[Place, Json] | None, reads: Sequence[tuple[Place, Json]]) -> Way:
    """Through the memory outside, as in the file."""
    save = _node(groups, maker[0]).load if maker else None
    return Way("away", save, tuple(_node(groups, place).load for place, _ in reads))


def _node(groups: Sequence[Group], place: Place) -> Node:
    return groups[place[0]].nodes[place[1]]


def merged(load: Load) -> Load:
    """A load that names each line once."""
    found: dict[int, int] = {}
    for line, cycles in load:
        found[line] = found.get(line, 0) + cycles
    return tuple(found.items())


def route_of(node: Json) -> Json:
    """The route that Stream took."""
    routes: Sequence[Json] = node["routes"]
    return next((route for route in routes if route.get("chosen")), routes[0])


def rounds_of(group: Json, node: Json) -> int:
    """In how many iterations of the group a node acts."""
    rounds = node["active_fraction"] * group["iterations"]
    if abs(rounds - round(rounds)) > 1e-6 or round(rounds) < 1:
        raise MapperError(f"group {group['group']}: node '{node['name']}' is active in {rounds} iterations")
    return round(rounds)


def outside_name(node: Json) -> str:
    """The tensor outside that a transfer reads."""
    match = re.fullmatch(r"Transfer\((.*?)(?: for .*)?\)", node["name"])
    if match is None:
        raise MapperError(f"transfer '{node['name']}' does not name what it reads")
    return match[1]


def window_of(group: Json, node: Json, rounds: int, least: int) -> tuple[Loop, ...]:
    """The loops over which a tensor stays, of the option that moves it least often with at least `least` firings.

    An option holds the loops up to its stop: `tiles` different tiles, each used `reuse_factor` times. So a loop that
    multiplies the factor does not move the tensor, one that multiplies the tiles does.
    """
    best: tuple[Loop, ...] = ()
    factor = best_factor = tiles = 1
    loops: list[Loop] = []
    for option in sorted(node["reuse_options"], key=lambda option: option["stop"]):
        if option["stop"] < 0:
            continue
        more, wider = option["reuse_factor"] / factor, option["tiles"] / tiles
        if more != int(more) or wider != int(wider) or more < 1 or wider < 1:
            raise MapperError(f"group {group['group']}: transfer '{node['name']}': reuse {option} is no loop nest")
        loops += [Loop(int(size), moves) for size, moves in ((wider, True), (more, False)) if size > 1]
        factor, tiles = int(option["reuse_factor"]), int(option["tiles"])
        if factor > best_factor and rounds // factor >= least and rounds % (factor * tiles) == 0:
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
