"""The limits of a plan as those of its placement problem, and what to tell somebody whose limits nothing keeps."""

from __future__ import annotations

from dataclasses import replace

from mapper.cost.judge import Verdict
from mapper.errors import Infeasible
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.goal import TOLERANCE, UNIT, Limit, Objective, Quantity
from mapper.ir.plan import Plan
from mapper.ir.request import runs
from mapper.solve.budget import Budget
from mapper.solve.placement import problem as pb
from mapper.solve.placement.bound import lower_bound
from mapper.solve.placement.tables import build

FURTHER = 0.998
"""How much further than it seems to take a limit is lowered."""

ROOM = 1 + TOLERANCE
"""What a finished plan is forgiven, its problem is too."""


def limits_of(plan: Plan) -> tuple[pb.Limit, ...]:
    """What a placement must keep: all but the power, which is a resource of the target, and requests in flight."""
    found = (as_problem_limit(plan, limit) for limit in plan.limits)
    return tuple(x for x in found if x is not None)


def as_problem_limit(plan: Plan, limit: Limit) -> pb.Limit | None:
    """A limit in ticks and picojoules of one run of the phases; None for one that the problem does not know."""
    per_run = plan.requests_per_run
    match limit.quantity:
        case Quantity.POWER | Quantity.INFLIGHT:
            return None
        case Quantity.THROUGHPUT:
            return pb.Limit("throughput", per_run / limit.value * TICKS_PER_SECOND * ROOM)
        case Quantity.ENERGY:
            return pb.Limit("energy", limit.value * per_run * PJ_PER_J * ROOM)
    counted = runs(plan, Objective(limit.quantity.value))
    return pb.Limit("latency", limit.value * counted.parts * TICKS_PER_SECOND * ROOM, counted.counts)


def in_units(plan: Plan, limit: Limit, value: float) -> float:
    """A value of the problem that a limit is about (ticks, picojoules) in the limit's own unit."""
    known = as_problem_limit(plan, limit)
    assert known is not None
    if limit.quantity is Quantity.THROUGHPUT:
        return limit.value * known.most / ROOM / value if value else float("inf")
    return limit.value * value * ROOM / known.most


def limited_alone(problem: pb.Problem) -> list[tuple[str, pb.Problem]]:
    """For each limit, the problem whose objective is what it limits."""
    return [(x.quantity, replace(problem, calls=x.calls or problem.calls)) for x in problem.limits]


def tightened(plan: Plan, problem: pb.Problem, solution: pb.Solution, verdict: Verdict) -> pb.Problem:
    """The problem with lower limits of what the judge finds too much of a solution: as much lower as the solution's own
    figures are below the judge's."""
    rows = [(limit, known) for limit in plan.limits if (known := as_problem_limit(plan, limit)) is not None]
    totals = pb.totals(problem, solution)
    found = []
    for (limit, known), now in zip(rows, problem.limits, strict=True):
        judged = verdict.measured(limit.quantity)
        over = limit.value / judged if limit.quantity is Quantity.THROUGHPUT else judged / limit.value
        believed = pb.limited(problem, totals, known) / known.most
        if limit.excess(judged) and believed > 0:
            now = replace(now, most=min(now.most, known.most * believed / over) * FURTHER)
        found.append(now)
    return replace(problem, limits=tuple(found))


def never_met(plan: Plan, problem: pb.Problem, budget: Budget) -> Infeasible | None:
    """The error that proves which limit no placement keeps, by how much; None where none is proved impossible.

    Each limit is tried alone, then beside all the others.
    """
    rows = [(limit, known) for limit in plan.limits if (known := as_problem_limit(plan, limit)) is not None]
    for together in (False, True):
        for limit, known in rows:
            others = tuple(x for _, x in rows if x is not known) if together else ()
            if together and not others:
                continue
            bound = _least(problem, known, others, budget)
            if bound[0] > known.most * (1 + 1e-6):
                beside = [x for x, _ in rows if x is not limit] if together else []
                return _impossible(plan, limit, in_units(plan, limit, bound[0]), bound[1], beside)
    return None


def _least(problem: pb.Problem, wanted: pb.Limit, others: tuple[pb.Limit, ...], budget: Budget) -> tuple[float, str]:
    """The proven least of what a limit is about, under other limits, and the argument."""
    calls = wanted.calls or problem.calls
    bound = lower_bound(build(replace(problem, limits=others, calls=calls)), wanted.quantity, budget)
    return bound.value, bound.name


def _impossible(plan: Plan, limit: Limit, least: float, argument: str, beside: list[Limit]) -> Infeasible:
    unit = UNIT[limit.quantity]
    above = limit.quantity is Quantity.THROUGHPUT
    under = f" together with {', '.join(map(str, beside))}" if beside else ""
    found = f"no placement {'exceeds' if above else 'is below'} {least:.4g} {unit} ({argument})"
    lacking = f"{limit.value - least:.4g} {unit} too few" if above else f"{least - limit.value:.4g} {unit} too much"
    return Infeasible(
        f"{limit} cannot be met{under} on {plan.target.name}: {found}, {lacking}",
        details=[f"proved for all placements of whole clusters in {', '.join(p.name for p in plan.phases)}"],
        hint=f"levers: {limit.quantity.value}{'<=' if not above else '>='}{_loose(least, above)} at least | "
        "a smaller batch or sequence | a narrower --precision | a larger target (mapper targets)",
    )


def _loose(value: float, above: bool) -> str:
    """A limit a little looser than a value, in few digits."""
    return f"{value * (0.98 if above else 1.02):.3g}"
