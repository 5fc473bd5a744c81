"""The state of a walk over a file's nodes at one sample, and what the walks of all samples share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from mapper.errors import ModelError
from mapper.frontend.dims.dims import Bound
from mapper.frontend.expect import Expectations
from mapper.frontend.facts import Array, Fact, Known, Node, Source
from mapper.frontend.file.nodes import label
from mapper.frontend.walk.assembly import Assembly
from mapper.frontend.walk.bodies import Body, body_of
from mapper.frontend.walk.shares import Share
from mapper.frontend.walk.trace import BodyCost, Facts

MOST_NODES = 20_000
"""Nodes that loops may unroll to in a model; a loop that would make more stands as one node."""
MOST_NODES_INSIDE = 2_000
"""Nodes that loops may unroll to inside an iteration of a loop that stands as one node."""

Step = Callable[["Walk"], None]
"""What to do once the nodes before it have run."""

Elements = tuple[str, ...] | None
"""Names of a sequence's elements; None for an optional that holds nothing."""


class Unrolling(Protocol):
    """A loop that is being unrolled."""

    def give_up(self, walk: Walk) -> None:
        """Takes back what it unrolled and lets one node stand for it."""
        ...


@dataclass(slots=True)
class Shop:
    """What the walks of all samples share."""

    source: Source
    expectations: Expectations
    branches: dict[int, bool | None] = field(default_factory=dict)  # assumed, by the If's proto; None: both run
    repeats: set[str] = field(default_factory=set)  # loops, by first output
    closed: set[str] = field(default_factory=set)  # those of them that stand as one node
    warnings: dict[str, None] = field(default_factory=dict)
    bodies: dict[tuple[int, str], tuple[Node, Body]] = field(default_factory=dict)
    _readers: dict[str, list[Node]] | None = None

    def readers(self, name: str) -> list[Node]:
        """The nodes of the file's graph that read a value."""
        if self._readers is None:
            self._readers = {}
            for node in self.source.nodes:
                for read in dict.fromkeys(node.inputs):
                    self._readers.setdefault(read, []).append(node)
        return self._readers.get(name, [])

    def body(self, node: Node, attribute: str) -> Body:
        """The node's subgraph; taken apart once."""
        key = (id(node.proto), attribute)
        if key not in self.bodies:
            self.bodies[key] = (
                node,
                body_of(node, attribute, self.source.taken),
            )  # the node keeps its proto, and so the key, alive
        return self.bodies[key][1]


@dataclass(slots=True)
class Walk:
    """One sample: what is known, what ran, what is still to run (last first), and what was decided on the way."""

    shop: Shop
    bound: Bound
    facts: Facts
    waiting: list[Node | Step] = field(default_factory=list)
    ran: list[Node] = field(default_factory=list)
    placed: list[str] = field(default_factory=list)  # homes of the branches and bodies that ran
    sequences: dict[str, Elements] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)
    drawn: dict[str, float] = field(default_factory=dict)
    unresolved: list[str] = field(default_factory=list)
    decisions: dict[str, int] = field(default_factory=dict)  # branch, trips or length, by first output
    loops: dict[str, BodyCost] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)  # values that a node or the caller reads
    assumed: dict[str, str] = field(default_factory=dict)  # outputs of unknown operators: what was assumed of them
    unrolled: int = 0
    unrolling: list[Unrolling] = field(default_factory=list)  # loops on their way, the outermost first

    def push(self, items: Sequence[Node | Step]) -> None:
        """Runs these next, in this order."""
        for item in items:
            if isinstance(item, Node):
                self.read.update(item.inputs, item.captures)
        self.waiting.extend(reversed(items))

    def put(self, assembly: Assembly, *after: Step) -> None:
        """Runs assembled nodes next."""
        for name, fact in assembly.constants.items():
            self.constant(name, fact)
        self.push([*assembly.nodes, *after])

    def assemble(self, node: Node) -> Assembly:
        """An assembly in the name of a node of the file."""
        return Assembly(self.shop.source.opset, node.origin)

    def place(self, body: Body, home: str, prefix: str, given: dict[str, str], node: Node, stem: str) -> dict[str, str]:
        """Runs a body's nodes next; what its names are called here. home, prefix, stem: see `Body`."""
        for name, fact in body.constants.items():
            self.constant(f"{home}/{name}", fact)
        names = body.names(home, prefix, given, node.scope)
        self.push(body.placed(names, stem))
        self.placed.append(body.home)
        return names

    def constant(self, name: str, fact: Fact) -> None:
        """Adds a constant of the graph."""
        self.shop.source.constants[name] = fact
        self.facts[name] = fact

    def number(self, name: str, value: int | bool) -> str:
        """Adds a constant of one number, an INT64 or a BOOL."""
        data = np.array(value, dtype=bool if isinstance(value, bool) else np.int64)
        self.constant(name, Fact(9 if isinstance(value, bool) else 7, (), data, Known.FILE))
        return name

    def data(self, name: str) -> Array | None:
        """The numbers of a value, where they are known."""
        fact = self.facts.get(name)
        return None if fact is None else fact.data

    def integer(self, name: str) -> int | None:
        """The one number of a value, where it is known."""
        data = self.data(name)
        whole = data is not None and data.size == 1 and data.dtype.kind in "iub"
        return int(data.reshape(-1)[0]) if data is not None and whole else None

    def has(self, name: str) -> bool:
        """Whether anything is known of the value."""
        return name in self.facts or name in self.sequences

    def refuse(self, node: Node, reason: str) -> None:
        """Notes that the node's outputs have no shape; values that wait for them are passed over."""
        out = next(filter(None, node.outputs), "")
        self.unresolved.append(f"'{out}', made by {label(node)}: {reason}")

    def decide(self, key: str, value: int) -> None:
        """Notes what was decided, to be compared between samples."""
        self.decisions[key] = value


def key_of(node: Node) -> str:
    """The name of what a node decides: its first output."""
    key = next(filter(None, node.outputs), None)
    if key is None:
        raise ModelError(f"{label(node)} has no outputs", hint="export the model again")
    return key
