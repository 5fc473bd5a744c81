"""The rules of a flexible schedule, recomputed from the definition: mode, order of stages, capacity, makespan."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from mapper.errors import MapperError
from mapper.solve.makespan.flexible.problem import FORBIDDEN, Mode, Problem, Solution, Transfer
from mapper.solve.makespan.verify import refuse_overload


class Stage(NamedTuple):
    """A task or a transfer with its start."""

    name: str
    start: int
    work: Mode | Transfer

    @property
    def end(self) -> int:
        """When its result is there."""
        return self.start + self.work.ticks

    def tile(self, tiles: int) -> int:
        """The ticks of one of its tiles."""
        return -(-self.work.ticks // tiles)


def verify(problem: Problem, solution: Solution) -> None:
    """Refuse a solution that breaks a rule; the message starts with the rule's name."""
    mode(problem, solution)
    moves(problem, solution)
    stages(problem, solution)
    capacity(problem, solution)
    makespan(problem, solution)


def mode(problem: Problem, solution: Solution) -> None:
    """Each task has a mode of its own that is possible, and starts at or after 0."""
    if not len(solution.mode) == len(solution.start) == len(problem.tasks):
        raise MapperError(
            f"mode: {len(solution.mode)} modes and {len(solution.start)} starts for {len(problem.tasks)} tasks"
        )
    for task, m, start in zip(problem.tasks, solution.mode, solution.start, strict=True):
        if not 0 <= m < len(task.modes) or task.modes[m].ticks >= FORBIDDEN:
            raise MapperError(f"mode: task '{task.name}' cannot take mode {m} of {len(task.modes)}")
        if start < 0:
            raise MapperError(f"mode: task '{task.name}' starts at {start}")


def moves(problem: Problem, solution: Solution) -> None:
    """Exactly the edges whose ends lie at different places have a transfer."""
    for e, edge in enumerate(problem.edges):
        ends = (problem.tasks[i].modes[solution.mode[i]] for i in (edge.source, edge.sink))
        needed = problem.transfer(edge, *ends) is not None
        if needed != (e in solution.moves):
            names = f"from '{problem.tasks[edge.source].name}' to '{problem.tasks[edge.sink].name}'"
            raise MapperError(f"moves: {names}: a transfer is {'missing' if needed else 'scheduled and not needed'}")


def stages(problem: Problem, solution: Solution) -> None:
    """Along an edge each stage starts a tile after the one before it started and ends a tile of its own after it."""
    for e, edge in enumerate(problem.edges):
        source, sink = _task(problem, solution, edge.source), _task(problem, solution, edge.sink)
        chain = [source, sink]
        move = problem.transfer(edge, source.work, sink.work)  # type: ignore[arg-type]
        if move is not None:
            chain.insert(1, Stage(f"transfer to {sink.name}", solution.moves[e], move))
        for a, b in pairwise(chain):
            if b.start < a.start + a.tile(edge.tiles) or b.end < a.end + b.tile(edge.tiles):
                raise MapperError(
                    f"stages: from '{a.name}' in [{a.start}, {a.end}) to '{b.name}' in [{b.start}, {b.end}): "
                    f"tiles of {a.tile(edge.tiles)} and {b.tile(edge.tiles)}"
                )


def capacity(problem: Problem, solution: Solution) -> None:
    """At every tick the amounts held of a resource sum to at most its capacity."""
    changes: list[list[tuple[int, int]]] = [[] for _ in problem.resources]
    for stage in _all(problem, solution):
        for r, amount in stage.work.demands if stage.work.ticks else ():
            changes[r] += [(stage.start, amount), (stage.end, -amount)]
    refuse_overload(problem.resources, changes)


def makespan(problem: Problem, solution: Solution) -> None:
    """The makespan is the last end."""
    last = max((stage.end for stage in _all(problem, solution)), default=0)
    if last != solution.makespan:
        raise MapperError(f"makespan: {solution.makespan} said, the last end is {last}")


def _task(problem: Problem, solution: Solution, i: int) -> Stage:
    task = problem.tasks[i]
    return Stage(task.name, solution.start[i], task.modes[solution.mode[i]])


def _all(problem: Problem, solution: Solution) -> list[Stage]:
    """Every task and every transfer."""
    found = [_task(problem, solution, i) for i in range(len(problem.tasks))]
    for e, start in solution.moves.items():
        edge = problem.edges[e]
        a, b = found[edge.source].work, found[edge.sink].work
        move = problem.transfer(edge, a, b)  # type: ignore[arg-type]
        if move is not None:
            found.append(Stage(f"transfer to {problem.tasks[edge.sink].name}", start, move))
    return found
