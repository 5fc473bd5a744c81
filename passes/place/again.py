"""Placement again: the search, started from where a plan's tasks lie already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from mapper.cost.steady import EVENTS
from mapper.cost.values import value_of
from mapper.errors import Infeasible, MapperError
from mapper.ir.plan import Bound, Plan, Search, Status
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.placement import problem as pb
from mapper.solve.placement.driver import Result, solve_again
from mapper.solve.placement.known import Proof, strongest
from passes.place.baselines import assign, greedy, search_of
from passes.place.bounds import scale, solved_as
from passes.place.infeasible import finds_none
from passes.place.judging import judged_twice
from passes.place.mending.gather import keeps_rules
from passes.place.mending.late import with_late
from passes.place.mending.looks import looked_longer, most_events
from passes.place.mending.refine import Candidate
from passes.place.translate import Translation, translate
from passes.place.variants import Seen, Variants

AS_BEFORE = "as before"
"""Who found the placement that is the plan's own."""

GAIN, SHARE = 0.01, 0.5
"""Relative gain by the problem's own objective below which a placement is not worth a judgement: this, and this part of
`enough` where that is less."""


@dataclass(frozen=True)
class PlaceAgain(Pass):
    """Place a plan's tasks again after its target has changed: the search starts from where they lie, or near that
    where not all fit any longer, and ends where no more than a part `enough` of the objective's value can be won. A
    plan that is judged is never worse than it was.

    A bound that is recorded in the plan, or that the context knows of a problem that is no harder anywhere, counts.
    """

    name = "place-again"
    requires = ("options", "tasks", "placement")
    provides = ("placement", "residency", "bounds", "search", "schedule", "memory", "inflight", "figures")

    enough: float = 1e-3

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with the best placement found, judged, with the proven bound and how the search ended."""
        t, value = translate(plan), _worth(plan)
        known = _known(plan, t, ctx)
        if known is not None and known.value * scale(plan) >= value * (1 - self.enough):
            ctx.learn(known)
            return _told(plan, known, value)
        start = near(plan, t) if plan.figures is None else before(plan, t)
        result = self._searched(plan, t, start, ctx)
        proof = Proof(t.problem, solved_as(plan.objective), result.bound, result.bound_name)
        if known is not None and known.value > proof.value:
            proof = replace(known, problem=t.problem)
        ctx.learn(proof)
        better = self._better(plan, t, result, start, ctx)
        if better is not None:
            return _told(better, proof, value_of(better))
        if plan.figures is None:
            raise finds_none(plan, self.name, "what it finds has no room for its buffers", "place-cpsat searches anew")
        return _told(plan, proof, value)

    def _searched(self, plan: Plan, t: Translation, start: pb.Solution, ctx: Context) -> Result:
        """What the search finds from a start, or found before from the same."""
        goal, budget = solved_as(plan.objective), ctx.budget(self.name)
        hoped = max((p.value for p in ctx.known if p.objective == goal), default=0.0)

        def search() -> Result:
            return solve_again(t.problem, goal, budget, start, self.enough, hoped)

        return ctx.recalled.result(t.problem, (goal, start, self.enough, hoped), search)

    def _better(self, plan: Plan, t: Translation, result: Result, start: pb.Solution, ctx: Context) -> Plan | None:
        """The plan as the search would have it, judged; None where the judge likes it no better than it was."""
        goal = solved_as(plan.objective)
        before, after = (pb.objective(t.problem, pb.totals(t.problem, s), goal) for s in (start, result.solution))
        if plan.figures is not None and after >= before * (1 - SHARE * min(self.enough, GAIN)):
            return None
        found: list[Candidate] = [(result.method, result.solution), *result.others]
        proven = result.bound * scale(plan)
        looks = Variants(plan, t, ctx)
        best = looks.in_full(found[0])
        if best is None or best.judged > (0.0, proven / (1 - self.enough)):  # others may do better
            other = looks.best(found, proven) or _with_room(plan, t, found, ctx, proven)
            best = min(filter(None, (best, other)), key=lambda seen: seen.judged, default=None)
        if best is None or best.judged >= (0.0, _worth(plan)):
            return None
        method, solution = best.candidate
        search = search_of(t, solution, Status.FEASIBLE, method)
        done = best.verdict.plan
        late = with_late(replace(t.apply(plan, solution), search=search), done.placement or ())
        return replace(
            late, schedule=done.schedule, memory=done.memory, inflight=done.inflight, figures=best.verdict.figures
        )


def _with_room(plan: Plan, t: Translation, found: list[Candidate], ctx: Context, proven: float) -> Seen | None:
    """A finished plan where the buffers of none of the candidates fit as they are; None where there is no room."""
    try:
        best = judged_twice(plan, t, found, [], ctx, proven)
    except Infeasible:
        return None
    return None if best.seen is None else Seen(best.candidate, looked_longer(best.seen, most_events(plan, EVENTS)))


def _worth(plan: Plan) -> float:
    """The objective's value, if the plan is judged."""
    return inf if plan.figures is None else value_of(plan)


def near(plan: Plan, t: Translation) -> pb.Solution:
    """The tasks where they lie, as long as there is room and they can run there, the rest where they are fastest; all
    of them so where that breaks a rule. Raises Infeasible where that does, too."""
    lie = {place.task: (place.unit, place.weights, place.replicas, place.shard) for place in plan.placement or ()}

    def ranked(i: int) -> Iterator[int]:
        def moved(o: int) -> tuple[bool, int, int]:
            unit, option = t.meaning[i][o]
            weights = plan.target.unit[unit].weights[option.source] if option.source >= 0 else ""
            here = (unit, weights, option.replicas, option.shard)
            return here != lie.get(t.tasks[i].name), t.problem.items[i].options[o].ticks, o

        return iter(sorted(range(len(t.meaning[i])), key=moved))

    for found in (assign(t, ranked), greedy(t)):
        if found is not None and keeps_rules(t, found):
            return found
    raise finds_none(plan, PlaceAgain.name, "tasks do not fit near where they lie", "place-cpsat searches anew")


def before(plan: Plan, t: Translation) -> pb.Solution:
    """Where the tasks lie now, as a solution. Raises MapperError where one can no longer lie there, or not all fit."""
    units = {}
    for place in plan.placement or ():
        source = plan.target.unit[place.unit].weights.index(place.weights) if place.weights else -1
        units[place.task] = (place.unit, source, place.replicas, place.shard)
    try:
        solution = t.solution(units)
    except ValueError:
        raise MapperError("a task can no longer run where the plan has it") from None
    pb.verify(t.problem, solution)
    return solution


def _known(plan: Plan, t: Translation, ctx: Context) -> Proof | None:
    """The strongest bound that holds without a search."""
    goal = solved_as(plan.objective)
    own = [Proof(t.problem, goal, b.value / scale(plan), b.name) for b in plan.bounds or ()
           if b.objective == plan.objective.value]  # fmt: skip
    return strongest((*own, *ctx.known), t.problem, goal)


def _told(plan: Plan, proof: Proof, value: float) -> Plan:
    """The plan with the bound, and how the search ended."""
    bound = Bound(plan.objective.value, min(proof.value * scale(plan), value), proof.name)
    closed = value <= bound.value * (1 + 1e-9)
    search = plan.search or Search(Status.FEASIBLE, AS_BEFORE, _loads(plan.figures or ()))
    return replace(plan, bounds=(bound,), search=replace(search, status=Status.OPTIMAL if closed else Status.FEASIBLE))


def _loads(figures: Sequence[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """The loads that a judged plan records."""
    return tuple(sorted((n.removeprefix("busy of "), x) for n, x in figures if n.startswith("busy of ") and x))
