"""Searching: the search of a placement problem from every start that there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mapper.errors import Infeasible
from mapper.ir.goal import Objective
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context
from mapper.solve.budget import Budget, silent
from mapper.solve.placement import driver
from mapper.solve.placement import problem as pb
from mapper.solve.placement.bound import lower_bound
from mapper.solve.placement.by_phase import by_phase
from mapper.solve.placement.tables import build
from passes.place.baselines import starts
from passes.place.bounds import solved_as, told_of
from passes.place.infeasible import does_not_fit
from passes.place.limits import limited_alone, never_met
from passes.place.mending.refine import Candidate
from passes.place.stages import PlaceStages, staged
from passes.place.translate import Translation

FURTHER_SHARE = 0.3
"""Part of the budget that each further search gets: for a related objective, under tighter limits, with more room."""

STAGES_SHARE = 0.1
"""Part of the budget that the cut into stages gets."""

BY_PHASE = "place-by-phase"
"""The pass that places one phase after the other, by which its placement is told of."""

BY_PHASE_SHARE = 0.25
"""Part of the budget of a search that placing one phase after the other gets, alone and as a start of the joint search:
the same in both, so that the joint plan is never worse."""

BY_PHASE_OPTIONS = 6_000
"""Up to so many options of all items the phases are also placed one after the other: linear programs of their bounds
grow with them, and take minutes where hundreds of items meet tens of units."""


def every_start(t: Translation, plan: Plan, ctx: Context, most: int = BY_PHASE_OPTIONS) -> list[Candidate]:
    """The baselines that are feasible, the best pipeline of stages, and, of problems with no more than `most` options,
    the phases placed one after the other."""
    found = starts(t, plan)
    objective = solved_as(plan.objective)
    ways: list[tuple[str, Callable[[], pb.Solution]]] = [
        (PlaceStages.name, lambda: staged(plan, t, ctx.budget().part(STAGES_SHARE)))
    ]
    options = sum(len(item.options) for item in t.problem.items)
    if len({item.phase for item in t.problem.items}) > 1 and options <= most:
        quiet = replace(ctx.budget().part(BY_PHASE_SHARE), tell=silent)
        ways.append((BY_PHASE, lambda: by_phase(t.problem, objective, quiet)))
    for name, way in ways:
        try:
            found.append((name, way()))
        except Infeasible:
            continue
    return found


SEEDS = {
    Objective.ENERGY: (Objective.THROUGHPUT,),
    Objective.EDP: (Objective.THROUGHPUT, Objective.LATENCY),
}
"""Objectives whose solutions are good for another: idle power makes quick plans frugal."""


def searched(
    plan: Plan, t: Translation, known: list[Candidate], budget: Budget
) -> tuple[driver.Result, list[Candidate]]:
    """The search, started from the baselines and from quick searches for related objectives; and what these found."""
    found = [s for _, s in known]
    budget = told_of(plan, budget)
    related: list[Candidate] = []
    quiet = replace(budget.part(FURTHER_SHARE), tell=silent)
    wanted = [(seed.value, t.problem) for seed in SEEDS.get(plan.objective, ())] + limited_alone(t.problem)
    try:
        for name, problem in wanted:
            solution = driver.solve(replace(problem, limits=()), name, quiet, found).solution
            related.append((f"search for {name}", solution))
        found += [s for _, s in related]
        return driver.solve(t.problem, solved_as(plan.objective), budget, found), related
    except driver.LimitsUnmet as unmet:
        impossible = never_met(plan, t.problem, quiet)
        if impossible is not None:
            raise impossible from unmet
        return _nearest(plan, t, unmet, budget), related
    except Infeasible as error:
        raise does_not_fit(plan, error) from error


def _nearest(plan: Plan, t: Translation, unmet: driver.LimitsUnmet, budget: Budget) -> driver.Result:
    """The placement that breaks the limits least: the judge's schedule may be shorter than the problem's dispatch."""
    objective = solved_as(plan.objective)
    value = pb.objective(t.problem, pb.totals(t.problem, unmet.nearest), objective)
    bound = lower_bound(build(t.problem), objective, budget)
    return driver.Result(unmet.nearest, value, bound.value, bound.name, "feasible", "nearest to the limits", ())
