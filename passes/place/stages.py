"""A pipeline: each unit runs one stretch of the model, cut by `mapper.solve.stages`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.errors import Infeasible, MapperError
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve import stages as st
from mapper.solve.budget import Budget
from mapper.solve.placement import problem as pb
from mapper.solve.placement.goal import Goal
from mapper.solve.placement.greedy import balanced, fastest, heaviest_first
from mapper.solve.placement.repair import mended
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import build
from passes.place.baselines import finish
from passes.place.bounds import solved_as
from passes.place.cut import as_stages
from passes.place.infeasible import finds_none
from passes.place.mending.relieve import widen_back
from passes.place.translate import Translation, translate


@dataclass(frozen=True)
class PlaceStages(Pass):
    """Cut the model into a pipeline of stages, one for each unit, so that the busiest unit is as little busy as can be.

    Tarnawski et al.: Efficient Algorithms for Device Placement of DNN Graph Operators (NeurIPS 2020).
    """

    name = "place-stages"
    requires = ("options", "tasks")
    provides = ("placement", "residency", "bounds", "search")

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with each task on its stage's unit."""
        t = translate(plan)
        try:
            found = staged(plan, t, ctx.budget())
        except Infeasible as error:
            hint = "place-cpsat searches all placements"
            raise finds_none(plan, self.name, error.message, hint, error.details) from error
        return finish(plan, t, found, self.name, ctx)


def staged(plan: Plan, t: Translation, budget: Budget) -> pb.Solution:
    """The best cut into stages, each task with an option of its stage's unit. Raises Infeasible when none is found."""
    if not t.tasks:
        return pb.Solution(())
    pipeline = as_stages(plan, t)
    if pipeline is None:
        raise Infeasible("a cluster needs different units in two phases, a stage has one")
    cut = st.solve(pipeline.problem, budget).solution
    if cut is None:
        raise Infeasible(f"no cut into stages was found in {budget.deterministic_seconds:g} deterministic seconds")
    unit_of = {c: pipeline.units[d] for c, d in zip(pipeline.clusters, cut.device, strict=True)}
    narrow = _narrowed(t, unit_of)
    found = _with_options(narrow.problem, solved_as(plan.objective), budget)
    if found is None:
        raise Infeasible("no options of the stages' units keep the memories and the routes together")
    return widen_back(narrow, t, found)


def _narrowed(t: Translation, unit_of: dict[str, str]) -> Translation:
    """The translation with the options of each cluster's unit only."""
    items, meanings = [], []
    for task, item, meaning in zip(t.tasks, t.problem.items, t.meaning, strict=True):
        kept = [o for o, (unit, _) in enumerate(meaning) if unit == unit_of[task.cluster]]
        items.append(replace(item, options=tuple(item.options[o] for o in kept)))
        meanings.append(tuple(meaning[o] for o in kept))
    return replace(t, problem=replace(t.problem, items=tuple(items)), meaning=tuple(meanings))


def _with_options(problem: pb.Problem, objective: str, budget: Budget) -> pb.Solution | None:
    """The best of the constructions, mended; None when none is feasible."""
    tables = build(problem)
    goal = Goal(tables, objective, 1.0)
    goal = Goal(tables, objective, goal.value(State.of(tables, fastest(tables).choice))[1])
    best: tuple[float, pb.Solution] | None = None
    for start in (fastest(tables), balanced(tables, goal), balanced(tables, goal, heaviest_first(tables))):
        solution = mended(tables, goal, start, budget)
        try:
            pb.verify(problem, solution)
        except MapperError:
            continue
        value = pb.objective(problem, pb.totals(problem, solution), objective)
        if best is None or value < best[0]:
            best = (value, solution)
    return best[1] if best else None
