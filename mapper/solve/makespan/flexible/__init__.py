"""Tasks with alternative modes on unrelated machines, transfers on links and streaming edges: the general problem."""

from mapper.solve.makespan.flexible.driver import solve
from mapper.solve.makespan.flexible.problem import Edge, Mode, Problem, Solution, Task, Transfer
from mapper.solve.makespan.flexible.verify import verify
from mapper.solve.result import Result

__all__ = ["Edge", "Mode", "Problem", "Result", "Solution", "Task", "Transfer", "solve", "verify"]
