"""The makespan problem as a CP-SAT interval model; elastic demands are taken at their full amount."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ortools.sat.python import cp_model

from mapper.solve.budget import Budget
from mapper.solve.cpsat import LONG_BATCHES, Answer, solve
from mapper.solve.makespan.disjunctive import MOST_PAIRS, cliques, rival_pairs
from mapper.solve.makespan.problem import Problem, Solution


@dataclass(frozen=True, slots=True)
class Variables:
    """A start per activity, its interval of holding (None without), and the makespan."""

    start: list[cp_model.IntVar]
    holding: list[cp_model.IntervalVar | None]
    makespan: cp_model.IntVar


PROVING = {"optimize_with_core": True, "linearization_level": 0, "num_workers": 1}
"""How one real thread raises the bound furthest: on j3013_5, of ten ways, only this came to the optimum."""

REFUTING: tuple[dict[str, Any], ...] = (
    {
        "use_precedences_in_disjunctive_constraint": True,
        "use_strong_propagation_in_disjunctive": True,
        "use_dynamic_precedence_in_disjunctive": True,
    },
    {},
)
"""Ways to refute a makespan, taken in turn by those that try side by side; the first is a third faster as a rule."""


def exact(
    problem: Problem,
    hint: Solution,
    least: int,
    budget: Budget,
    on_bound: Callable[[float], None] | None = None,
    enough: Callable[[], bool] | None = None,
) -> tuple[Solution | None, Answer]:
    """The best schedule without stretching, not longer than the hint, and the solver's answer.

    The answer's bound, as those that on_bound hears of, is one of the problem only when nothing is elastic.
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
    parameters = LONG_BATCHES
    if budget.workers is not None:
        parameters = PROVING
        add_rivals(model, x, problem)
    answer = solve(model, budget, parameters=parameters, on_bound=on_bound, enough=enough)
    return (_read_back(problem, x, answer) if answer.found else None), answer


def shorter(
    problem: Problem, most: int, budget: Budget, way: int = 0, enough: Callable[[], bool] | None = None
) -> tuple[Solution | None, Answer]:
    """A schedule without stretching that ends by `most`, if there is one; `infeasible` says that there is none.

    Refuting the makespan below the best known one is quicker than raising a bound up to it: a tight horizon from the
    start, and no bounds in between (destructive bounds: Klein, Scholl, Computing lower bounds by destructive
    improvement, EJOR 112, 1999).
    """
    model = cp_model.CpModel()
    x = _variables(model, problem, most, 0)
    add_precedence(model, x, problem)
    add_streaming(model, x, problem)
    add_capacity(model, x, problem)
    add_rivals(model, x, problem)
    parameters = {"num_workers": 1, "linearization_level": 0, **REFUTING[way % len(REFUTING)]}
    answer = solve(model, budget, parameters=parameters, enough=enough)
    return (_read_back(problem, x, answer) if answer.found else None), answer


def _read_back(problem: Problem, x: Variables, answer: Answer) -> Solution:
    starts = tuple(answer.solver.value(v) for v in x.start)
    return Solution(starts, tuple(s + a.ticks for s, a in zip(starts, problem.activities, strict=True)))


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


def add_rivals(model: cp_model.CpModel, x: Variables, problem: Problem) -> None:
    """What can never run at once is ordered: a Boolean for each pair, no overlap in each clique. Implied by the
    capacities, and what makes proofs quick where few things fit side by side."""
    pairs = rival_pairs(problem)
    if len(pairs) > MOST_PAIRS:
        return
    for a, b in pairs:
        first = model.new_bool_var(f"{a} before {b}")
        model.add(x.start[b] >= x.start[a] + problem.activities[a].hold).only_enforce_if(first)
        model.add(x.start[a] >= x.start[b] + problem.activities[b].hold).only_enforce_if(first.negated())
    for members in cliques(problem, pairs):
        model.add_no_overlap([interval for i in members if (interval := x.holding[i]) is not None])


def add_makespan(model: cp_model.CpModel, x: Variables, problem: Problem) -> None:
    """The makespan is not before any result."""
    for start, activity in zip(x.start, problem.activities, strict=True):
        model.add(x.makespan >= start + activity.ticks)
