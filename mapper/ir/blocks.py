"""Equal blocks of clusters, as layers are: found in an order that no file decides, and proven alike.

Clusters of equal `repeat` are equal inside. Walked from the graph's outputs against the edges, operands in order, equal
layers give equal stretches of repeat classes however the exporter sorted its nodes: of a graph whose operands have
an order this walk is a canonical form, so comparing it place by place decides isomorphism. What a block reads must
then come from the same place of the same block or of the block before, or be one value that all of them read. First,
last and odd layers that are wired in another way stay outside, as classes of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mapper.hw.work import Role
from mapper.ir.graph import Graph
from mapper.ir.plan import Block, Cluster
from mapper.ir.runs import runs

Source = tuple[object, ...]
"""Where a cluster reads something from, in words that are equal for equal blocks."""


def blocks(graph: Graph, clusters: Sequence[Cluster]) -> tuple[Block, ...]:
    """The blocks that come at least twice one after another, in canonical order."""
    order = canonical_order(graph, clusters)
    reads = {c.name: external_reads(graph, c) for c in clusters}
    owner = _owners(graph, clusters)
    found = []
    for run in runs([c.repeat for c in order]):
        stretch = [order[run.start + i * run.length : run.start + (i + 1) * run.length] for i in range(run.times)]
        for first, end in _alike(graph, stretch, reads, owner):
            instances = tuple(tuple(c.name for c in block) for block in stretch[first:end])
            found.append(Block(instances[0][0], instances))
    return tuple(found)


_SHARED_BY = 3
"""A value that so many equal clusters read, a mask or a table of angles say, belongs to no layer."""


def canonical_order(graph: Graph, clusters: Sequence[Cluster]) -> list[Cluster]:
    """The clusters with producers before users: post-order of a depth-first walk from the outputs, operands in order.

    What many layers share is walked to first. What no output depends on comes last, in the given order.
    """
    owner = _owners(graph, clusters)
    by_name = {c.name: c for c in clusters}
    makers = {
        c.name: tuple(dict.fromkeys(owner[n][0] for n in external_reads(graph, c) if n in owner)) for c in clusters
    }
    readers: dict[str, Counter[str]] = {}
    for cluster in clusters:
        for maker in makers[cluster.name]:
            readers.setdefault(maker, Counter())[cluster.repeat] += 1
    ends = list(dict.fromkeys(owner[n][0] for n in graph.outputs if n in owner))
    plain = _post_order([*ends, *by_name], makers)
    shared = [name for name in plain if max(readers.get(name, Counter()).values(), default=0) >= _SHARED_BY]
    return [by_name[name] for name in _post_order([*shared, *ends, *by_name], makers)]


def _post_order(roots: Sequence[str], makers: Mapping[str, Sequence[str]]) -> list[str]:
    """Everything that the roots depend on, and they, each after what it depends on."""
    seen: set[str] = set()
    found: list[str] = []
    for root in roots:
        waiting = [(root, False)]
        while waiting:
            name, done = waiting.pop()
            if done:
                found.append(name)
            elif name not in seen:
                seen.add(name)
                waiting.append((name, True))
                waiting += [(maker, False) for maker in reversed(makers[name]) if maker not in seen]
    return found


def external_reads(graph: Graph, cluster: Cluster) -> tuple[str, ...]:
    """The values that a cluster reads and does not make, in order of first use, each once."""
    ops = [graph.op[name] for name in cluster.ops]
    made = {n for op in ops for n in op.outputs}
    return tuple(dict.fromkeys(n for op in ops for n in op.inputs if n and n not in made))


def _owners(graph: Graph, clusters: Sequence[Cluster]) -> dict[str, tuple[str, int]]:
    """The cluster that makes a value, and the value's number among what that cluster makes."""
    found: dict[str, tuple[str, int]] = {}
    for cluster in clusters:
        made = [n for name in cluster.ops for n in graph.op[name].outputs if n]
        found.update({n: (cluster.name, i) for i, n in enumerate(made)})
    return found


def _alike(
    graph: Graph,
    stretch: Sequence[Sequence[Cluster]],
    reads: Mapping[str, Sequence[str]],
    owner: Mapping[str, tuple[str, int]],
) -> list[tuple[int, int]]:
    """The ranges [first, end) of at least two blocks of a stretch that are wired alike."""
    place = {c.name: (i, j) for i, block in enumerate(stretch) for j, c in enumerate(block)}
    wires = [
        tuple(tuple(_source(graph, n, i, place, owner) for n in reads[c.name]) for c in block)
        for i, block in enumerate(stretch)
    ]
    found: list[tuple[int, int]] = []
    start = 0
    while start + 1 < len(wires):
        common = wires[start + 1]
        end = next((i for i in range(start + 2, len(wires)) if wires[i] != common), len(wires))
        first = start if _opens(wires[start], common) else start + 1
        if end - first >= 2:
            found.append((first, end))
            start = end
        else:
            start += 1
    return found


Wires = tuple[tuple[Source, ...], ...]
"""The sources of what each cluster of a block reads."""


def _opens(first: Wires, later: Wires) -> bool:
    """Whether a block is like those after it but for what they have from the block before them."""
    return all(
        len(mine) == len(theirs) and all(a == b or b[0] == _BEFORE for a, b in zip(mine, theirs, strict=True))
        for mine, theirs in zip(first, later, strict=True)
    )


_BEFORE = "before"


def _source(
    graph: Graph, value: str, block: int, place: Mapping[str, tuple[int, int]], owner: Mapping[str, tuple[str, int]]
) -> Source:
    """Where a cluster of a block reads a value: from this block, from the one before, or the value itself."""
    if graph.value[value].role is Role.WEIGHT or value in graph.pasts.values():
        return ("own", graph.value[value].shape, graph.value[value].dtype)
    maker, output = owner.get(value, ("", 0))
    if maker in place:
        its_block, position = place[maker]
        if its_block == block:
            return ("here", position, output)
        if its_block == block - 1:
            return (_BEFORE, position, output)
    return ("shared", value)
