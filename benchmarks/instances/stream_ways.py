"""The ways of values between groups of a dump of Stream: through the memory outside as in the file, or on chip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil

from benchmarks.instances.stream_chip import Chip, Json, merged, outside_name, route_of
from mapper.solve.streaming import Group, Node, Value, Way
from mapper.solve.streaming.problem import Load, Place

Reads = Sequence[tuple[Place, Json]]
"""Transfers that read one value: where they are, and what the file says of them."""


class Ways:
    """The values of a dump with their ways."""

    def __init__(self, data: Json, chip: Chip, groups: Sequence[Group]) -> None:
        self._data, self._chip, self._groups = data, chip, groups

    def values(self, places: Mapping[tuple[int, int], Place]) -> tuple[Value, ...]:
        """What is saved in one group and read in later ones, and what several groups read from outside."""
        makers: dict[str, tuple[Place, Json]] = {}
        readers: dict[str, list[tuple[Place, Json]]] = {}
        results: set[str] = set()
        for g, group in enumerate(self._data["groups"]):
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
            near = () if name in results else tuple(self._near(maker, reads))
            ways = (*near, self._away(maker, reads))
            found.append(Value(name, maker and maker[0], tuple(place for place, _ in reads), ways))
        return tuple(found)

    def _near(self, maker: tuple[Place, Json] | None, reads: Reads) -> Iterator[Way]:
        """Ways on chip, where all transfers go over one bus that every core is on, so that it does not matter for the
        bus which memory is at the other end: with readers, with the maker, in the large memories, or where the first
        reader has it."""
        routes = [route_of(node) for _, node in reads] + ([route_of(maker[1])] if maker else [])
        if not self._chip.one_bus(routes):
            return
        loads = [self._node(place).load for place, _ in reads]
        bits = [ceil(route_of(node)["moved_bits"]) for _, node in reads]
        if maker is None:
            yield from self._lent(reads, loads, bits)
            return
        (place, node), route = maker, route_of(maker[1])
        save, firings = self._node(place).load, self._node(place).firings
        yield from self._pushed(place, node, reads)
        if all(c in self._chip.output_port for c in route["sources"]):
            copies = self._chip.copies(route)
            kept = [self._from(load, route["sources"], b, copies) for load, b in zip(loads, bits, strict=True)]
            yield Way("kept", None, tuple(kept))
        large = self._chip.large()
        if large:
            held = ceil(firings * max(node["tensor_bits"], route["moved_bits"]) / len(large))
            inside = self._chip.without_outside(save) + self._chip.ports(
                self._chip.input_port, large, ceil(route["moved_bits"])
            )
            read = tuple(self._from(load, large, b, 1.0) for load, b in zip(loads, bits, strict=True))
            yield Way("parked", inside, read, self._chip.held(large, lambda _: held))

    def _pushed(self, maker: Place, node: Json, reads: Reads) -> Iterator[Way]:
        """Each tile goes over the bus when it is made, to all cores that will read it, as often as the reads of one
        reader move it over the bus. Its readers then have it where they work."""
        route = route_of(node)
        bits = self._node(maker).firings * route["moved_bits"]
        times, held = 1.0, []
        for place, read in reads:
            reader, moved = self._node(place), route_of(read)["moved_bits"]
            times = max(times, reader.firings * moved * self._chip.copies(route_of(read)) / bits)
            held += [(store, reader.firings * tile) for store, tile in reader.target]
        targets = sorted({c for _, read in reads for c in route_of(read)["targets"]})
        load = self._chip.times(self._node(maker).load, times)
        load = merged(load + self._chip.ports(self._chip.input_port, targets, ceil(route["moved_bits"] * times)))
        yield Way("pushed", load, tuple(() for _ in reads), merged(tuple(held)), placed=True)

    def _lent(self, reads: Reads, loads: Sequence[Load], bits: Sequence[int]) -> Iterator[Way]:
        """Later readers take it from the first one, if that has read all of it, and no bits twice."""
        totals = {self._node(place).firings * node["tensor_bits"] for place, node in reads}
        first = route_of(reads[0][1])
        if len(totals) > 1 or first["moved_bits"] != reads[0][1]["tensor_bits"]:
            return
        if all(c in self._chip.output_port for c in first["targets"]):
            rest = [self._from(load, first["targets"], b, 1.0) for load, b in zip(loads[1:], bits[1:], strict=True)]
            yield Way("lent", None, (loads[0], *rest), lent=True)

    def _from(self, load: Load, cores: Sequence[int], bits: int, copies: float) -> Load:
        """A read from cores instead of outside, that moves so many copies over the bus."""
        return merged(
            self._chip.times(load, copies) + self._chip.ports(self._chip.output_port, cores, ceil(bits * copies))
        )

    def _away(self, maker: tuple[Place, Json] | None, reads: Reads) -> Way:
        """Through the memory outside, as in the file."""
        save = self._node(maker[0]).load if maker else None
        return Way("away", save, tuple(self._node(place).load for place, _ in reads))

    def _node(self, place: Place) -> Node:
        return self._groups[place[0]].nodes[place[1]]
