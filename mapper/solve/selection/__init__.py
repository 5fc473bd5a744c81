"""One option for each node, with costs of options and of pairs, and memory over time."""

from mapper.solve.selection.driver import Result, solve
from mapper.solve.selection.problem import FORBIDDEN, Edge, Node, Problem, Solution
from mapper.solve.selection.verify import verify

__all__ = ["FORBIDDEN", "Edge", "Node", "Problem", "Result", "Solution", "solve", "verify"]
