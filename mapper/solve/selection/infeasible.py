"""Why nothing can be chosen, found without a search: too much memory at one moment, or a node without a partner."""

from __future__ import annotations

from mapper.errors import Infeasible
from mapper.solve.selection.problem import FORBIDDEN, Node, Problem, peaks

NAMED = 5
"""Nodes that a message names at most."""


def refuse_overload(problem: Problem) -> None:
    """Raises Infeasible when at some moment the nodes' least usages together exceed a memory."""
    for memory, limit in enumerate(problem.limits):
        least = [_least(node, memory) for node in problem.nodes]
        demand, moment = peaks(problem, least, [memory] * len(least))[memory]
        if demand <= limit:
            continue
        live = [(-u, n.name) for u, n in zip(least, problem.nodes, strict=True) if u and n.start <= moment < n.end]
        largest = ", ".join(f"'{name}' {-usage}" for usage, name in sorted(live)[:NAMED])
        raise Infeasible(
            f"memory {memory} is too small: at moment {moment} its nodes need {demand}, its limit is {limit}",
            details=[
                f"demand {demand}: {len(live)} nodes, each with its least usage",
                f"bound {limit}, gap {demand - limit}",
                f"largest: {largest}",
            ],
            hint=f"raise the limit by {demand - limit}, or give these nodes smaller options or other moments",
        )


def _least(node: Node, memory: int) -> int:
    """What the node uses of the memory at least; 0 when an option uses another."""
    allowed = [o for o, cost in enumerate(node.costs) if cost < FORBIDDEN]
    if node.memories and any(node.memories[o] != memory for o in allowed):
        return 0
    return 0 if not node.memories and memory else min(node.usages[o] for o in allowed)


def no_partner(problem: Problem, number: int) -> Infeasible:
    """The error for a node of which each option is forbidden beside every choice of its neighbours."""
    node = problem.nodes[number]
    beside = {e.b if e.a == number else e.a for e in problem.edges if number in (e.a, e.b)} - {number}
    names = ", ".join(f"'{problem.nodes[i].name}'" for i in sorted(beside)[:NAMED])
    more = f" and {len(beside) - NAMED} more" if len(beside) > NAMED else ""
    return Infeasible(
        f"nothing can be chosen: node '{node.name}' is left without any of its {len(node.costs)} options",
        details=[f"demand: 1 option; allowed by its neighbours and the memory: 0. Neighbours: {names or 'none'}{more}"],
        hint="allow a pair of options between it and a neighbour, or raise the memory's limit",
    )
