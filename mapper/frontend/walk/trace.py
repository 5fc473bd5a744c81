"""What a walk over a file finds: the nodes that run and the facts of all values at each sample."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapper.frontend.facts import Fact, Node

Facts = dict[str, Fact]


@dataclass(frozen=True, slots=True)
class BodyCost:
    """What all iterations of a loop do together. flops: arithmetic that is no product. bytes: read and written."""

    macs: int = 0
    flops: int = 0
    bytes: int = 0
    trips: int = 0

    def __add__(self, other: BodyCost) -> BodyCost:
        return BodyCost(self.macs + other.macs, self.flops + other.flops, self.bytes + other.bytes)

    @property
    def weight(self) -> int:
        """One number to compare costs by: operations and bytes."""
        return 2 * self.macs + self.flops + self.bytes


@dataclass(slots=True)
class Trace:
    """Facts of all values at each sample, and the nodes that ran (branches taken and loops unrolled are part of them).

    outputs: the graph's outputs, with the elements of sequences in their place. loops: for each sample, what the loops
    cost that stand as one node, by each of the node's outputs. placed: homes of the branches and bodies that ran.
    """

    nodes: list[Node]
    samples: list[Facts]
    warnings: list[str]
    outputs: tuple[str, ...] = ()
    loops: list[dict[str, BodyCost]] = field(default_factory=list)
    placed: frozenset[str] = frozenset()
