"""Makes the compiled loops of selection ready: compiled once for an installation, read from its cache afterwards."""

from __future__ import annotations

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.selection.arrays import from_problem
from mapper.solve.selection.close import close
from mapper.solve.selection.exact import judge
from mapper.solve.selection.explore import explore
from mapper.solve.selection.problem import Edge, Node, Problem
from mapper.solve.selection.reduce import reduce


def warm() -> None:
    """Solves a ring of six nodes by way of every loop."""
    nodes = tuple(Node(str(i), [3, 1, 2], [0, 4, 2], i, i + 3) for i in range(6))
    edges = tuple(Edge(i, (i + j) % 6, [0, 5, 3, 2, 0, 6, 7, 1, 0]) for i in range(6) for j in (1, 2))
    arrays = from_problem(Problem(nodes, edges, (7,)))
    reduce(arrays, Budget())
    budget = Budget(0.2)
    incumbent = Incumbent(judge(arrays), budget)
    close(arrays, explore(arrays, incumbent, budget), incumbent, budget)
