"""Refine: variants of a solution in which what the placement problem does not see is better."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.ir.plan import Plan
from mapper.solve.placement import problem as pb
from mapper.solve.placement.waiting import less_waiting
from passes.place.mending.gather import gathered
from passes.place.mending.widen import widened
from passes.place.translate import Translation

Candidate = tuple[str, pb.Solution]
"""Who found a solution, and the solution."""

LONGER = 0.005
"""How much longer (relative) the busiest resource may take where tasks then wait less."""


def refined(plan: Plan, t: Translation, candidate: Candidate) -> list[Candidate]:
    """A solution, and the same gathered, widened and both, as far as that changes it: see `gather`, `widen`."""
    method, solution = candidate
    found: list[Candidate] = []
    for name, variant in ((f"{method}, gathered", gathered(plan, t, solution)), (method, solution)):
        if variant is not None:
            wider = widened(plan, t, variant)
            found += [(f"{name}, widened", wider)] if wider is not None else []
            found.append((name, variant))
    return found


def refined_alike(
    plan: Plan, t: Translation, found: Sequence[Candidate], like: Candidate, of: Candidate
) -> list[Candidate]:
    """The variants of further solutions in which `like` is better than the solution that it is a variant `of`."""
    wanted = like[0].removeprefix(of[0])
    variants = [refined(plan, t, candidate) for candidate in found]
    return [
        next((v for v in row if v[0] == candidate[0] + wanted), row[-1])
        for candidate, row in zip(found, variants, strict=True)
    ]


def waiting_less(t: Translation, candidate: Candidate) -> list[Candidate]:
    """The solution with tasks elsewhere that wait or make others wait, at hardly a longer interval; none where nothing
    is gained."""
    method, solution = candidate
    most = pb.totals(t.problem, solution).interval * (1 + LONGER)
    found = less_waiting(t.problem, solution, most)
    return [(f"{method}, waiting less", found)] if found != solution else []
