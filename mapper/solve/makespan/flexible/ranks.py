"""Priorities of list scheduling: HEFT's upward ranks and PEFT's table of optimistic costs."""

from __future__ import annotations

from collections.abc import Iterable

from mapper.solve.makespan.flexible.problem import FORBIDDEN, Edge, Problem


def upward_ranks(problem: Problem) -> list[float]:
    """For each task the mean time from its start to the end of everything that depends on it."""
    delays = [_mean(t.ticks for t in table.values() if t.ticks < FORBIDDEN) for table in problem.transfers]
    ranks = [0.0] * len(problem.tasks)
    for i in reversed(problem.order):
        after = [_delay(delays, problem.edges[e]) + ranks[problem.edges[e].sink] for e in problem.outputs[i]]
        ranks[i] = _mean(problem.tasks[i].modes[m].ticks for m in problem.possible[i]) + max(after, default=0.0)
    return ranks


def optimistic_costs(problem: Problem) -> list[list[float]]:
    """For each task and mode the time from its end to the end of everything that depends on it, each task after it in
    the mode that is best for it and nothing waiting for a machine; 0 for modes that are not possible."""
    delays = [_mean(t.ticks for t in table.values() if t.ticks < FORBIDDEN) for table in problem.transfers]
    costs = [[0.0] * len(task.modes) for task in problem.tasks]
    for i in reversed(problem.order):
        for m in problem.possible[i]:
            mine = problem.tasks[i].modes[m]
            for e in problem.outputs[i]:
                edge = problem.edges[e]
                best = min(
                    other.ticks
                    + costs[edge.sink][n]
                    + (_delay(delays, edge) if edge.size is not None and other.place != mine.place else 0.0)
                    for n in problem.possible[edge.sink]
                    for other in (problem.tasks[edge.sink].modes[n],)
                )
                costs[i][m] = max(costs[i][m], best)
    return costs


def _delay(delays: list[float], edge: Edge) -> float:
    return 0.0 if edge.size is None else delays[edge.size]


def _mean(values: Iterable[int]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else 0.0
