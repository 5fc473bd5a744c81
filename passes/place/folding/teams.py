"""Placement on many equal chips: fold them in every way worth trying, keep the plan that the judge likes best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from mapper.cost.program import Spelling
from mapper.cost.residency import residency
from mapper.cost.steady import EVENTS, loads_per_request
from mapper.errors import Infeasible
from mapper.hw.teams import Arrangement, arranged, folds, with_more_copies
from mapper.ir.goal import TIMES, Objective
from mapper.ir.plan import Bound, Plan, Search, Status
from mapper.pipeline.pass_ import Context, Pass, Telling
from mapper.solve.placement import problem as pb
from mapper.solve.placement.driver import Result
from passes.memory.memory import PROBE
from passes.place.baselines import PlaceOneUnit, one_unit, one_unit_small, starts
from passes.place.bounds import scale
from passes.place.folding.bounds_of_teams import SEARCH_SHARE, unsolved
from passes.place.folding.decode import Dealt, Decoder
from passes.place.folding.flat import least_apart, rivals
from passes.place.folding.grouping import with_blocks
from passes.place.folding.on_chips import on_chips
from passes.place.folding.pooled import Pooled, on_like_target, pools, stands_for, ways_of
from passes.place.folding.uncrowded import uncrowded
from passes.place.mending.looks import STEADY, looked_at
from passes.place.probe import NEAR, NO_ROOM, Judged
from passes.place.searching import searched
from passes.place.solver import PlaceCpSat
from passes.place.translate import Translation

FILL_SHARE = 0.05
"""Part of the budget that one filling of stages gets."""

ROUGH_SHARE = 0.05
"""Part of the budget of a search whose result is only dealt out: pieces then take other options as well, and what ten
times as long a search found was dealt out no better."""

WORTHWHILE = 2e-3
"""Relative gain below which nothing more is tried."""

POOLS = 3
"""Numbers of ranks that are searched at most once there is a plan; the bounds of the others count all the same."""

POOLED, SEARCHED = 0.1, 0.4
"""Parts of the time: of all, when the pools are written; of a pool's, when its search is over and dealing begins."""

FAR = 0.3
"""What must be left to be won (relative) for more pools than `POOLS` to be searched, if they are small."""

SMALL = 400
"""Up to so many items of a pool the baselines on it are judged too: in large problems each costs seconds."""

WIDE = 0.1
"""How much more (relative) than a pool's bound a placement that crowds no memory may promise, for others to be left."""

CLOSE = 0.02
"""How much more (relative) than the least an arrangement may promise to be judged."""

HOPELESS = 2.0
"""Stages whose least height is so many times that of others are not dealt out: tasks that take other options while they
are dealt do not make that good."""


@dataclass(frozen=True)
class PlaceTeams(Pass):
    """Place on a target of equal chips by folding it: ranks that share each task (tensor parallelism), copies for
    different requests (data parallelism), stages for different parts of the model (pipeline parallelism).

    For every number of ranks a pooled relaxation, the size of one chip, gives a bound and a placement, which is dealt
    out to the stages; the judge picks. A target without equal chips is left to `place-cpsat`.
    """

    name = "place-teams"
    proof = "bounds-of-teams"
    requires = ("graph", "target", "phases", "clusters", "options", "tasks")
    provides = (
        "target",
        "clusters",
        "blocks",
        "options",
        "refusals",
        "tasks",
        "placement",
        "residency",
        "bounds",
        "search",
    )

    candidates: int = 4
    judged: int = 2

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan on the arranged target, placed, with the bound over all arrangements and how the search ended."""
        if not folds(plan.target):
            return PlaceCpSat(self.candidates).run(with_blocks(plan), ctx)
        return _Folding(with_blocks(plan), ways_of(plan.target), ctx, self.judged).best()


@dataclass(frozen=True)
class _Candidate:
    """An arrangement with stages dealt out; promise: the ticks of its busiest part, as far as they are known."""

    way: Arrangement
    decoder: Decoder
    dealt: Dealt
    by: str = "the pooled search"

    @property
    def promise(self) -> tuple[int, int, int]:
        """What is tried first: least busy, then fewest stages."""
        return self.dealt.height, self.stages, self.way.copies

    @property
    def stages(self) -> int:
        """How many stages the chips form."""
        return len(self.decoder.stages.units[self.decoder.pooled.target.units[0].name])


class _Folding:
    """The search over arrangements: bounds first, then the promising ones in order."""

    def __init__(self, plan: Plan, ways: Sequence[Arrangement], ctx: Context, judged: int) -> None:
        self.plan, self.ways, self.ctx, self.judged = plan, ways, ctx, judged
        self.objective = plan.objective
        self.timely = plan.objective in (*TIMES, Objective.EDP)
        self.least: Judged = NO_ROOM
        self.found: Plan | None = None
        self.problems: list[Infeasible] = []
        self.searched = 0
        self.telling = Telling(PlaceTeams.name, ctx.tell)

    def best(self) -> Plan:
        """The best judged plan, with the bound over all arrangements."""
        budget = self.ctx.budget(PlaceTeams.name)
        relaxed = pools(self.plan, self.ctx)
        bounds = [pool.quick(budget) for pool in relaxed]
        self.telling.reached(POOLED)
        sharp, open_ = set[int](), set(range(len(relaxed)))
        while open_ and not self._enough(bounds[k := min(open_, key=lambda k: (bounds[k].value, k))]):
            if k not in sharp:
                sharp.add(k)
                bounds[k] = max(bounds[k], relaxed[k].bound(budget), key=lambda b: b.value)
                continue
            if self.found is not None and self.searched >= POOLS and not self._far(relaxed[k], bounds[k]):
                break
            open_.discard(k)
            self._tell(bounds, _kind_of(relaxed[k]))
            bounds[k] = self._solved(relaxed[k], bounds[k])
            self.searched += 1
        bound = min(bounds, key=lambda b: b.value)
        apart = next(k for k, pool in enumerate(relaxed) if pool.arrangement == Arrangement())
        self._tell(bounds, "single chips")
        if self.least > (0.0, max(bounds[apart].value, least_apart(relaxed[apart]))):
            self._judge_single_chips()
        if self.found is None:
            raise self.problems[0] if self.problems else self._no_stages()
        return self._finished(self.found, bound)

    def _tell(self, bounds: Sequence[Bound], doing: str) -> None:
        """The best judged plan so far, the bound over all arrangements, and how much is searched."""
        excess, value = self.least
        self.telling.found(None if excess else value, min(b.value for b in bounds) or None)
        self.telling.doing(doing)
        self.telling.reached(_part_of(self.searched))

    def _no_stages(self) -> Infeasible:
        ways = ", ".join(f"{way.ranks} x {way.copies}" for way in self.ways)
        return Infeasible(
            f"{self.plan.graph.name} fits the chips of {self.plan.target.name} together, but in no split into stages",
            details=[f"tried (ranks x copies): {ways}"],
            hint="place-cpsat searches all placements on single chips",
        )

    def _enough(self, bound: Bound) -> bool:
        """Whether what a bound leaves to be won is not worth a search."""
        if self.found is not None and self.ctx.budget().over():
            return True
        excess, value = self.least
        return not excess and bound.value > value * (1 - WORTHWHILE)

    def _far(self, pool: Pooled, bound: Bound) -> bool:
        """Whether a search that costs little may still win much."""
        return len(pool.t.problem.items) <= SMALL and bound.value < self.least[1] * (1 - FAR)

    def _solved(self, pool: Pooled, bound: Bound) -> Bound:
        """Search the pooled problem, deal its solution out to stages, judge the most promising plans. Returns the bound
        that the search proved. In a steady state placements go first that use no hosts, and that crowd no memory: calls
        wait less for one another."""
        if self.objective in STEADY:
            narrow = uncrowded(pool.plan, pool.t)
            chips = on_chips(pool.plan, narrow)
            if chips is not None and self._searched(pool, chips, bound.value * (1 + CLOSE)):
                return bound
            if narrow.problem != pool.t.problem and self._searched(pool, narrow, bound.value * (1 + WIDE)):
                return bound
        result = self._result(pool, pool.t)
        if result is None:
            return unsolved(pool, bound)
        promise = self._dealt(pool, pool.t, result)
        proven = max(bound, pool.proven(result.bound, result.bound_name), key=lambda b: b.value)
        if self.timely and len(pool.t.problem.items) <= SMALL:
            self._judge_baselines(pool, proven)
        if self.objective is Objective.THROUGHPUT and promise < self.least[1] * (1 - FAR):
            self._judge_quick_ones(pool, proven)
        return proven

    def _searched(self, pool: Pooled, narrow: Translation, enough: float) -> bool:
        """Search a restriction of a pool's problem, and whether that was enough: a plan came of it, and no more than so
        much could be won without the restriction."""
        result = self._result(pool, narrow)
        return result is not None and self._dealt(pool, narrow, result) <= enough

    def _result(self, pool: Pooled, t: Translation) -> Result | None:
        """What the search finds for a pool's problem or a restriction of it; None: no placement."""
        share = SEARCH_SHARE if t is pool.t or pool.stages == 1 else ROUGH_SHARE
        low, high = _part_of(self.searched), _part_of(self.searched + 1)
        budget = replace(self.ctx.budget().part(share), reached=self.telling.reached)
        try:
            return searched(pool.plan, t, [], budget.stretch(low, low + (high - low) * SEARCHED))[0]
        except Infeasible as error:
            self.problems.append(error)
            return None

    def _dealt(self, pool: Pooled, t: Translation, result: Result) -> float:
        """Deal a solution out to stages and judge the most promising plans. Returns what the best of them promises by
        its loads alone, in terms of the objective; infinite where none is a plan."""
        found = sorted(self._candidates(pool, t, result.solution), key=lambda c: c.promise)
        least = inf
        for candidate in found[: self.judged]:
            promise = candidate.dealt.height * scale(self.plan) if self.objective is Objective.THROUGHPUT else 0.0
            if candidate.dealt.height > found[0].dealt.height * (1 + CLOSE) or (0.0, promise) >= self.least:
                least = min(least, promise or result.value * scale(self.plan))
                break
            if self._enough(pool.proven(result.bound, result.bound_name)):
                break
            if self._judge(candidate):
                least = min(least, promise or result.value * scale(self.plan))
        return least

    def _judge_baselines(self, pool: Pooled, proven: Bound) -> None:
        """Judge the baselines on the pool too: what a replay waits for, the problem's latency does not see."""
        for name, solution in starts(pool.t, pool.plan):
            if self._enough(proven):
                return
            best = min(self._candidates(pool, pool.t, solution), key=lambda c: c.promise, default=None)
            if best is not None:
                self._judge(replace(best, by=name))

    def _judge_quick_ones(self, pool: Pooled, proven: Bound) -> None:
        """Judge everything on one kind of chip, where that promises more than the best so far is worth. The problem of
        a throughput makes loads even, and does not know that memories have room for few requests at once: then what
        takes least of one request wins."""
        units = [unit.name for unit in pool.plan.target.units]
        found = [way(pool.t, unit) for unit in units for way in (one_unit, one_unit_small)]
        for solution in dict.fromkeys(s for s in found if s is not None):
            if self._enough(proven):
                return
            best = min(self._candidates(pool, pool.t, solution), key=lambda c: c.promise, default=None)
            if best is not None and (0.0, best.dealt.height * scale(self.plan)) < self.least:
                self._judge(replace(best, by=PlaceOneUnit.name))

    def _candidates(self, pool: Pooled, t: Translation, solution: pb.Solution) -> Iterator[_Candidate]:
        """The pooled solution on the stages of every arrangement with so many ranks that holds it."""
        ways = [way for way in self.ways if stands_for(self.plan, pool.arrangement, way)]
        if self.objective is Objective.THROUGHPUT:
            more = with_more_copies(self.plan.target, pool.arrangement.ranks)
            ways = sorted({*ways, *(way for way in more if stands_for(self.plan, pool.arrangement, way))})
        decoders = [
            Decoder(pool.plan, t, solution, arranged(self.plan.target, way), way.copies, self.timely, pool.room)
            for way in ways
        ]
        height: float = inf
        for least, way, decoder in sorted(
            ((decoder.least(), way, decoder) for way, decoder in zip(ways, decoders, strict=True)), key=lambda d: d[:2]
        ):
            if least > height * HOPELESS:
                break
            dealt = decoder.dealt(self.ctx.budget().part(FILL_SHARE))
            if dealt is not None:
                height = min(height, dealt.height)
                yield _Candidate(way, decoder, dealt)

    def _judge(self, candidate: _Candidate) -> bool:
        """Spell a candidate out, and keep its plan if the judge likes it better than the best so far; whether it was a
        plan at all."""
        plan = self.plan
        if candidate.way != Arrangement():
            plan = on_like_target(candidate.decoder.pooled, candidate.decoder.explicit, self.ctx)
        places = candidate.decoder.placement(candidate.dealt, plan)
        if places is None:
            return False
        placed = replace(plan, placement=places)
        spelling = Spelling(placed)
        loads = loads_per_request(spelling.programs(), [p.calls for p in placed.phases])
        search = Search(Status.FEASIBLE, _words(candidate), tuple((r, x) for r, x in loads.items() if x))
        placed = replace(placed, residency=residency(placed, spelling.estimator), search=search)
        return self._looked_at(placed, spelling)

    def _judge_single_chips(self) -> None:
        """Judge the baselines on the chips as they are, as far as they may be better; where a probe finds some nearly
        as good as the best so far, these and that one in full: it is what the finished plan is worth."""
        close = [] if self.found is None else [self.found]
        excess, value = self.least
        for placed in rivals(self.plan, self.ctx, inf if excess else value):
            judged = self._judged(placed, Spelling(placed), PROBE)
            if judged is None or judged > (excess, value * (1 + NEAR)):
                continue
            close.append(placed)
            if judged < self.least:
                self.least, self.found = judged, placed
        if len(close) > 1:
            looks = [(self._judged(placed, Spelling(placed), EVENTS), placed) for placed in close]
            settled = [(judged, placed) for judged, placed in looks if judged is not None]
            if settled:  # a full look may find no room where a probe did
                self.least, self.found = min(settled, key=lambda look: look[0])

    def _looked_at(self, placed: Plan, spelling: Spelling) -> bool:
        """Judge a placed plan, and keep it if it is better than the best so far; whether it was a plan at all."""
        judged = self._judged(placed, spelling, PROBE)
        if judged is not None and judged < self.least:
            self.least, self.found = judged, placed
        return judged is not None

    def _judged(self, placed: Plan, spelling: Spelling, events: int) -> Judged | None:
        """What the judge finds of a placed plan; None where its buffers do not fit."""
        try:
            verdict = looked_at(placed, spelling, self.ctx, events, last=True)
        except Infeasible as error:
            self.problems.append(error)
            return None
        return verdict.excess, verdict.value(self.objective)

    def _finished(self, found: Plan, bound: Bound) -> Plan:
        """The plan with its bound and how the search ended."""
        assert found.search is not None
        closed = self.least <= (0.0, bound.value * (1 + 1e-9))
        status = Status.INTERRUPTED if self.ctx.stop.is_set() else Status.OPTIMAL if closed else Status.FEASIBLE
        return replace(found, bounds=(bound,), search=replace(found.search, status=status))


def _kind_of(pool: Pooled) -> str:
    """What a pool is tried with."""
    ranks = pool.arrangement.ranks
    return f"teams of {ranks}" if ranks > 1 else "stages"


def _part_of(searched: int) -> float:
    """The part of the work that is done when so many pools are searched."""
    return min(1.0, POOLED + (1 - POOLED) * searched / (POOLS + 1))


def _words(candidate: _Candidate) -> str:
    """The arrangement: tensor, data and pipeline parallelism."""
    way, stages = candidate.way, candidate.stages
    return f"stages of {candidate.by}, TP {way.ranks} x DP {way.copies} x PP {stages}"
