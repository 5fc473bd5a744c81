"""The search for a placement: constructions, bounds, descent, exact search, under one budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mapper.errors import Infeasible
from mapper.solve import cpsat, selection
from mapper.solve.budget import Budget, silent
from mapper.solve.placement.as_selection import as_selection
from mapper.solve.placement.bound import lower_bound
from mapper.solve.placement.cpsat_model import OutOfRange, model_of
from mapper.solve.placement.descent import Descent, Neighbours, neighbours
from mapper.solve.placement.goal import Goal, Value
from mapper.solve.placement.greedy import balanced, fastest, heaviest_first
from mapper.solve.placement.heft import heft
from mapper.solve.placement.infeasible import no_placement
from mapper.solve.placement.lp_round import rounded
from mapper.solve.placement.neighbourhood import Neighbourhoods
from mapper.solve.placement.problem import Problem, Solution, limited, totals, verify
from mapper.solve.placement.problem import objective as objective_of
from mapper.solve.placement.relaxation import NOTHING, Bound
from mapper.solve.placement.repair import mended
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import Tables, build
from mapper.solve.placement.whole_counts import with_whole_counts

EXACT_ITEMS = 40
"""Up to so many items CP-SAT gets the whole problem."""

SOME_ITEMS, APART = 200, 0.01
"""Up to so many items CP-SAT gets the whole problem last, where the best placement is still so far (relative) from the
bound: a few equal layers on unlike machines take combinations that neither descent nor neighbourhoods come to."""

FEW_ITEMS = 400
"""Up to so many items the descent goes first: it is quick, and of two placements with one interval the judge mostly
likes the one that was improved step by step, whose values travel less."""

STEPS_PER_SECOND = 8000
"""Outlooks the descent may take for a second of deterministic time."""

GOOD_ENOUGH, WITH_MANY, MANY = 1e-4, 2e-3, 2000
"""Relative gap at which the search stops, and at which it does with `MANY` items or more: finer than the judge sees."""

NEARLY, OTHERS = 0.01, 2
"""How much worse (relative) a former best placement may be to be told of, and how many are."""

DESCENT, COUNTS, EXACT = 1.0, 1.0, 10.0
"""About how long acts of the search take, one to another: gpt2 on a host with a GPU spends 0.8 s on a descent or on
whole counts, and 10 s on CP-SAT's neighbourhoods. Good for telling how much is done."""

_PLANNED = (COUNTS, DESCENT, EXACT, DESCENT)

NEAR_SHARE = 0.05
"""Part of the budget that a descent from a good start gets before its bound is sharpened, and after."""

MOST_ENOUGH = 0.5
"""However far from its bound a placement may stay: a descent ends no farther (relative) from it."""

TIMED_STEPS_PER_SECOND = 2500
"""The same where each needs the latency."""


@dataclass(frozen=True)
class Result:
    """A feasible placement, its value, a value none can undercut and whose argument that is, and who found it.

    status: 'optimal' (value and bound meet), 'feasible', or 'interrupted' (stop or deadline). history: the value
    after each method that improved it. others: the placements before it that were nearly as good, the latest first.
    """

    solution: Solution
    value: float
    bound: float
    bound_name: str
    status: str
    method: str
    history: tuple[tuple[str, float], ...]
    others: tuple[tuple[str, Solution], ...] = ()


class LimitsUnmet(Infeasible):
    """No placement was found that keeps the problem's limits; `nearest` is one that keeps all other rules."""

    def __init__(self, problem: Problem, nearest: Solution) -> None:
        found = totals(problem, nearest)
        broken = [(x, limited(problem, found, x)) for x in problem.limits if x.excess(limited(problem, found, x))]
        super().__init__(
            "no placement was found that keeps the limits",
            details=[f"{x.quantity} of at most {x.most:.6g}: {value:.6g} by the nearest" for x, value in broken],
        )
        self.nearest = nearest


class _Search:
    """The best placement so far and where it came from."""

    def __init__(self, tables: Tables, goal: Goal, budget: Budget, sufficient: float = 0.0) -> None:
        self.tables, self.goal, self.budget, self.sufficient = tables, goal, budget, sufficient
        self.best: Solution | None = None
        self.value: Value = (math.inf, math.inf, math.inf)
        self.method = "none"
        self.bound: Bound = NOTHING
        self.history: list[tuple[str, float]] = []
        self.passed: list[tuple[float, str, Solution]] = []
        self.counted = 0
        self.begun = 0.0
        few = FEW_ITEMS >= len(tables.rows) > EXACT_ITEMS
        self.planned = sum(_PLANNED) + (DESCENT if few else 0.0)

    def act(self, weight: float) -> Budget:
        """The budget of the next act, which takes about so much of the time."""
        low, self.begun = self.begun, min(self.planned, self.begun + weight)
        return self.budget.stretch(low / self.planned, self.begun / self.planned)

    def offer(self, solution: Solution, method: str) -> Value:
        """Keep a placement if it is the best so far; its value is returned."""
        value = self.goal.value(State.of(self.tables, solution.choice))
        if value < self.value:
            if self.best is not None and self.value[0] == 0:
                self.passed.append((self.value[1], self.method, self.best))
            self.best, self.value, self.method = solution, value, method
            if value[0] == 0:
                self.history.append((method, value[1]))
                self.budget.tell(value[1], self.bound.value or None)
        return value

    def others(self) -> tuple[tuple[str, Solution], ...]:
        """The placements that were the best before, the latest first, as far as they are nearly as good."""
        near = [(by, s) for value, by, s in reversed(self.passed) if value <= self.value[1] * (1 + NEARLY)]
        return tuple(near[:OTHERS])

    @property
    def closed(self) -> bool:
        """Whether value and bound meet."""
        return self.value[0] == 0 and self.value[1] <= self.bound.value * (1 + 1e-9)

    @property
    def enough(self) -> float:
        """A value near enough to the bound to stop at."""
        many = min(1.0, len(self.tables.rows) / MANY)
        return self.bound.value * max(1 + max(GOOD_ENOUGH, WITH_MANY * many * many), 1 / (1 - self.sufficient))

    @property
    def apart(self) -> bool:
        """Whether the best placement is far from the bound."""
        return self.value[0] == 0 and self.value[1] > self.bound.value * (1 + APART)

    @property
    def finished(self) -> bool:
        """Whether to search no more."""
        return self.budget.over() or (self.value[0] == 0 and self.value[1] <= self.enough)


def solve(problem: Problem, objective: str, budget: Budget, starts: Sequence[Solution] = ()) -> Result:
    """The best placement found within the budget, never worse than a feasible start.

    Raises Infeasible when there is none, LimitsUnmet when there is, but none was found that keeps the limits.
    """
    problem.check()
    tables = build(problem)
    search = _Search(tables, Goal(tables, objective, 1.0), budget)
    for start in starts:
        search.offer(start, "start")
    search.offer(fastest(tables), "fastest")
    search.offer(heft(tables), "HEFT")
    search.goal = Goal(tables, objective, search.value[1])
    search.offer(balanced(tables, search.goal), "balanced")
    search.offer(balanced(tables, search.goal, heaviest_first(tables)), "heaviest first")
    search.bound = lower_bound(tables, objective, budget, search.value[1] if search.value[0] == 0 else math.inf)
    search.goal = Goal(tables, objective, search.bound.value or search.value[1])
    near = neighbours(tables)
    _round(search, "LP rounding")
    if objective == "energy" and problem.idle_pj_per_tick == 0 and problem.items and not problem.limits:
        _select(search, 0.25)
    if len(problem.items) <= EXACT_ITEMS:
        _descend(search, near, 0.1)
        _exact(search, 0.9)
    else:
        if len(problem.items) <= FEW_ITEMS:
            _descend(search, near, 0.25)
        _whole_counts(search, 0.25)  # where layers repeat it is all there is to do, and takes no longer for more
        _descend(search, near, 0.25)
        if search.best is not None and State.of(tables, search.best.choice).broken > 0:
            _first_feasible(search)
        if search.counted == 0:
            _whole_counts(search, 0.25)
            _descend(search, near, 0.15)
        _free_and_solve(search, near, 0.3)
        if len(problem.items) <= SOME_ITEMS and search.goal.timing is None and search.apart:
            _exact(search, 0.3)
    if objective == "throughput":
        _save_energy(search, near, 0.1)
    if search.best is None or State.of(tables, search.best.choice).broken > 0:
        raise no_placement(problem)
    if search.value[0] > 0:
        raise LimitsUnmet(problem, search.best)
    value = objective_of(problem, totals(problem, search.best), objective)
    verify(problem, search.best)
    status = "optimal" if search.closed else "interrupted" if budget.over() else "feasible"
    bound = min(search.bound.value, value)
    return Result(
        search.best, value, bound, search.bound.name, status, search.method, tuple(search.history), search.others()
    )


def solve_again(
    problem: Problem, objective: str, budget: Budget, start: Solution, enough: float, hoped: float = 0.0
) -> Result:
    """The best placement found near a good one within the budget, never worse; it ends as soon as no more than a part
    `enough` of the value can be won. The start must keep the problem's rules. hoped: what like problems come to; from a
    start that is further from it there is a descent before anything is proved, as a bound is the sharper, and sooner
    found, the better the placement is that is known.
    """
    problem.check()
    tables = build(problem)
    search = _Search(tables, Goal(tables, objective, 1.0), budget, min(enough, MOST_ENOUGH))
    search.offer(start, "start")
    near = neighbours(tables)
    if 0.0 < hoped < search.value[1] * (1 - enough):
        search.goal = Goal(tables, objective, hoped)
        _descend(search, near, NEAR_SHARE)
    ceiling = search.value[1] if search.value[0] == 0 else math.inf
    search.bound = lower_bound(tables, objective, budget, ceiling)
    search.goal = Goal(tables, objective, search.bound.value or search.value[1])
    search.offer(start, "start")
    steps: list[Callable[[], None]] = [
        lambda: None if search.history[1:] else _descend(search, near, NEAR_SHARE),
        lambda: _count_again(search, ceiling),
        lambda: _descend(search, near, NEAR_SHARE),
        lambda: _whole_counts(search, 0.25),
        lambda: _descend(search, near, 0.25),
    ]
    for step in steps:
        if budget.over() or (search.value[0] == 0 and search.bound.value >= search.value[1] * (1 - enough)):
            break
        step()
    assert search.best is not None
    value = objective_of(problem, totals(problem, search.best), objective)
    verify(problem, search.best)
    bound = min(search.bound.value, value)
    status = "optimal" if search.closed else "interrupted" if budget.over() else "feasible"
    return Result(
        search.best, value, bound, search.bound.name, status, search.method, tuple(search.history), search.others()
    )


def _count_again(search: _Search, ceiling: float) -> None:
    """Branch on the counts of the relaxation as it is, where the search has found nothing better than its ceiling."""
    if search.value[1] < ceiling or search.closed or search.value[0] > 0:
        _whole_counts(search, 0.25)
        return
    whole = with_whole_counts(search.bound, search.budget.part(0.25), search.value[1])
    if search.goal.objective in ("throughput", "latency"):
        whole = replace(whole, value=min(float(math.ceil(whole.value - 1e-9)), search.value[1]))
    search.bound = whole
    _round(search, "whole counts")


def _select(search: _Search, share: float) -> None:
    """Energy without idle power is a selection problem: its solver's choice and bound count."""
    if search.closed or search.budget.over():
        return
    made = as_selection(search.tables.problem)
    try:
        found = selection.solve(made.selection, replace(search.budget.part(share), tell=silent))
    except Infeasible as error:
        raise no_placement(search.tables.problem) from error
    if found.solution is not None:
        search.offer(made.read(found.solution.choice), "selection")
    if found.bound is not None and made.energy(found.bound) > search.bound.value:
        search.bound = replace(search.bound, value=made.energy(found.bound), name=f"selection by {found.bound_name}")


def _round(search: _Search, method: str) -> None:
    """Place by the shares of the relaxation, and mend what that breaks."""
    if search.bound.shares and not search.budget.over():
        start = rounded(search.tables, search.bound.shares)
        search.offer(mended(search.tables, search.goal, start, search.budget), method)


def _whole_counts(search: _Search, share: float) -> None:
    """Branch on the relaxation's counts, with the best value as a limit; place by them."""
    if search.closed or search.value[0] > 0 or search.budget.over():
        return
    search.counted += 1
    search.act(COUNTS)
    fresh = lower_bound(search.tables, search.goal.objective, search.budget, search.value[1])  # scaled to the limit
    whole = with_whole_counts(fresh, search.budget.part(share), search.value[1])
    if search.goal.objective in ("throughput", "latency"):
        whole = replace(whole, value=min(float(math.ceil(whole.value - 1e-9)), search.value[1]))
    search.bound = whole if whole.value >= search.bound.value else replace(search.bound, shares=whole.shares)
    _round(search, "whole counts")


def _descend(search: _Search, near: Neighbours, share: float) -> None:
    """Iterated local search from the best placement so far."""
    if search.best is None or search.finished:
        return
    seed = search.budget.seed + len(search.history)
    search.act(DESCENT)
    descent = Descent(search.tables, search.goal, near, search.best, seed)
    rate = _rate(search)
    steps = search.budget.deterministic_seconds * share * rate
    descent.run(int(steps), search.budget, search.enough)
    search.budget.spend("descent", descent.steps / rate)
    search.offer(Solution(tuple(descent.best_choice)), "descent")


def _rate(search: _Search) -> int:
    """Outlooks that are a second of deterministic time."""
    return STEPS_PER_SECOND if search.goal.timing is None else TIMED_STEPS_PER_SECOND


def _save_energy(search: _Search, near: Neighbours, share: float) -> None:
    """Less energy at the same interval."""
    if search.best is None or search.budget.over():
        return
    search.act(DESCENT)
    descent = Descent(search.tables, search.goal, near, search.best, search.budget.seed)
    descent.run(int(search.budget.deterministic_seconds * share * STEPS_PER_SECOND), search.budget)
    search.budget.spend("descent", descent.steps / _rate(search))
    search.offer(Solution(tuple(descent.best_choice)), search.method)


def _free_and_solve(search: _Search, near: Neighbours, share: float) -> None:
    """Large-neighbourhood search from the best placement so far (whole schedules are too large a model)."""
    if search.best is None or search.value[0] > 0 or search.finished or search.goal.timing is not None:
        return
    lns = Neighbourhoods(search.tables, search.goal, near, search.best, search.budget.seed)
    lns.run(search.budget.deterministic_seconds * share, search.act(EXACT), search.enough)
    search.offer(Solution(tuple(lns.best_choice)), "neighbourhood search")


def _exact(search: _Search, share: float) -> None:
    """CP-SAT on the whole problem: its bound counts, and without any solution it decides whether there is one."""
    if search.best is None or search.closed or search.budget.over():
        return
    problem, objective = search.tables.problem, search.goal.objective
    timed = objective in ("latency", "edp") or any(x.quantity == "latency" for x in problem.limits)
    everything = range(len(search.best.choice))
    try:
        model = model_of(search.tables, objective, search.best.choice, everything, hint=True)
    except OutOfRange:  # an energy times a time, say: the descent's placement and the relaxation's bound stand
        return
    search.act(EXACT if len(problem.items) <= EXACT_ITEMS else 0.0)
    part = search.budget.part(share * (0.5 if timed else 1.0))
    answer = cpsat.solve(model.model, part, parameters=_parameters(search, timed))
    if answer.outcome is cpsat.Outcome.INFEASIBLE:
        if problem.limits:  # the rules alone may be kept; the end of the search tells
            _first_feasible(search)
            return
        raise no_placement(problem)
    if answer.found:
        search.offer(Solution(tuple(model.read(answer.solver, search.best.choice))), "CP-SAT")
    if timed:
        _bound_of_any_order(search, share * 0.5)
    elif answer.bound is not None and answer.bound * model.unit > search.bound.value:
        search.bound = Bound(answer.bound * model.unit, "CP-SAT", search.bound.shares)


def _parameters(search: _Search, timed: bool) -> dict[str, Any]:
    """OR-Tools 9.15 aborts where interleaved search finds, while it loads a model with a hint, that nothing keeps its
    rules: so as long as no placement is known that does, one worker searches. So it does on schedules (timed): of
    several some go on for minutes after one has proved the optimum, in turns of deterministic time that hardly counts.
    And it may go round in circles for ever where it branches along symmetric tasks of a schedule: symmetries are for
    presolve alone."""
    single = search.budget.workers is None and (timed or search.value[0] > 0)
    return {"symmetry_level": 1, **({"num_workers": 1, "interleave_search": False} if single else {})}


def _bound_of_any_order(search: _Search, share: float) -> None:
    """CP-SAT's bound of the latency. A schedule may run the items of a machine in another order than theirs, which is
    the one that placements are compared by; what is proven of that order alone is no bound."""
    assert search.best is not None
    everything = range(len(search.best.choice))
    model = model_of(search.tables, search.goal.objective, search.best.choice, everything, hint=True, any_order=True)
    bound = cpsat.solve(model.model, search.budget.part(share), parameters=_parameters(search, timed=True)).bound
    if bound is not None and bound * model.unit > search.bound.value:
        search.bound = Bound(bound * model.unit, "CP-SAT", search.bound.shares)


def _first_feasible(search: _Search) -> None:
    """CP-SAT on the rules alone, without limits, after the heuristics found nothing."""
    assert search.best is not None
    everything = range(len(search.best.choice))
    rules = build(replace(search.tables.problem, limits=())) if search.tables.problem.limits else search.tables
    model = model_of(rules, "", search.best.choice, everything, hint=True)
    answer = cpsat.solve(model.model, search.budget)
    if answer.outcome is cpsat.Outcome.INFEASIBLE:
        raise no_placement(search.tables.problem)
    if answer.found:
        search.offer(Solution(tuple(model.read(answer.solver, search.best.choice))), "CP-SAT")
