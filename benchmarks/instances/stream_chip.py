"""The chip of a dump of Stream: its lines, links, ports and memories, and what transfers take of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any

from mapper.errors import MapperError
from mapper.solve.streaming import Line, Store
from mapper.solve.streaming.problem import Held, Load

Json = Mapping[str, Any]


class Chip:
    """What transfers and layers share, by the names of the file. Lines are numbered as they are met."""

    def __init__(self, data: Json) -> None:
        self._cores = data["cores"]
        self.lines: list[Line] = []
        self.line_of: dict[str, int] = {}
        self.outside: int = data["offchip_core_id"]
        inside = {c["memory_shared_with"]: c for c in self._cores if c["id"] != self.outside}
        self.store_of = {s: k for k, s in enumerate(inside)}
        self.stores = tuple(Store(f"memory {s}", int(c["memory_capacity_bits"])) for s, c in inside.items())
        self.home = {c["id"]: c["memory_shared_with"] for c in self._cores}
        self.links = {str(link["id"]): link for link in data["links"]}
        self.input_port: dict[int, tuple[str, float]] = {}
        self.output_port: dict[int, tuple[str, float]] = {}
        for group in data["groups"]:
            self._learn_ports(group)

    def line(self, name: str) -> int:
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

    def link_load(self, route: Json) -> Load:
        parts = route["link_load"].items()
        found = [(self.line(self.links[k]["name"]), ceil(route["cycles"] * part)) for k, part in parts]
        return tuple((line, cycles) for line, cycles in found if cycles)

    def port_load(self, group: Json, node: Json) -> Load:
        ports = {str(port["id"]): (port["name"], port["bits_per_cycle"]) for port in group["ports"]}
        used = [(*ports[p], bits) for p, bits in node["port_bits"].items()]
        return tuple((self.line(name), ceil(bits / rate)) for name, rate, bits in used)

    def held(self, cores: Sequence[int], bits: Callable[[int], int]) -> Held:
        found: dict[int, int] = {}
        for core in cores:
            if core != self.outside:
                store = self.store_of[self.home[core]]
                found[store] = found.get(store, 0) + bits(core)
        return tuple(sorted(found.items()))

    def copies(self, route: Json) -> float:
        """How many times over a transfer moves its bits: cycles of its busiest link over what the bits alone take."""
        width = min((self.links[k]["bandwidth_bits_per_cycle"] for k in route["link_load"]), default=0)
        return max(1.0, route["cycles"] * width / route["moved_bits"]) if width and route["moved_bits"] else 1.0

    def one_bus(self, routes: Sequence[Json]) -> bool:
        links = {k for route in routes for k in route["link_load"]}
        everyone = {core["id"] for core in self._cores}
        return len(links) == 1 and all(
            self.links[k]["kind"] == "bus" and everyone <= set(self.links[k]["members"]) for k in links
        )

    def large(self) -> list[int]:
        """The cores whose memories are the largest on chip."""
        inside = [c for c in self._cores if c["id"] in self.input_port and c["id"] in self.output_port]
        inside = [c for c in inside if c["id"] != self.outside]
        most = max((c["memory_capacity_bits"] for c in inside), default=0)
        return [c["id"] for c in inside if c["memory_capacity_bits"] == most]

    def without_outside(self, load: Load) -> Load:
        outer = {self.line_of.get(known.get(self.outside, ("", 0))[0]) for known in (self.input_port, self.output_port)}
        return tuple((line, cycles) for line, cycles in load if line not in outer)

    def ports(self, known: Mapping[int, tuple[str, float]], cores: Sequence[int], bits: int) -> Load:
        """All bits at the port of each core: more than each takes part in."""
        return tuple((self.line(known[c][0]), ceil(bits / known[c][1])) for c in cores)

    def times(self, load: Load, times: float) -> Load:
        """A load on chip that moves everything over the bus so many times."""
        buses = {self.line_of[link["name"]] for link in self.links.values() if link["name"] in self.line_of}
        return tuple((k, ceil(c * times) if k in buses else c) for k, c in self.without_outside(load))


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
