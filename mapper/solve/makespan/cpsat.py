"""The makespan problem as a CP-SAT interval model; elastic demands are taken at their full amount."""

from __future__ import annotations

from dataclasses import dataclass

from ortools.sat.python import cp_model

from mapper.solve.budget import Budget
from mapper.solve.cpsat import Answer, solve
from mapper.solve.makespan.problem import Problem, Solution


@dataclass(frozen=True, slots=True)
class Variables:
    """A start per activity, its interval of holding (None without), and the makespan."""

    start: list[cp_model.IntVar]
    holding: list[cp_model.IntervalVar | None]
    makespan: cp_model.IntVar


def exact(problem: Problem, hint: Solution, least: int, budget: Budget) -> tuple[Solution | None, Answer]:
    """The best schedule without stretching, not longer than the hint, and the solver's answer.

    The answer's bound is one of the problem only when nothing is elastic.
    """
    model = cp_model.CpModel()
    x = _variables(model, problem, hint.makespan, least)
    add_precedence(model, x, problem)
    add_streaming(model, x, problem)
    add_capacity(model, x, problem)
    add_makespan(model, x, problem)
    for variable, value in zip(x.start, hint.start, strict=True):
        model.add_hint(variable, value)
    model.add_hint(x.makespan, hint.makespan)
    model.minimize(x.makespan)
    answer = solve(model, budget)
    if not answer.found:
        return None, answer
    starts = tuple(answer.solver.value(v) for v in x.start)
    ends = tuple(s + a.ticks for s, a in zip(starts, problem.activities, strict=True))
    return Solution(starts, ends), answer


def _variables(model: cp_model.CpModel, problem: Problem, horizon: int, least: int) -> Variables:
    starts = [
        model.new_int_var(head, horizon - tail, f"start {i}")
        for i, (head, tail) in enumerate(zip(problem.heads, problem.tails, strict=True))
    ]
    holding = [
        model.new_fixed_size_interval_var(start, a.hold, f"hold {i}") if a.hold else None
        for i, (start, a) in enumerate(zip(starts, problem.activities, strict=True))
    ]
    return Variables(starts, holding, model.new_int_var(least, horizon, "makespan"))


def add_precedence(model: cp_model.CpModel, x: Variables, problem: Problem) -> None:
    """Nothing starts before what it waits for has ended."""
    for i, before in enumerate(problem.after):
        for p in before:
            model.add(x.start[i] >= x.start[p] + problem.activities[p].ticks)


def add_streaming(model: cp_model.CpModel, x: Variables, problem: Problem) -> None:
    """Who reads a stream starts after its first tile and ends after working on its last."""
    for s in problem.streams:
        later = problem.activities[s.source].ticks + s.last - problem.activities[s.sink].ticks
        model.add(x.start[s.sink] >= x.start[s.source] + max(s.first, later))


def add_capacity(model: cp_model.CpModel, x: Variables, problem: Problem) -> None:
    """At every tick the amounts held of a resource sum to at most its capacity."""
    for r, resource in enumerate(problem.resources):
        intervals, amounts = [], []
        for activity, interval in zip(problem.activities, x.holding, strict=True):
            amount = sum(a for s, a in activity.demands + activity.elastic if s == r)
            if amount and interval is not None:
                intervals.append(interval)
                amounts.append(amount)
        if sum(sorted(amounts)[:2]) > resource.capacity:
            model.add_no_overlap(intervals)
        elif sum(amounts) > resource.capacity:
            model.add_cumulative(intervals, amounts, resource.capacity)


def add_makespan(model: cp_model.CpModel, x: Variables, problem: Problem) -> None:
    """The makespan is not before any result."""
    for start, activity in zip(x.start, problem.activities, strict=True):
        model.add(x.makespan >= start + activity.ticks)
