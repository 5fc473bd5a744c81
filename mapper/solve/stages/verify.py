"""The rules of stages, recomputed from the definition: device, support, ties, memory, contiguity."""

from __future__ import annotations

import networkx as nx

from mapper.errors import MapperError
from mapper.solve.stages.problem import Problem, Solution


def verify(problem: Problem, solution: Solution) -> None:
    """Refuse a solution that breaks a rule; the message starts with the rule's name."""
    device(problem, solution)
    support(problem, solution)
    ties(problem, solution)
    memory(problem, solution)
    if problem.contiguous:
        contiguity(problem, solution)


def device(problem: Problem, solution: Solution) -> None:
    """Every node has a device, and the device exists."""
    if len(solution.device) != len(problem.nodes):
        raise MapperError(f"device: {len(solution.device)} devices for {len(problem.nodes)} nodes")
    for node, d in zip(problem.nodes, solution.device, strict=True):
        if not 0 <= d < len(problem.devices):
            raise MapperError(f"device: node '{node.name}' is on device {d} of {len(problem.devices)}")


def support(problem: Problem, solution: Solution) -> None:
    """Every node is on a device that can run it."""
    for node, d in zip(problem.nodes, solution.device, strict=True):
        if node.times[problem.devices[d]] is None:
            raise MapperError(f"support: node '{node.name}' cannot run on {problem.device_names[d]}")


def ties(problem: Problem, solution: Solution) -> None:
    """Nodes of the same tie are on the same device."""
    first: dict[int, int] = {}
    for i, node in enumerate(problem.nodes):
        if node.tie is None:
            continue
        j = first.setdefault(node.tie, i)
        if solution.device[i] != solution.device[j]:
            here, there = (problem.device_names[solution.device[k]] for k in (j, i))
            raise MapperError(f"ties: '{problem.nodes[j].name}' is on {here}, '{node.name}' on {there}: tie {node.tie}")


def memory(problem: Problem, solution: Solution) -> None:
    """The sizes on a device sum to at most its memory."""
    for d, (name, c) in enumerate(zip(problem.device_names, problem.devices, strict=True)):
        limit = problem.classes[c].memory
        used = sum(n.size for n, at in zip(problem.nodes, solution.device, strict=True) if at == d)
        if limit is not None and used > limit:
            raise MapperError(f"memory: {used} bytes on {name}, which holds {limit}")


def contiguity(problem: Problem, solution: Solution) -> None:
    """The devices can be ordered so that every edge between forward nodes goes to the same or a later device."""
    between: nx.DiGraph[int] = nx.DiGraph()
    for a, b in problem.edges:
        if problem.nodes[a].backward or problem.nodes[b].backward or solution.device[a] == solution.device[b]:
            continue
        between.add_edge(solution.device[a], solution.device[b])
    try:
        cycle = nx.find_cycle(between)
    except nx.NetworkXNoCycle:
        return
    names = " -> ".join(problem.device_names[d] for d in (cycle[0][0], *(edge[1] for edge in cycle)))
    raise MapperError(f"contiguity: forward edges lead around {names}")


def max_load(problem: Problem, solution: Solution) -> int:
    """The ticks of the busiest device, recomputed device by device from its definition."""
    return max(_load(problem, solution, d) for d in range(len(problem.devices)))


def _load(problem: Problem, solution: Solution, d: int) -> int:
    mine = {i for i, at in enumerate(solution.device) if at == d}
    device_class = problem.devices[d]
    load = sum(problem.nodes[i].times[device_class] or 0 for i in mine)
    if not problem.classes[device_class].transfers:
        return load
    sent = {a for a, b in problem.edges if a in mine and b not in mine}
    received = {a for a, b in problem.edges if a not in mine and b in mine}
    return load + sum(problem.nodes[i].transfer for i in sent | received)
