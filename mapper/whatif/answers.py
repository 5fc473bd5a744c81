"""Answers: what a plan would be worth on a changed target, found from the plan itself."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from typing import Any

from mapper.cost.activity import Activity
from mapper.cost.engines import POWER
from mapper.cost.estimate import Estimator
from mapper.cost.offers import repriced
from mapper.cost.program import Program, Spelling
from mapper.cost.residency import residency
from mapper.cost.steady import loads_per_request
from mapper.errors import Infeasible, MapperError, Unsupported, UsageError
from mapper.hw.parameters import machine
from mapper.hw.target import Target
from mapper.hw.teams import arranged, arrangement_of, folds
from mapper.hw.what_if import Change, Refused, changed
from mapper.hw.work import DType
from mapper.ir.plan import DECISIONS, Cluster, Option, Plan
from mapper.pipeline.named import pass_named, pipeline_of
from mapper.pipeline.pass_ import Context, Effort
from mapper.pipeline.pipeline import Pipeline
from mapper.solve.placement.known import Proof
from mapper.whatif.values import Values, values_of

SEARCHES = ("place-teams", "place-cpsat")
"""The passes whose placements are searched again from where they are; others place anew by their own rule."""

ENOUGH = 1e-3
"""Relative gap to the bound at which nothing more is searched, unless the plan's own is larger."""

SHARE = 0.2
"""The part of the patience with an answer's gap from which on a search from where the tasks lie is worth its time."""

ANEW = "placed anew"
"""How an answer is told that a whole placement gave."""

FINISH = "schedule,memory,judge"

_OPEN: dict[str, Any] = dict.fromkeys(DECISIONS[DECISIONS.index("options") :])
"""What is decided anew."""


@dataclass(frozen=True)
class Answer:
    """What a change makes of a plan.

    after: None where there is no plan, and `refusal` says why. bound: a proven lower bound of the objective on the
    changed target, in SI units (seconds between requests under the throughput objective); gap: how far the value is
    from it, as a part of the value. found: how the plan was found. is_refused: the figure takes no such value.
    plan: the judged plan on the changed target.
    """

    changes: tuple[Change, ...]
    before: Values
    after: Values | None = None
    bound: float | None = None
    gap: float | None = None
    found: str = ""
    refusal: str = ""
    is_refused: bool = False
    plan: Plan | None = None
    precision: DType | None = None

    @property
    def gain(self) -> float:
        """How much better the objective's value becomes, relative: 0.5 is half as much again (of throughput), or a
        third less (of a time or an energy). -1 where there is no plan."""
        if self.after is None:
            return -1.0
        return self.before.objective / self.after.objective - 1 if self.after.objective else 0.0


class Asker:
    """Answers questions about one finished plan; every answer depends on the plan and the question alone.

    patience: where an answer's gap is larger than this and than the plan's own, everything is placed anew as well.
    sought: how near its bound a search goes; by default no nearer than the plan itself is known, as what a longer
    search brings would be taken for what the change brings.
    """

    def __init__(
        self,
        plan: Plan,
        effort: Effort | None = None,
        stop: threading.Event | None = None,
        patience: float = ENOUGH,
        sought: float | None = None,
    ) -> None:
        if plan.figures is None or plan.clusters is None:
            raise UsageError(
                f"the plan of {plan.graph.name} is not finished: it has no figures to compare with",
                hint="run the rest of the pipeline with mapper opt",
            )
        source = dict(plan.source)
        self.plan, self.patience, self._wanted = plan, patience, sought
        self._learned: list[Proof] = []
        self.effort = effort or Effort(source.get("effort", Effort.DEFAULT.value))
        self.context = Context(int(source.get("seed", "0")), self.effort, stop=stop or threading.Event())

    @cached_property
    def before(self) -> Values:
        """What the plan is worth as it is."""
        return values_of(self.plan)

    @cached_property
    def enough(self) -> float:
        """The gap at which nothing more is searched: the plan is no better known itself, or more is not asked for."""
        bound = _bound(self.plan)
        gap = 0.0 if bound is None or not self.before.objective else 1 - bound / self.before.objective
        return max(ENOUGH, SHARE * self.patience, 1.1 * gap)

    @property
    def sought(self) -> float:
        """How near its bound a search goes."""
        return self.enough if self._wanted is None else self._wanted

    @property
    def known(self) -> tuple[Proof, ...]:
        """The proof of the plan's own bound, and of what was learned, for problems that are no easier anywhere."""
        return (*self._own_proof, *self._learned)

    @cached_property
    def _own_proof(self) -> tuple[Proof, ...]:
        found: list[Proof] = []
        if self._by_search and not self._folds:
            self._again(self.plan, replace(self.context, learn=found.append))
        return tuple(found)

    @property
    def learns(self) -> bool:
        """Whether a bound proved of one change may answer for another."""
        return self._by_search and not self._folds

    def learn(self, proof: Proof) -> None:
        """Take a bound that was proved: it counts for every question whose problem is nowhere easier than its own."""
        self._learned.append(proof)

    def proof(self, changes: Sequence[Change], enough: float) -> Proof | None:
        """A bound with all of these changes at once, sharp only where it comes within a part `enough` of the plan's
        value. None where they cannot be had together."""
        found: list[Proof] = []
        try:
            whole = replace(self.plan, target=changed(self._machine, changes))
            fresh = replace(whole, target=self._arranged(whole.target), **_OPEN)
            question = with_chosen(self.plan, pipeline_of("options").run(fresh, self.context))
            bounds = pipeline_of(f"bounds{{ceiling={self.before.objective!r} enough={enough!r}}}")
            bounds.run(question, replace(self.context, learn=found.append))
        except MapperError:
            return None
        return next(iter(found), None)

    def answer(self, changes: Sequence[Change], precision: DType | None = None) -> Answer:
        """The best plan found on the changed target, with a bound proved there; or why there is none. Raises UsageError
        where a change names nothing that the target has."""
        asked = Answer(tuple(changes), self.before, precision=precision)
        try:
            return self._answered(asked, changed(self._machine, changes))
        except Refused as error:
            return replace(asked, refusal=error.message.partition(": ")[2], is_refused=True)
        except Unsupported as error:
            return replace(asked, refusal=error.message)
        except Infeasible as error:
            return replace(asked, refusal=f"does not fit: {error.message}")
        except UsageError:
            raise
        except MapperError as error:
            return replace(asked, refusal=error.message)

    def _answered(self, asked: Answer, target: Target) -> Answer:
        if target.power_limit_w is not None and target.power_limit_w <= target.idle_power_w:
            raise Infeasible(f"idle power alone is {target.idle_power_w:g} W of at most {target.power_limit_w:g} W")
        whole = replace(self.plan, target=target, precision=asked.precision or self.plan.precision)
        if not self._by_search or not self._clustered_alike(whole):
            return _told(asked, self._anew(whole), ANEW)
        first = self._near(asked, whole)
        if first is not None and first.gap is not None and first.gap <= max(self.enough, self.patience):
            return first
        try:
            other = _told(asked, self._anew(whole), ANEW)
        except Infeasible:
            if first is None:
                raise
            return first
        return other if first is None else _better(first, other)

    def _near(self, asked: Answer, whole: Plan) -> Answer | None:
        """The answer from where the tasks lie, or from near there where they no longer can; None where no plan is
        found so."""
        kept = self._as_before(whole)
        if self._folds:
            if kept is None:
                return None
            bounds = pass_named("bounds-of-teams")().run(replace(kept, bounds=None), self.context).bounds
            return _told(asked, replace(kept, bounds=bounds), "as before")
        try:
            start = kept or self._moved(whole)
            return _told(asked, self._again(start, replace(self.context, known=self.known)))
        except MapperError:
            if kept is not None:
                raise
            return None  # from where the tasks lie there is no way to a plan

    def _moved(self, whole: Plan) -> Plan:
        """The question with tasks where they are, though some cannot stay there: not judged."""
        return replace(pipeline_of("options").run(replace(whole, **_OPEN), self.context), placement=self.plan.placement)

    def _clustered_alike(self, whole: Plan) -> bool:
        """Whether a compilation for the changed machine would have the clusters that one for the plan's has."""
        if [u.model for u in whole.target.units] == [u.model for u in self._machine.units]:
            return True
        return self._partition.run(whole, self.context).clusters == self._own_clusters

    def _as_before(self, whole: Plan) -> Plan | None:
        """The judged plan with every task where it is; None where one cannot run there, or not all fit."""
        try:
            fresh = replace(whole, target=self._arranged(whole.target), **_OPEN)
            question = pipeline_of("options").run(fresh, self.context)
            placed = replace(with_chosen(self.plan, question), placement=self.plan.placement)
            if not all(placed.chosen(task.name).serves(task.phase) for task in placed.tasks or ()):
                return None
            estimator = Estimator(placed.target, placed.graph, placed.phases, placed.precision)
            kept = replace(placed, residency=residency(placed, estimator))
            return self._unmoved(kept) or pipeline_of(self._finish).run(kept, self.context)
        except (MapperError, KeyError):  # an option, a unit or a way to arrange the chips is gone
            return None

    def _unmoved(self, placed: Plan) -> Plan | None:
        """The plan with its own schedule and memory map, where nothing that it does takes another time or room: then
        only its energy may differ, and what that takes of the power limit, as long as the limit slows nothing down.
        None where something does."""
        plan, capacity = self.plan, [m.capacity_bytes for m in placed.target.memories]
        if plan.limits or placed.residency != plan.residency or capacity != self._capacities:
            return None
        programs = Spelling(placed).programs()
        if _timed(programs) != self._timed:
            return None
        busy = loads_per_request(programs, [p.calls for p in plan.phases])
        if busy.keys() != self._busy.keys() or _held_by_power(busy) or _held_by_power(self._busy):
            return None
        known = dict(plan.figures or ())
        idle = [ceil(p.target.idle_power_w * known["interval_ticks"]) for p in (plan, placed)]
        more = idle[1] - idle[0] + _dynamic_pj(placed, programs) - _dynamic_pj(plan, self._programs)
        fresh = {"energy_pj": known["energy_pj"] + more} | {f"busy of {r}": ticks for r, ticks in busy.items()}
        figures = tuple((n, fresh.get(n, x)) for n, x in plan.figures or ())
        return replace(placed, schedule=plan.schedule, memory=plan.memory, inflight=plan.inflight, figures=figures)

    @property
    def _finish(self) -> str:
        """The passes that judge a placement: with as many requests in flight as before, where these leave nothing to
        win."""
        return f"schedule,memory{{first={self.plan.inflight}}},judge"

    @cached_property
    def _programs(self) -> tuple[Program, ...]:
        """What the plan does in each phase."""
        return Spelling(self.plan).programs()

    @cached_property
    def _timed(self) -> list[object]:
        """The same without its energies."""
        return _timed(self._programs)

    @cached_property
    def _busy(self) -> dict[str, int]:
        """Busy ticks of every resource for one request."""
        return loads_per_request(self._programs, [p.calls for p in self.plan.phases])

    @cached_property
    def _capacities(self) -> list[int]:
        """Bytes of each memory."""
        return [m.capacity_bytes for m in self.plan.target.memories]

    def _arranged(self, target: Target) -> Target:
        """A machine with its chips together as the plan has them."""
        return target if self._machine is self.plan.target else arranged(target, arrangement_of(self.plan.target))

    def _again(self, judged: Plan, context: Context) -> Plan:
        """The plan after the search from where its tasks lie."""
        return pipeline_of(f"place-again{{enough={self.sought!r}}}").run(judged, context)

    def _anew(self, whole: Plan) -> Plan:
        """The plan's own passes from the clusters on, on the machine itself."""
        return self._tail.run(replace(whole, clusters=None, blocks=None, **_OPEN), self.context)

    @cached_property
    def _machine(self) -> Target:
        """The plan's target before its chips were folded."""
        return machine(self.plan.target)

    @cached_property
    def _tail(self) -> Pipeline:
        """The passes that the plan was made by, from the clusters on."""
        return pipeline_of(dict(self.plan.source).get("pipeline", "default")).split("clusters")[1]

    @cached_property
    def _partition(self) -> Pipeline:
        """The passes before options are priced."""
        return self._tail.split("options")[0]

    @cached_property
    def _own_clusters(self) -> tuple[Cluster, ...] | None:
        """The clusters of the machine as it is; a plan of teams may have others."""
        return self._partition.run(replace(self.plan, target=self._machine), self.context).clusters

    @cached_property
    def _placer(self) -> str:
        """The pass that placed the plan."""
        return next((step.name for step in self._tail.passes if "placement" in step.provides), "")

    @property
    def _by_search(self) -> bool:
        """Whether the plan was placed by a search, which can go on from where it ended."""
        return self._placer in SEARCHES

    @cached_property
    def _folds(self) -> bool:
        """Whether the plan was placed by folding equal chips, if only to find that single ones are best."""
        return self._placer == "place-teams" and folds(self._machine)


def with_chosen(plan: Plan, question: Plan) -> Plan:
    """The question with the ways to run clusters that a plan has chosen, where others beat them by now."""
    estimator = Estimator(question.target, question.graph, question.phases, question.precision)
    lost: dict[Option, Option] = {}
    for task in plan.tasks or ():
        chosen = plan.chosen(task.name)
        if not chosen.shard or chosen in lost:  # of ways on single units none is left out
            continue
        cluster, unit = plan.cluster[task.cluster], question.target.unit[plan.place[task.name].unit]
        same = question.options_of.get(chosen.repeat, ())
        if not any(_alike(chosen, o) for o in same) and not estimator.refusal(cluster, unit):
            lost[chosen] = repriced(estimator, cluster, chosen)
    return replace(question, options=(*(question.options or ()), *lost.values())) if lost else question


def _timed(programs: Sequence[Program]) -> list[object]:
    """Programs without what their activities take of energy and of the power limit, of which neither schedule nor
    memory map knows; nor does the steady state, where the limit is not what holds it up."""

    def without(a: Activity) -> Activity:
        loads = tuple((r, t) for r, t in a.loads if r != POWER)
        return replace(a, loads=loads, energy_pj=(), energy_band=0.0, energy_validated=False)

    return [replace(p, activities=tuple(map(without, p.activities))) for p in programs]


def _held_by_power(busy: Mapping[str, int]) -> bool:
    """Whether nothing is busier than the power limit."""
    return busy.get(POWER, 0) >= max(busy.values(), default=1)


def _dynamic_pj(plan: Plan, programs: Sequence[Program]) -> int:
    """Energy of a run's activities."""
    pairs = zip(plan.phases, programs, strict=True)
    return sum(phase.calls * pj for phase, p in pairs for a in p.activities for _, pj in a.energy_pj)


def _alike(a: Option, b: Option) -> bool:
    """Whether two options are one way of a cluster, where the first applies."""
    return (a.source, a.replicas, a.shard) == (b.source, b.replicas, b.shard) and set(a.units) <= set(b.units)


def _told(asked: Answer, done: Plan, found: str = "") -> Answer:
    """The answer that a judged plan gives."""
    words = found or (done.search.method if done.search else "")
    return _bounded(replace(asked, after=values_of(done), found=words, plan=done), _bound(done))


def _better(one: Answer, other: Answer) -> Answer:
    """The better of two answers to a question, with the sharper of their bounds."""
    best, least = (one, other) if one.gain >= other.gain else (other, one)
    return best if (best.bound or 0.0) >= (least.bound or 0.0) else _bounded(best, least.bound)


def _bounded(answer: Answer, bound: float | None) -> Answer:
    """The answer with this bound."""
    assert answer.after is not None
    value = answer.after.objective
    gap = None if bound is None else max(0.0, 1 - bound / value) if value else 0.0
    return replace(answer, bound=bound, gap=gap)


def _bound(plan: Plan) -> float | None:
    """The plan's bound of its objective."""
    return next((b.value for b in plan.bounds or () if b.objective == plan.objective.value), None)
