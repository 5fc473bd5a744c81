"""From nodes to the units of a contiguous split: what some best split has together is one unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import networkx as nx

from mapper.solve.stages.contiguous_units import NEVER, FreeNet, Units
from mapper.solve.stages.problem import Problem

MOST_TOGETHER = 6
"""Free groups that are looked at together: all subsets of them are tried at each change."""


def forward_groups(problem: Problem) -> list[bool]:
    """Which groups have a forward node; the others have no place of their own in the order of a contiguous split."""
    return [any(not problem.nodes[i].backward for i in group) for group in problem.groups]


def whole(problem: Problem, upper: int = NEVER) -> Units:
    """All nodes. Groups of backward nodes only are ordered by the mirror image of their edges.

    Tarnawski et al. order such groups so. With them it is a restriction, without them it is the problem itself.
    """
    group_of, forward = problem.group_of, forward_groups(problem)
    edges = set(_forward_edges(problem))
    for a, b in problem.edges:
        g, h = group_of[a], group_of[b]
        if g != h and problem.nodes[a].backward and problem.nodes[b].backward and not (forward[g] and forward[h]):
            edges.add((h, g))
    return _without_riders(_merged(problem, edges, upper))


def unordered(problem: Problem, upper: int = NEVER) -> Units:
    """All nodes; groups of backward nodes only stand in no order: the problem itself."""
    return _without_riders(_merged(problem, _forward_edges(problem), upper))


def relaxed(problem: Problem, upper: int = NEVER) -> Units:
    """As `unordered`, with what stands in no order left out: for each device it is there or not, as costs the least."""
    return _without_riders(_without_free(_merged(problem, _forward_edges(problem), upper)))


def _forward_edges(problem: Problem) -> Iterable[tuple[int, int]]:
    group_of, nodes = problem.group_of, problem.nodes
    for a, b in problem.edges:
        if group_of[a] != group_of[b] and not nodes[a].backward and not nodes[b].backward:
            yield group_of[a], group_of[b]


def _merged(problem: Problem, edges: Iterable[tuple[int, int]], upper: int) -> Units:
    """Groups around which forward edges lead share a device: they become one unit, and so do satellites."""
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(problem.groups)))
    graph.add_edges_from(edges)
    label = _connected(graph, {g: g for g in graph})
    while True:
        units = _build(problem, label, graph, upper)
        joined = _inseparable(units) or _satellites(units)
        if not joined:
            return units
        unit = {i: u for u, group in enumerate(units.members) for i in group}
        label = _connected(graph, {g: _end(joined, unit[problem.groups[g][0]]) for g in label})


def _end(joined: dict[int, int], u: int) -> int:
    while u in joined:
        u = joined[u]
    return u


def _connected(graph: nx.DiGraph[int], label: dict[int, int]) -> dict[int, int]:
    """Labels as coarse as it takes for the edges between them to lead around no cycle."""
    quotient: nx.DiGraph[int] = nx.DiGraph()
    quotient.add_nodes_from(label.values())
    quotient.add_edges_from((label[a], label[b]) for a, b in graph.edges)
    part = {x: min(xs) for xs in nx.strongly_connected_components(quotient) for x in xs}
    return {g: part[x] for g, x in label.items()}


def _build(problem: Problem, label: dict[int, int], graph: nx.DiGraph[int], upper: int) -> Units:
    quotient: nx.DiGraph[int] = nx.DiGraph()
    quotient.add_nodes_from(label.values())
    quotient.add_edges_from((label[a], label[b]) for a, b in graph.edges if label[a] != label[b])
    position = {x: u for u, x in enumerate(nx.lexicographical_topological_sort(quotient))}
    members: list[list[int]] = [[] for _ in position]
    for g, x in label.items():
        members[position[x]].extend(problem.groups[g])
    unit = {i: u for u, group in enumerate(members) for i in group}
    nets: dict[tuple[int, tuple[int, ...]], int] = {}
    for i, u in unit.items():
        readers = tuple(sorted({unit[j] for j in problem.consumers[i]} - {u}))
        if readers and problem.nodes[i].transfer:
            nets[u, readers] = nets.get((u, readers), 0) + problem.nodes[i].transfer
    return Units(
        problem,
        tuple(tuple(sorted(group)) for group in members),
        tuple(sorted((position[a], position[b]) for a, b in quotient.edges)),
        tuple((home, readers, ticks) for (home, readers), ticks in sorted(nets.items())),
        upper=upper,
    )


def _inseparable(units: Units) -> dict[int, int]:
    """Units that no split below the limit has on another device than a reader of theirs: unit -> reader."""
    classes = [(c, device.transfers) for c, device in enumerate(units.problem.classes) if device.count]
    joined: dict[int, int] = {}
    for home, readers, ticks in units.nets:
        fits = [any(units.times[c, u] + pays * ticks < units.upper for c, pays in classes) for u in (home, *readers)]
        for u, fit in zip(readers, fits[1:], strict=True):
            if not (fit and fits[0]):
                a, b = _end(joined, home), _end(joined, u)
                if a != b:
                    joined[a] = b
    return joined


def _slack(problem: Problem) -> bool:
    """Whether everything fits the smallest memory, so that no limit of memory ever binds."""
    limits = [device.memory for device in problem.classes if device.memory is not None and device.count]
    return not limits or sum(node.size for node in problem.nodes) <= min(limits)


def _satellites(units: Units) -> dict[int, int]:
    """Units that some best split has on the device of their only neighbour: unit -> neighbour.

    Precedence, what it reads and who reads it all are with that neighbour, and wherever the neighbour runs, the time of
    the satellite there is at most the transfers that the neighbour's device is sure to save; memory must not bind.
    A satellite joins no satellite.
    """
    count, slack = len(units.members), _slack(units.problem)
    around: list[set[int]] = [set() for _ in range(count)]
    saved = [0] * count
    for a, b in units.edges:
        around[a].add(b)
        around[b].add(a)
    for home, readers, ticks in units.nets:
        around[home].update(readers)
        for u in readers:
            around[u].add(home)
        if len(readers) == 1:
            saved[home] += ticks
            saved[readers[0]] += ticks
    joined: dict[int, int] = {}
    taken: set[int] = set()
    for u in range(count):
        if len(around[u]) != 1 or u in taken or not (slack or not units.sizes[u]):
            continue
        (v,) = around[u]
        if v not in joined and _never_worse(units, u, v, saved[u]):
            joined[u] = v
            taken.add(v)
    return joined


def _never_worse(units: Units, u: int, v: int, saved: int) -> bool:
    for c, device in enumerate(units.problem.classes):
        if device.count and units.times[c, v] < NEVER and units.times[c, u] > (saved if device.transfers else 0):
            return False
    return True


def _without_free(units: Units) -> Units:
    """The units without those of no forward node, which become free."""
    nodes = units.problem.nodes
    kept = [u for u, group in enumerate(units.members) if any(not nodes[i].backward for i in group)]
    if len(kept) == len(units.members):
        return units
    position = {u: k for k, u in enumerate(kept)}
    free = {u: f for f, u in enumerate(u for u in range(len(units.members)) if u not in position)}
    inner: nx.Graph[int] = nx.Graph()
    inner.add_nodes_from(free.values())
    for home, readers, _ in units.nets:
        inner.add_edges_from((free[home], free[u]) for u in readers if home in free and u in free)
    clusters = tuple(cut for part in nx.connected_components(inner) for cut in _cut(inner, part))
    place = {f: (k, n) for k, cluster in enumerate(clusters) for n, f in enumerate(cluster)}
    nets: list[tuple[int, tuple[int, ...], int]] = []
    free_nets: list[FreeNet] = []
    for home, readers, ticks in units.nets:
        inside = tuple(position[u] for u in readers if u in position)
        outside: dict[int, int] = {}
        for u in readers:
            if u in free:
                k, n = place[free[u]]
                outside[k] = outside.get(k, 0) | 1 << n
        if home in free:
            k, n = place[free[home]]
            free_nets.append(FreeNet(k, -1, n, inside, outside.get(k, 0), ticks))
            continue
        if inside:
            nets.append((position[home], inside, ticks))
        for k, bits in outside.items():
            free_nets.append(FreeNet(k, position[home], -1, inside, bits, ticks // len(outside)))
    return Units(
        units.problem,
        tuple(units.members[u] for u in kept),
        tuple((position[a], position[b]) for a, b in units.edges if a in position and b in position),
        tuple(nets),
        free=tuple(units.members[u] for u in free),
        clusters=clusters,
        free_nets=tuple(free_nets),
        upper=units.upper,
    )


def _cut(graph: nx.Graph[int], part: set[int]) -> Iterable[tuple[int, ...]]:
    """A connected part in pieces of at most `MOST_TOGETHER`, neighbours together as far as that goes."""
    order = list(nx.bfs_tree(graph, min(part)))
    for first in range(0, len(order), MOST_TOGETHER):
        yield tuple(order[first : first + MOST_TOGETHER])


def _without_riders(units: Units) -> Units:
    """The units without those that run anywhere in no time and exchange nothing: they join the last they wait for."""
    usable = [c for c, device in enumerate(units.problem.classes) if device.count]
    in_nets = {u for home, readers, _ in units.nets for u in (home, *readers)}
    in_nets.update(u for net in units.free_nets for u in (net.home, *net.readers))
    idle = units.times[usable].max(axis=0) == 0
    if not _slack(units.problem):
        idle &= units.sizes == 0
    riders = [u for u in range(len(units.members)) if idle[u] and u not in in_nets]
    if not riders or len(riders) == len(units.members):
        return units
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(units.members)))
    graph.add_edges_from(units.edges)
    for u in riders:
        before, after = list(graph.predecessors(u)), list(graph.successors(u))
        graph.add_edges_from((a, b) for a in before for b in after)
        graph.remove_node(u)
    waits = {u: tuple(units.members[a][0] for a, b in units.edges if b == u) for u in riders}
    position = {u: k for k, u in enumerate(sorted(graph))}
    kept = sorted(graph)
    return Units(
        units.problem,
        tuple(units.members[u] for u in kept),
        tuple(sorted((position[a], position[b]) for a, b in graph.edges)),
        tuple((position[h], tuple(position[r] for r in readers), ticks) for h, readers, ticks in units.nets),
        tuple((units.members[u], waits[u]) for u in riders),
        units.free,
        units.clusters,
        tuple(
            replace(net, home=position.get(net.home, -1), readers=tuple(position[u] for u in net.readers))
            for net in units.free_nets
        ),
        units.upper,
    )
