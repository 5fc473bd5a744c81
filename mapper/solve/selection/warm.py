"""Makes the compiled loops of selection ready: compiled once for an installation, read from its cache afterwards."""

from __future__ import annotations

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.selection.arrays import from_problem
from mapper.solve.selection.close import close
from mapper.solve.selection.exact import judge
from mapper.solve.selection.explore import explore
from mapper.solve.selection.problem import FORBIDDEN, Edge, Node, Problem
from mapper.solve.selection.reduce import reduce


def warm() -> None:
    """Solves a ring of six nodes, and a pair that must agree, by way of every loop."""
    agree = [0 if i % 4 == 0 else FORBIDDEN for i in range(9)]
    reduce(from_problem(Problem(_nodes(2), (Edge(0, 1, agree),), (7,))), Budget())
    edges = tuple(Edge(i, (i + j) % 6, [0, 5, 3, 2, 0, 6, 7, 1, 0]) for i in range(6) for j in (1, 2))
    arrays = from_problem(Problem(_nodes(6), edges, (7,)))
    reduce(arrays, Budget())
    budget = Budget(0.2)
    incumbent = Incumbent(judge(arrays), budget)
    close(arrays, explore(arrays, incumbent, budget), incumbent, budget)


def _nodes(count: int) -> tuple[Node, ...]:
    return tuple(Node(str(i), [3, 1, 2], [0, 4, 2], i, i + 3) for i in range(count))
