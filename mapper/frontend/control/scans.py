"""Scan: unrolled into the surrounding graph, its inputs cut into elements; one node where that makes too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mapper.errors import ModelError
from mapper.frontend.control.closed import Closed
from mapper.frontend.control.repeat import Marker, Repeat
from mapper.frontend.facts import Fact, Node
from mapper.frontend.file.nodes import label
from mapper.frontend.walk.walk import Walk, key_of


def run_scan(node: Node, walk: Walk) -> None:
    """Runs the body once per element along the scan inputs' axes."""
    body = walk.shop.body(node, "body")
    scanned = int(node.attr("num_scan_inputs", 0))
    if not 1 <= scanned <= len(node.inputs):
        raise ModelError(f"{label(node)}: num_scan_inputs is {scanned}, with {len(node.inputs)} inputs")
    if not all(map(walk.has, (*node.inputs, *node.captures))):
        return  # an input could not be resolved
    key, states, data = key_of(node), node.inputs[:-scanned], node.inputs[-scanned:]
    walk.shop.repeats.add(key)
    outs = len(body.outputs) - len(states)
    axes = [
        _axis(node, walk, name, axis) for name, axis in zip(data, _list(node, "scan_input_axes", scanned), strict=True)
    ]
    trips = _trips(node, walk, data, axes)
    backwards = [bool(d) for d in _list(node, "scan_input_directions", scanned)]

    def feed(walk: Walk, index: int) -> tuple[list[str], list[str]]:
        at = [trips - 1 - index if back else index for back in backwards]
        return [], [f"{key}/element{i}" if scan.is_closed else f"{key}/element{i}/{j}" for i, j in enumerate(at)]

    repeat = Repeat(
        node, key, body, 0, list(states), feed, tuple(_list(node, "scan_output_axes", outs)),
        tuple(bool(d) for d in _list(node, "scan_output_directions", outs)),
    )  # fmt: skip
    repeat.check(scanned)
    scan = _Scan(repeat, data, axes, trips)
    scan.begin(walk)


@dataclass(slots=True, eq=False)
class _Scan:
    """A scan on its way over `data`, along an axis of each."""

    repeat: Repeat
    data: Sequence[str]
    axes: Sequence[int]
    trips: int
    marker: Marker | None = None
    is_closed: bool = False

    def begin(self, walk: Walk) -> None:
        """The elements, then the iterations; or all of them as one node."""
        key = self.repeat.key
        self.marker = Marker(walk, self)
        if key in walk.shop.closed or self.trips == 0:
            self.give_up(walk)
        elif not self.repeat.fits(walk, self.trips):
            walk.unrolling[0].give_up(walk)
        else:
            walk.decide(key, self.trips)
            cut = walk.assemble(self.repeat.node)
            for i, name in enumerate(self.data):
                cut.slices(name, self.axes[i], self.trips, [f"{key}/element{i}/{j}" for j in range(self.trips)])
            walk.put(cut, self._next)

    def _next(self, walk: Walk) -> None:
        assert self.marker is not None
        if self.repeat.index < self.trips:
            walk.push([self._next])
            self.repeat.iterate(walk)
        else:
            self.marker.leave(walk)
            self.repeat.finish(walk)

    def give_up(self, walk: Walk) -> None:
        """All iterations as one node; each reads an element of the same shape."""
        assert self.marker is not None
        self.marker.back(walk)
        self.is_closed = True
        for i, name in enumerate(self.data):
            fact, axis = walk.facts[name], self.axes[i]
            shape = fact.shape or ()
            walk.facts[f"{self.repeat.key}/element{i}"] = Fact(fact.elem, (*shape[:axis], *shape[axis + 1 :]))
        if self.trips:
            Closed(self.repeat.fresh(), self.trips).start(walk)
        else:
            self.repeat.fresh().finish(walk)


def _list(node: Node, attribute: str, count: int) -> list[int]:
    stated = node.attr(attribute)
    values = [0] * count if stated is None else [int(v) for v in stated]
    if len(values) != count:
        raise ModelError(f"{label(node)}: {attribute} has {len(values)} entries, expected {count}")
    return values


def _axis(node: Node, walk: Walk, name: str, axis: int) -> int:
    rank = len(walk.facts[name].shape or ()) if name in walk.facts else 0
    if not -rank <= axis < rank:
        raise ModelError(f"{label(node)}: scan input '{name}' has {rank} dims, none with index {axis}")
    return axis % rank


def _trips(node: Node, walk: Walk, data: Sequence[str], axes: Sequence[int]) -> int:
    lengths = {name: (walk.facts[name].shape or ())[axis] for name, axis in zip(data, axes, strict=True)}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"'{name}' {length}" for name, length in lengths.items())
        raise ModelError(f"{label(node)}: its scan inputs differ in length: {listed}")
    return next(iter(lengths.values()))
