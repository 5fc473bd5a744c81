"""Rank: what the placement problem's totals tell of solutions before the judge sees them."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.ir.goal import Objective
from mapper.ir.plan import Plan
from mapper.solve.placement import problem as pb
from passes.place.bounds import scale, solved_as
from passes.place.mending.refine import Candidate
from passes.place.translate import Translation


def best_of_each(plan: Plan, t: Translation, known: Sequence[Candidate], most: int) -> list[Candidate]:
    """The best solution of each baseline by the problem's own objective."""
    best: dict[str, tuple[tuple[float, float], pb.Solution]] = {}
    for name, solution in known:
        totals = pb.totals(t.problem, solution)
        value = pb.excess(t.problem, totals), pb.objective(t.problem, totals, solved_as(plan.objective))
        if name not in best or value < best[name][0]:
            best[name] = (value, solution)
    ranked = sorted(best.items(), key=lambda row: row[1][0])
    return [(name, solution) for name, (_, solution) in ranked[:most]]


def least_of(plan: Plan, t: Translation, solution: pb.Solution) -> float | None:
    """What the judge's value of a solution cannot be below, where the problem's totals tell."""
    if plan.objective not in (Objective.THROUGHPUT, Objective.ENERGY):
        return None
    return pb.objective(t.problem, pb.totals(t.problem, solution), plan.objective.value) * scale(plan)


def may_beat(plan: Plan, t: Translation, solution: pb.Solution, value: float) -> bool:
    """Whether the judge may find a solution better than this value; under limits, which count first, any may be."""
    least = least_of(plan, t, solution)
    return bool(plan.limits) or least is None or least < value
