"""Placement by search: the driver of `mapper.solve.placement`, judged by replay against every baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.cost.judge import judge
from mapper.errors import Infeasible
from mapper.ir.plan import Bound, Plan, Search, Status
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.placement import driver
from mapper.solve.placement import problem as pb
from passes.memory.memory import Memory
from passes.place.baselines import search_of, starts
from passes.place.bounds import SCALE
from passes.place.gather import gathered
from passes.place.translate import Translation, translate
from passes.place.widen import widened
from passes.schedule.schedule import Schedule


@dataclass(frozen=True)
class PlaceCpSat(Pass):
    """Place every task in every phase at once, with residency shared by the phases.

    Starts from all baselines, improves by local search and CP-SAT neighbourhoods, and keeps the candidate that the
    judge likes best: the plan is never worse than a baseline's under the same later passes.
    """

    name = "place-cpsat"
    requires = ("options", "tasks")
    provides = ("placement", "residency", "bounds", "search")

    candidates: int = 4

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with placement, residency, the proven bound and how the search ended."""
        t = translate(plan)
        known = starts(t, plan)
        result = driver.solve(t.problem, plan.objective.value, ctx.budget(self.name), [s for _, s in known])
        tried = [*_refined(plan, t, result), *_best_of_each(plan, t, known, self.candidates)]
        method, solution = _judged_best(plan, t, list({s: (m, s) for m, s in reversed(tried)}.values())[::-1], ctx)
        placed = t.apply(plan, solution)
        status = Status.INTERRUPTED if ctx.stop.is_set() else Status(result.status)
        search: Search = search_of(t, solution, status, method)
        bound = Bound(plan.objective.value, result.bound * SCALE[plan.objective], result.bound_name)
        return replace(placed, bounds=(bound,), search=search)


def _refined(plan: Plan, t: Translation, result: driver.Result) -> list[tuple[str, pb.Solution]]:
    """The search's solution, and the same with what the problem does not see made better: see `gather`, `widen`."""
    found = [(result.method, result.solution)]
    for solution in (gathered(plan, t, result.solution), result.solution):
        if solution is None:
            continue
        wider = widened(plan, t, solution)
        found += [(f"{result.method}, widened", wider)] if wider else []
        found += [(f"{result.method}, gathered", solution)] if solution != result.solution else []
    return found


def _best_of_each(
    plan: Plan, t: Translation, known: list[tuple[str, pb.Solution]], most: int
) -> list[tuple[str, pb.Solution]]:
    """The best solution of each baseline by the problem's own objective."""
    best: dict[str, tuple[float, pb.Solution]] = {}
    for name, solution in known:
        value = pb.objective(t.problem, pb.totals(t.problem, solution), plan.objective.value)
        if name not in best or value < best[name][0]:
            best[name] = (value, solution)
    ranked = sorted(best.items(), key=lambda row: row[1][0])
    return [(name, solution) for name, (_, solution) in ranked[:most]]


def _judged_best(
    plan: Plan, t: Translation, tried: list[tuple[str, pb.Solution]], ctx: Context
) -> tuple[str, pb.Solution]:
    """The candidate with the least value after the default schedule and memory passes."""
    values = []
    problems: list[Infeasible] = []
    for k, (method, solution) in enumerate(tried):
        try:
            finished = Memory().run(Schedule().run(t.apply(plan, solution), ctx), ctx)
        except Infeasible as error:
            problems.append(error)
            continue
        values.append((judge(finished).value(plan.objective), k, method, solution))
    if not values:
        raise problems[0]
    _, _, method, solution = min(values, key=lambda row: row[:2])
    return method, solution
