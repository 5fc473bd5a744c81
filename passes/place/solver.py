"""Placement by search: the driver of `mapper.solve.placement`, judged by replay against every baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from mapper.cost.judge import Verdict
from mapper.cost.steady import EVENTS
from mapper.errors import Infeasible
from mapper.ir.goal import Objective
from mapper.ir.plan import Place, Plan, Status
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.budget import Budget, silent
from mapper.solve.placement import driver
from mapper.solve.placement import problem as pb
from mapper.solve.placement.bound import lower_bound
from mapper.solve.placement.by_phase import by_phase
from mapper.solve.placement.tables import build
from passes.memory.memory import PROBE
from passes.place.baselines import search_of, starts
from passes.place.bounds import bound_of, scale, solved_as, status_of, told_of
from passes.place.infeasible import does_not_fit
from passes.place.limits import limited_alone, never_met, tightened
from passes.place.mending.late import with_late
from passes.place.mending.looks import STEADY, looked_at_best, looked_longer, most_events
from passes.place.mending.refine import Candidate, refined, refined_alike, waiting_less
from passes.place.mending.relieve import FREED, SHARES, freed, lacking_in, relieved, widen_back
from passes.place.rank import best_of_each, least_of, may_beat
from passes.place.stages import PlaceStages, staged
from passes.place.translate import Translation, translate
from passes.place.untiled import MANY_RUNS, WORTH_TILES, WORTH_WHOLE, runs_in_tiles, untiled

SEED_SHARE = 0.3
"""Part of the budget that a search for a related objective gets."""

STAGES_SHARE = 0.1
"""Part of the budget that the cut into stages gets."""

STARTED, SEARCHED = 0.2, 0.9
"""Parts of the time that are over when the starts are found, and when the search is: judging takes the rest."""

TIGHTENED = 4
"""Searches under tighter limits at most, where the judge finds more than the placement problem does."""

Judged = tuple[float, float]
"""By how much a plan breaks its limits, and the objective's value, as the judge finds them."""

NEAR = 0.02
"""Relative difference that a probe and a longer look may show at most."""

ROUGH = 0.03
"""Relative difference of two probes from which on the better one is better at a longer look, too."""

NO_ROOM: Judged = (float("inf"), float("inf"))
"""What is found of a plan whose buffers do not fit."""

BY_PHASE = "place-by-phase"
"""The pass that places one phase after the other, by which its placement is told of."""

BY_PHASE_SHARE = 0.25
"""Part of the budget of a search that placing one phase after the other gets, alone and as a start of the joint search:
the same in both, so that the joint plan is never worse."""

BY_PHASE_OPTIONS = 6_000
"""Up to so many options of all items the phases are also placed one after the other: linear programs of their bounds
grow with them, and take minutes where hundreds of items meet tens of units."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best of some candidates, what the judge finds of it, and the last look at it, which has its placement: some
    operands may be brought late, and tasks be in tiles."""

    judged: Judged
    candidate: Candidate
    seen: Verdict | None = None

    @property
    def placement(self) -> tuple[Place, ...]:
        """Its placement; empty where nobody has looked at it."""
        return () if self.seen is None else self.seen.plan.placement or ()

    @property
    def solution(self) -> pb.Solution:
        """The candidate's solution."""
        return self.candidate[1]


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
        budget = ctx.budget(self.name)
        known = every_start(t, plan, ctx)
        result, related = searched(plan, t, known, budget.stretch(STARTED, SEARCHED))
        budget.reached(SEARCHED)
        found = [(result.method, result.solution), *related, *result.others]
        baselines = best_of_each(plan, t, known, self.candidates)
        bound = bound_of(plan, result)
        best = self._judged(plan, t, found, baselines, ctx, bound.value)
        tight = t.problem
        for _ in range(TIGHTENED if best.judged[0] else 0):
            tight = tightened(plan, tight, best.solution, looked_at_best(t.apply(plan, best.solution), ctx, EVENTS))
            again = _again(plan, tight, ctx, [best.solution, *(s for _, s in found)])
            if again is None:
                break
            retried = judged_twice(plan, t, again, [best.candidate], ctx, bound.value)
            if retried.judged < best.judged:
                best = retried
            if not best.judged[0]:
                break
        status = status_of(result, ctx, best.judged, bound)
        if status is Status.OPTIMAL and plan.objective in STEADY and best.seen is not None:
            last = looked_longer(best.seen, EVENTS, last=True)  # with as few requests in flight as are nearly as good
            status = status_of(result, ctx, (last.excess, last.value(plan.objective)), bound)
        search = search_of(t, best.solution, status, best.candidate[0])
        placed = replace(t.apply(plan, best.solution), bounds=(bound,), search=search)
        return with_late(placed, best.placement)

    def _judged(
        self,
        plan: Plan,
        t: Translation,
        found: list[Candidate],
        baselines: list[Candidate],
        ctx: Context,
        proven: float,
    ) -> Best:
        """As `judged_twice`; where tasks can be in tiles only on some units, and that is far from what is proven, a
        search of whole tasks alone, too, unless what it finds is clearly worse. Where the search puts so much in tiles
        that each look is long, whole tasks come first, and come alone where tiles can bring little more."""
        few = untiled(t)
        if few is None:
            return judged_twice(plan, t, found, baselines, ctx, proven)
        whole, long = None, runs_in_tiles(t, found[0][1]) > MANY_RUNS
        if long:
            with suppress(Infeasible):
                whole = _whole_tasks(plan, few, t, ctx, self.candidates)
            if whole is not None and whole.judged <= (0.0, proven * (1 + WORTH_TILES)):
                return whole
        try:
            best = judged_twice(plan, t, found, baselines, ctx, proven)
        except Infeasible:
            return whole or _whole_tasks(plan, few, t, ctx, self.candidates)
        if best.judged <= (0.0, proven * (1 + WORTH_WHOLE)):
            return best
        if not long:
            with suppress(Infeasible):
                whole = _whole_tasks(plan, few, t, ctx, self.candidates)
        # whole tasks stay unless tiles are better by more than a probe may err
        better = whole is None or (best.judged[0], best.judged[1] * (1 + ROUGH)) < whole.judged
        return best if better or whole is None else whole


def _whole_tasks(plan: Plan, few: Translation, t: Translation, ctx: Context, candidates: int) -> Best:
    """The best that a search of the tighter problem finds, as of the problem itself where nothing needs tiles."""
    known = every_start(few, plan, ctx)
    result, related = searched(plan, few, known, ctx.budget())
    baselines = best_of_each(plan, few, known, candidates)
    found = [(result.method, result.solution), *related, *result.others]
    best = judged_twice(plan, few, found, baselines, ctx, bound_of(plan, result).value)
    return replace(best, candidate=(best.candidate[0], widen_back(few, t, best.solution)))


def judged_twice(
    plan: Plan, t: Translation, found: list[Candidate], baselines: list[Candidate], ctx: Context, proven: float
) -> Best:
    """The best of the candidates, refined and probed, and of the baselines, judged in full; what the probe found where
    no baseline may be better and `proven`, what no plan undercuts, is out of reach."""
    probed, *seconds = _probed(plan, t, found, ctx, proven)
    rivals = [
        c for c in baselines if c[1] != probed.solution and may_beat(plan, t, c[1], probed.judged[1] * (1 + NEAR))
    ]
    close = _near(plan, t, rivals, probed, ctx)
    near = [*seconds, *close]
    if not near and not plan.limits and proven * (1 + NEAR) < probed.judged[1] < NO_ROOM[1]:
        return probed  # a longer look would tell nothing that is asked for
    first = [probed.candidate] if probed.judged != NO_ROOM else _with_room(plan, t, probed, close, ctx)
    known = {best.solution: best.seen for best in (probed, *near) if best.seen}
    return judged_best(plan, t, [*first, *(best.candidate for best in near)], ctx, EVENTS, known, last=bool(close))


def _probed(plan: Plan, t: Translation, found: list[Candidate], ctx: Context, proven: float) -> list[Best]:
    """The best of the candidates by a probe: of the first in all its variants, of the others in the one that is best
    there; and where `proven` is not near, with less waiting. Behind it, there, those that are nearly as good: with many
    requests in flight a probe is rough."""
    tried = [judged_best(plan, t, refined(plan, t, found[0]), ctx, PROBE)]
    others = refined_alike(plan, t, found[1:], tried[0].candidate, found[0])
    tried += _better(plan, t, list(dict.fromkeys(others)), ctx, tried[0])
    best = min(tried, key=lambda b: b.judged)
    if plan.objective not in STEADY or not proven * (1 + NEAR) < best.judged[1] < NO_ROOM[1]:
        return [best]
    tried += _better(plan, t, waiting_less(t, best.candidate), ctx, best)
    tried.sort(key=lambda b: b.judged)
    return [b for b in tried if b.judged <= (tried[0].judged[0], tried[0].judged[1] * (1 + ROUGH))]


def _better(plan: Plan, t: Translation, tried: list[Candidate], ctx: Context, best: Best) -> list[Best]:
    """What a probe finds best of those that may be better than the best so far."""
    news = [c for c in tried if (least := least_of(plan, t, c[1])) is None or (0.0, least) < best.judged]
    return [judged_best(plan, t, news, ctx, PROBE)] if news else []


def _near(plan: Plan, t: Translation, rivals: list[Candidate], probed: Best, ctx: Context) -> list[Best]:
    """The rivals that need the longer look: those that a probe finds nearly as good as what it finds best of all. What
    a probe does not see yet of the steady state, it does not see of any of them."""
    if plan.limits or plan.objective not in STEADY:
        return [Best(probed.judged, rival) for rival in rivals]
    found: list[Best] = []
    for rival in rivals:
        try:
            verdict = looked_at_best(t.apply(plan, rival[1]), ctx, PROBE, estimator=t.estimator)
        except Infeasible:
            continue
        found.append(Best((verdict.excess, verdict.value(plan.objective)), rival, verdict))
    most = min(best.judged[1] for best in (probed, *found)) * (1 + NEAR)
    return [best for best in found if best.judged[1] < most]


def _again(plan: Plan, problem: pb.Problem, ctx: Context, known: list[pb.Solution]) -> list[Candidate] | None:
    """What a search under tighter limits finds; None when it finds nothing that keeps them."""
    try:
        found = driver.solve(problem, solved_as(plan.objective), ctx.budget().part(SEED_SHARE), known)
    except Infeasible:
        return None
    return [(f"{found.method}, tightened", found.solution), *found.others]


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


def _with_room(plan: Plan, t: Translation, crowded: Best, rivals: Sequence[Best], ctx: Context) -> list[Candidate]:
    """A candidate whose buffers fit, from searches that leave more and more free in the memories that overflow, or from
    such that may put less and less there, whichever is better; the crowded one where there is none. None where all are
    proven to be worse than rivals that fit."""
    least = min((rival.judged for rival in rivals), default=NO_ROOM)
    more_free = [partial(freed, t)] * FREED
    less_there = [partial(relieved, plan, t, share=share) for share in SHARES]
    best = min(
        (_relief(plan, t, crowded, least, ctx, ways) for ways in (less_there, more_free)), key=lambda b: b.judged
    )
    return [] if best.judged == NO_ROOM != least else [best.candidate]


def _relief(
    plan: Plan, t: Translation, best: Best, least: Judged, ctx: Context, narrower: Sequence[Callable[..., Translation]]
) -> Best:
    """The first of the searches of narrower and narrower problems whose buffers fit, and what a probe finds of it; each
    problem is made from the bytes that were lacking before. Ends where no solution of one can be as good as `least`."""
    lacking: Counter[str] = Counter()
    objective = solved_as(plan.objective)
    for make in narrower:
        lacking.update(lacking_in(plan, t, best.solution, ctx))
        narrow = make(lacking)
        if least != NO_ROOM:
            proven = lower_bound(build(narrow.problem), objective, ctx.budget()).value * scale(plan)
            if proven > least[1] * (1 + NEAR):
                break
        try:
            found = driver.solve(narrow.problem, objective, ctx.budget().part(SEED_SHARE))
        except Infeasible:
            continue
        candidate = (f"{found.method}, relieved", widen_back(narrow, t, found.solution))
        best = judged_best(plan, t, refined(plan, t, candidate), ctx, PROBE)
        if best.judged != NO_ROOM:
            break
    return best


@dataclass(frozen=True)
class BoundsBySearch(Pass):
    """Prove the bound as `place-cpsat` does, by running its search again without keeping the placement.

    The search sharpens the bound of the pass `bounds` on its way; this derives the sharper one again, in the same time.
    """

    name = "bounds-by-search"
    requires = ("options", "tasks")
    provides = ("bounds",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with the bound that the search proves."""
        t = translate(plan)
        result, _ = searched(plan, t, every_start(t, plan, ctx), ctx.budget(self.name))
        return replace(plan, bounds=(bound_of(plan, result),))


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
    quiet = replace(budget.part(SEED_SHARE), tell=silent)
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


def judged_best(
    plan: Plan,
    t: Translation,
    tried: list[Candidate],
    ctx: Context,
    events: int,
    known: Mapping[pb.Solution, Verdict] | None = None,
    last: bool = False,
) -> Best:
    """The candidate that breaks the limits least, among those that keep them the one with the least value, after the
    default schedule and memory passes, the first among equals; and what was found of it.

    One that cannot be better than the best found so far is not run: the problem's own interval and energy are lower
    bounds of what the judge finds. When none fits its memories, a probe gives the first, a judgement is Infeasible.
    known: what a probe saw of some solutions in the placement that it liked best. last: see `looked_at`.
    """
    best: Best | None = None
    problems: list[Infeasible] = []
    for candidate in tried:
        if best is not None and (least := least_of(plan, t, candidate[1])) is not None and (0.0, least) >= best.judged:
            continue
        try:
            seen = (known or {}).get(candidate[1])
            rival = NO_ROOM[1] if best is None else best.judged[1]
            if seen is not None:
                verdict = looked_longer(seen, most_events(plan, events), last)
            else:
                placed = t.apply(plan, candidate[1])
                verdict = looked_at_best(placed, ctx, events, last, rival, t.estimator)
        except Infeasible as error:
            problems.append(error)
            continue
        judged = (verdict.excess, verdict.value(plan.objective))
        if best is None or judged < best.judged:
            best = Best(judged, candidate, verdict)
    if best is not None:
        return best
    if events == PROBE:
        return Best(NO_ROOM, tried[0])
    raise problems[0]
