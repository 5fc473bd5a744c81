"""Activities on fixed machines: when each starts, so that the last ends early."""

from mapper.solve.makespan.driver import Result, solve
from mapper.solve.makespan.problem import Activity, Problem, Resource, Solution
from mapper.solve.makespan.verify import verify

__all__ = ["Activity", "Problem", "Resource", "Result", "Solution", "solve", "verify"]
