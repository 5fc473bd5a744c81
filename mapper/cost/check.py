"""`mapper check`: derive everything that a plan records again, from the plan alone, and compare exactly."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from mapper.cost.estimate import Estimator
from mapper.cost.judge import WATCHED, Verdict, judge
from mapper.cost.liveness import lives
from mapper.cost.offers import Offers, offers, offers_tiles
from mapper.cost.program import Program, Spelling
from mapper.cost.replay import Call, replay
from mapper.cost.residency import residency
from mapper.errors import InvalidPlan
from mapper.ir.plan import DECISIONS, Bound, Cluster, Option, Plan
from mapper.ir.verify import verify

Recompute = Callable[[Plan], tuple[Bound, ...]]
"""Proves lower bounds on a plan's objective again, from its options and tasks."""

DERIVED: tuple[tuple[str, str], ...] = (
    ("plan-complete", "Every decision is taken; only `search` may be left out."),
    ("target-pool", "A finished plan is of a machine, not of a pool of stages, which only bounds are for."),
    ("clusters-repeat", "Clusters of one repeat class ask units the same questions, so that they cost the same."),
    ("options-costs", "Options are those that the unit models offer today: costs, types and bytes of weights agree."),
    ("refusals-agree", "Refusals are those of the unit models, word for word."),
    ("placement-tiles-rows", "A task in tiles has as many rows, which no op computes from others, on a unit alone."),
    ("residency", "What stays in memories is what the placement needs there: names and bytes agree."),
    ("schedule-complete", "Every activity that the plan calls for has a slot, and no slot is for anything else."),
    ("schedule-places", "A slot is on the unit or route where its activity runs."),
    ("schedule-times", "No activity starts before its call."),
    ("schedule-precedence", "An activity starts when everything it needs has ended."),
    ("schedule-duration", "A slot lasts as long as its work, or up to twice as long on part of a memory channel."),
    ("schedule-capacity", "Engines, links and memory channels are never taken more than there is of them."),
    ("memory-complete", "Every value that lives in a memory during a call has a buffer, and nothing else has one."),
    ("memory-lifetimes", "A buffer is as large as its value and lives as long."),
    ("steady-progress", "The requests in flight never block one another for good."),
    ("loads-agree", "The search counted the same busy ticks of every resource as the judge."),
    ("figures", "The recorded figures are the judge's."),
    ("limits", "The figures keep every limit that the plan claims to keep."),
    ("bound-below-value", "No proven bound is above the value that the judge finds."),
    ("bound-proof", "No recorded bound is above the one that its proof gives again."),
)
"""Rules that need prices or a replay: name and sentence. `mapper.ir.verify.RULES` are those that need neither."""

_PROOF = 1e-6
"""Relative difference that two runs of one proof may have."""

_ROUNDING = 1e-9
"""Relative difference that conversions of integers to seconds and joules may make."""


def check(plan: Plan, recomputed_bounds: Recompute | None = None) -> Verdict:
    """The judge's verdict on a finished plan that keeps every rule. Raises InvalidPlan naming the first one broken."""
    verify(plan)
    _complete(plan)
    no_pool(plan)
    estimator = Estimator(plan.target, plan.graph, plan.phases, plan.precision)
    clusters_repeat(plan, estimator)
    _offers_agree(plan, estimator)
    residency_agrees(plan, estimator)
    spelling = Spelling(plan, estimator)
    slots = {s.what: s for s in plan.schedule or ()}
    for program in spelling.programs():
        memory_agrees(plan, program, replay(program, slots))
    verdict = judge(plan, spelling, watched=WATCHED)  # what is written of the plan shows its steady state
    loads_agree(plan, verdict)
    figures_agree(plan, verdict)
    limits_kept(verdict)
    bound_below_value(plan, verdict)
    if recomputed_bounds is not None:
        bound_proof(plan, recomputed_bounds(plan))
    return verdict


def _complete(plan: Plan) -> None:
    missing = [f for f in DECISIONS if f != "search" and getattr(plan, f) is None]
    if missing:
        text = f"the plan is not finished: nothing decided about {', '.join(missing)}"
        raise InvalidPlan(text, rule="plan-complete", hint="run the passes that provide it, to the end of a pipeline")


def no_pool(plan: Plan) -> None:
    """No unit stands for stages that share their tasks: no machine does that, and what it claims is only a bound."""
    pool = next((u for u in plan.target.units if u.team and u.team.pool > 1), None)
    if pool is not None and pool.team is not None:
        text = f"unit '{pool.name}' is a pool of {pool.team.pool} stages, which no machine is"
        raise InvalidPlan(text, rule="target-pool", hint="place on the target's explicit stages")


def clusters_repeat(plan: Plan, estimator: Estimator) -> None:
    """Clusters of one repeat class are the same work in every phase, op by op."""
    first: dict[str, Cluster] = {}
    for cluster in plan.clusters or ():
        like = first.setdefault(cluster.repeat, cluster)
        if estimator.works(cluster) != estimator.works(like):
            text = (
                f"clusters '{like.name}' and '{cluster.name}' are called equal ('{cluster.repeat}'), but differ in size"
            )
            raise InvalidPlan(text, rule="clusters-repeat")
        if estimator.has_teams and estimator.sharing.signature(cluster.ops) != estimator.sharing.signature(like.ops):
            text = f"clusters '{like.name}' and '{cluster.name}' are called equal, but ranks divide them differently"
            raise InvalidPlan(text, rule="clusters-repeat")


def _offers_agree(plan: Plan, estimator: Estimator) -> None:
    classes = {c.repeat: c for c in reversed(plan.clusters or ())}
    tiles = offers_tiles(plan)
    found = {repeat: offers(estimator, cluster, tiles=tiles) for repeat, cluster in classes.items()}
    options_agree(plan, found)
    refusals_agree(plan, found)


def options_agree(plan: Plan, found: Mapping[str, Offers]) -> None:
    """The plan lists exactly the options that the units offer, at their prices."""
    recorded = _by_unit(plan.options or ())
    derived = _by_unit(o for offered in found.values() for o in offered.options)
    for key, old, new in _differences(recorded, derived):
        repeat, unit, source, replicas, shard = key
        what = f"'{repeat}' on '{unit}' from source {source} x{replicas}" + (f" by {shard}" if shard else "")
        raise InvalidPlan(
            f"the option for {what} is not what the unit offers", rule="options-costs", details=_both(old, new)
        )


def _by_unit(options: Iterable[Option]) -> dict[tuple[str, str, int, int, str], tuple[object, ...]]:
    """What options say on each of their units, by what names them there."""
    return {(o.repeat, unit, o.source, o.replicas, o.shard): _said(o) for o in options for unit in o.units}


def _said(option: Option) -> tuple[object, ...]:
    """All that an option says of itself, beside what names it."""
    return option.footprint_bytes, option.types, option.costs, option.takes, option.leaves, option.tiles


def refusals_agree(plan: Plan, found: Mapping[str, Offers]) -> None:
    """The plan lists exactly the refusals that the units give."""
    recorded = dict.fromkeys(plan.refusals or ())
    derived = dict.fromkeys(r for offered in found.values() for r in offered.refusals)
    for refusal in (*recorded, *derived):
        if refusal not in recorded or refusal not in derived:
            where = f"'{refusal.op}' of '{refusal.repeat}' by {refusal.unit_kind}"
            text = "is not in the plan" if refusal in derived else "is not what the unit says"
            raise InvalidPlan(f"the refusal of {where} {text}: {refusal.reason}", rule="refusals-agree")


def residency_agrees(plan: Plan, estimator: Estimator) -> None:
    """What stays where is what the placement implies."""
    recorded = {(r.what, r.memory): (r.bytes, r.per_request) for r in plan.residency or ()}
    derived = {(r.what, r.memory): (r.bytes, r.per_request) for r in residency(plan, estimator)}
    for (what, memory), old, new in _differences(recorded, derived):
        text = f"'{what}' in '{memory}' is not what the placement keeps there"
        raise InvalidPlan(text, rule="residency", details=_both(old, new))


def memory_agrees(plan: Plan, program: Program, call: Call) -> None:
    """Each value of a call has a buffer of its size and lifetime."""
    recorded = {(b.value, b.memory): (b.size, b.start, b.end) for b in plan.memory or () if b.phase == program.phase}
    derived = {(x.name, x.memory): (x.size, x.start, x.end) for x in lives(program, call)}
    for (value, memory), old, new in _differences(recorded, derived):
        where = f"in '{memory}' in phase '{program.phase}'"
        if old is None or new is None:
            text = f"'{value}' lives {where}, but has no buffer" if new else f"nothing called '{value}' lives {where}"
            raise InvalidPlan(text, rule="memory-complete")
        text = f"the buffer of '{value}' {where} is {old[0]} bytes from {old[1]} to {old[2]}"
        raise InvalidPlan(f"{text}; its value is {new[0]} bytes from {new[1]} to {new[2]}", rule="memory-lifetimes")


def loads_agree(plan: Plan, verdict: Verdict) -> None:
    """The busy ticks that the search counted are the judge's."""
    if plan.search is None:
        return
    believed = {name: ticks for name, ticks in plan.search.loads if ticks}
    for name, old, new in _differences(believed, {r: t for r, t in verdict.loads.items() if t}):
        text = f"{plan.search.method} counts {old or 0} busy ticks of '{name}' per request, the judge {new or 0}"
        raise InvalidPlan(text, rule="loads-agree")


def figures_agree(plan: Plan, verdict: Verdict) -> None:
    """The figures that the plan records are the judge's."""
    for name, old, new in _differences(dict(plan.figures or ()), dict(verdict.figures)):
        raise InvalidPlan(f"the plan records {_none(old)} for '{name}', the judge finds {_none(new)}", rule="figures")


def limits_kept(verdict: Verdict) -> None:
    """The plan keeps its limits."""
    for limit, found in verdict.broken_limits:
        raise InvalidPlan(f"the plan claims {limit}, the judge finds {found:.6g}", rule="limits")


def bound_below_value(plan: Plan, verdict: Verdict) -> None:
    """A bound above the value would prove that the plan is impossible."""
    value = verdict.value(plan.objective)
    for bound in plan.bounds or ():
        if bound.value > value * (1 + _ROUNDING):
            text = f"bound '{bound.name}' on {bound.objective} is {bound.value:.9g}, above the value {value:.9g}"
            raise InvalidPlan(text, rule="bound-below-value")


def bound_proof(plan: Plan, again: Sequence[Bound]) -> None:
    """A recorded bound is at most the largest that the proof gives again."""
    best = max((b.value for b in again if b.objective == plan.objective.value), default=0.0)
    for bound in plan.bounds or ():
        if bound.value > best * (1 + _PROOF):
            text = f"bound '{bound.name}' on {bound.objective} is {bound.value:.9g}; proved again it is {best:.9g}"
            raise InvalidPlan(text, rule="bound-proof")


_Key = TypeVar("_Key", bound=Hashable)
_Row = TypeVar("_Row")


def _differences(
    recorded: Mapping[_Key, _Row], derived: Mapping[_Key, _Row]
) -> Iterator[tuple[_Key, _Row | None, _Row | None]]:
    """Keys where two tables differ, with what each says."""
    for key in dict.fromkeys((*derived, *recorded)):
        old, new = recorded.get(key), derived.get(key)
        if old != new:
            yield key, old, new


def _both(old: object, new: object) -> tuple[str, str]:
    return f"recorded: {_none(old)}", f"derived: {_none(new)}"


def _none(value: object) -> str:
    return "nothing" if value is None else str(value)
