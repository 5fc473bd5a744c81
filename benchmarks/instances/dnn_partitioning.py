"""The JSON graphs of dnn-partitioning (Tarnawski et al., NeurIPS 2020) as stages problems."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from operator import index
from pathlib import Path
from typing import Any

from mapper.errors import MapperError
from mapper.solve.stages.problem import DeviceClass, Node, Problem

FORBIDDEN = 1e18
"""Costs from here on mean: not possible."""
TICKS = 10**9
"""Ticks of one unit of the file's times: nodes below a microsecond beside sums of ten thousands are kept apart."""
MOST_TICKS = 2.0**53
"""The finest power of ten is taken whose sums stay below this, so that a float holds them too."""


class Instance:
    """A graph file. ticks: how many ticks are one unit of the file's times; ids: the file's node of each node."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._data: dict[str, Any] = json.loads(path.read_text())
            self.ids: tuple[int, ...] = tuple(node["id"] for node in self._data["nodes"])
            self._edges: list[tuple[int, int, float]] = [
                (e["sourceId"], e["destId"], e["cost"]) for e in self._data["edges"]
            ]
            self.ticks = _ticks(self._data)
            self._costs = _costs(self._edges)
            self._position = {name: i for i, name in enumerate(self.ids)}
            self._nodes = tuple(self._node(node) for node in self._data["nodes"])
            self._pairs = tuple((self._position[a], self._position[b]) for a, b, _ in self._edges)
            self._classes = _classes(self._data)
            hash(tuple(node.tie for node in self._nodes))
        except (OSError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise MapperError(f"{path}: not a graph of dnn-partitioning: {type(error).__name__} {error}") from error
        if len(self._position) < len(self.ids):
            raise MapperError(f"{path}: two nodes have the same id")

    def problem(self, *, contiguous: bool) -> Problem:
        """The throughput problem: accelerators acc0, acc1, ... and cores of the host cpu0, cpu1, ..."""
        return Problem(self._nodes, self._pairs, self._classes, contiguous)

    def in_units(self, ticks: float) -> float:
        """Ticks in the unit of the file's times."""
        return ticks / self.ticks

    def _node(self, node: Mapping[str, Any]) -> Node:
        accelerated = self._time(node["fpgaLatency"]) if node["supportedOnFpga"] else None
        return Node(
            name=str(node["id"]),
            times=(accelerated, self._time(node["cpuLatency"])),
            size=_bytes(node.get("size", 0)),
            transfer=round(self._costs.get(node["id"], 0.0) * self.ticks),
            tie=node.get("colorClass"),
            backward=bool(node.get("isBackwardNode", False)),
        )

    def _time(self, time: float) -> int | None:
        return None if time >= FORBIDDEN else round(time * self.ticks)


def _classes(data: Mapping[str, Any]) -> tuple[DeviceClass, ...]:
    """The accelerators and the cores of the host."""
    memory = data["maxSizePerFPGA"]
    return (
        DeviceClass("acc", index(data["maxFPGAs"]), None if memory >= FORBIDDEN else int(memory), transfers=True),
        DeviceClass("cpu", index(data["maxCPUs"]), None, transfers=False),
    )


def _bytes(size: float) -> int:
    """Whole bytes, rounded up so that what fits here fits there."""
    return -int(-size // 1)


def _costs(edges: Sequence[tuple[int, int, float]]) -> dict[int, float]:
    """What it costs to move each node's output; the format wants the same on all of its edges."""
    costs: dict[int, float] = {}
    for a, b, cost in edges:
        if not 0 <= cost < FORBIDDEN:
            raise ValueError(f"edge {a} -> {b} of cost {cost}: nodes that must not be parted have the same colorClass")
        if abs(costs.setdefault(a, cost) - cost) > 1e-6 * max(1.0, abs(cost)):
            raise ValueError(f"node {a} has edges of cost {costs[a]} and {cost}")
    return costs


def _ticks(data: Mapping[str, Any]) -> int:
    """The finest power of ten, at most `TICKS`, that keeps all sums below `MOST_TICKS`."""
    times = (float(node[key]) for node in data["nodes"] for key in ("cpuLatency", "fpgaLatency"))
    costs = (2 * float(edge["cost"]) for edge in data["edges"])
    total = sum(t for values in (times, costs) for t in values if t < FORBIDDEN)
    ticks = TICKS
    while ticks > 1 and total * ticks >= MOST_TICKS:
        ticks //= 10
    return ticks
