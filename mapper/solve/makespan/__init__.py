"""Activities on fixed machines: when each starts, so that the last ends early."""

from mapper.solve.makespan.driver import solve
from mapper.solve.makespan.problem import Activity, Problem, Resource, Solution
from mapper.solve.makespan.verify import verify
from mapper.solve.result import Result

__all__ = ["Activity", "Problem", "Resource", "Result", "Solution", "solve", "verify"]
