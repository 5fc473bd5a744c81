"""Bounds of a placement problem in the units of a plan."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.goal import Objective
from mapper.ir.plan import Bound, Plan, Status
from mapper.ir.request import runs
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.budget import Budget
from mapper.solve.placement import driver
from mapper.solve.placement import problem as pb
from mapper.solve.placement.bound import lower_bound
from mapper.solve.placement.known import Proof
from mapper.solve.placement.proof import proved
from mapper.solve.placement.relaxation import Rests
from mapper.solve.placement.tables import build
from passes.place.translate import translate

SOLVED_AS = {Objective.TTFT: Objective.LATENCY, Objective.TPOT: Objective.LATENCY}
"""Objectives that the placement problem knows by another name: latencies that count some of the phases."""


def solved_as(objective: Objective) -> str:
    """The placement problem's name for an objective."""
    return SOLVED_AS.get(objective, objective).value


def scale(plan: Plan, objective: Objective | None = None) -> float:
    """From the problem's ticks and picojoules of a run to the seconds and joules that the judge tells."""
    wanted = objective or plan.objective
    per_run = plan.requests_per_run
    match wanted:
        case Objective.THROUGHPUT:
            return 1 / TICKS_PER_SECOND / per_run
        case Objective.ENERGY:
            return 1 / PJ_PER_J / per_run
        case Objective.EDP:
            return 1 / PJ_PER_J / TICKS_PER_SECOND / per_run
    return 1 / TICKS_PER_SECOND / runs(plan, wanted).parts


def told_of(plan: Plan, budget: Budget) -> Budget:
    """The budget of a search of the plan's placement problem, whose values are told in the judge's units."""
    unit, tell = scale(plan), budget.tell

    def told(best: float | None, bound: float | None) -> None:
        tell(None if best is None else best * unit, None if bound is None else bound * unit)

    return replace(budget, tell=told)


def bounds_of(problem: pb.Problem, plan: Plan, budget: Budget) -> tuple[Bound, ...]:
    """The proven lower bound of the problem's objective, in SI units."""
    found = lower_bound(build(problem), solved_as(plan.objective), budget)
    return (told(Bound(plan.objective.value, found.value * scale(plan), found.name), found.rests, plan),)


def told(bound: Bound, rests: Rests | None, plan: Plan) -> Bound:
    """The bound with what its linear program rests on; engines of a unit's arrays count as the unit."""
    if rests is None:
        return bound
    found: defaultdict[str, float] = defaultdict(float)
    for name, worth in rests.rows:
        found[name.partition("/")[0]] += worth
    rows = sorted(((name, round(worth, 4)) for name, worth in found.items()), key=lambda row: (-row[1], row[0]))
    return replace(bound, relaxed=min(bound.value, rests.value * scale(plan)), rests_on=tuple(rows))


@dataclass(frozen=True)
class Bounds(Pass):
    """Prove a lower bound of the objective over all placements, without looking for one.

    `mapper check` runs it to derive a plan's bound again. ceiling: the value of a plan, in SI units. With one the bound
    is sharpened by whole counts, as far as it may come within a part `enough` of it, and the context learns of it.
    """

    name = "bounds"
    requires = ("options", "tasks")
    provides = ("bounds",)

    ceiling: float = 0.0
    enough: float = 1e-3

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with its bound."""
        problem, budget = translate(plan).problem, ctx.budget(self.name)
        if not self.ceiling:
            return replace(plan, bounds=bounds_of(problem, plan, budget))
        goal = solved_as(plan.objective)
        found = proved(problem, goal, budget, self.ceiling / scale(plan), self.enough)
        ctx.learn(Proof(problem, goal, found.value, found.name))
        bound = Bound(plan.objective.value, found.value * scale(plan), found.name)
        return replace(plan, bounds=(told(bound, found.rests, plan),))


def bound_of(plan: Plan, result: driver.Result) -> Bound:
    """The bound that a search proved, in SI units."""
    return Bound(plan.objective.value, result.bound * scale(plan), result.bound_name)


def status_of(result: driver.Result, ctx: Context, judged: tuple[float, float], bound: Bound) -> Status:
    """Optimal only if the judge's value, not just the problem's, meets the bound."""
    if ctx.stop.is_set() or result.status == "interrupted":
        return Status.INTERRUPTED
    return Status.OPTIMAL if judged <= (0.0, bound.value * (1 + 1e-9)) else Status.FEASIBLE
