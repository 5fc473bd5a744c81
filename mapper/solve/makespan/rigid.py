"""The same problem without stretching: elastic demands become demands."""

from __future__ import annotations

from dataclasses import replace

from mapper.solve.makespan.problem import Problem


def rigid(problem: Problem) -> Problem:
    """A problem whose every schedule is one of the given problem."""
    activities = tuple(replace(a, demands=a.demands + a.elastic, elastic=()) for a in problem.activities)
    return replace(problem, activities=activities)
