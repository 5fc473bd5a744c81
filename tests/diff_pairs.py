"""Pairs of finished plans that differ in one thing: what the tests of differences compare."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from real_plans import edited, finished, in_target, run, unplaced

from mapper.cost.estimate import Estimator
from mapper.cost.judge import Verdict, judge
from mapper.cost.residency import residency
from mapper.ir.plan import Plan
from mapper.report.diff.difference import Difference, difference
from passes.pipelines import FINISH


@cache
def judged(name: str) -> Verdict:
    """The verdict of a plan of gpt2-tiny: placed in some way on superhet, or the first one with one thing changed;
    or one of bert-tiny on eight GPUs, as copies of one or as eight chips."""
    plan = finished("gpt2-tiny", "superhet")
    match name:
        case "greedy":
            return judge(plan)
        case "heft" | "round-robin":
            return judge(finished("gpt2-tiny", "superhet", f"place-{name}"))
        case "swapped":
            return judge(with_places(plan, {"dsa0": "dsa1", "dsa1": "dsa0"}))
        case "slow link":
            slow = in_target(plan, "links", 0, bandwidth_bytes_per_s=plan.target.links[0].bandwidth_bytes_per_s / 4)
            return judge(again(slow))
        case "more calls":
            phases = edited(plan.phases, 1, calls=2 * plan.phases[1].calls)
            return judge(again(replace(plan, phases=phases)))
        case "other target":
            return judge(finished("gpt2-tiny", "edge-npu"))
        case "teams":
            return judge(run(unplaced("bert-tiny", "dgx-a100"), f"place-teams,{FINISH}"))
        case "chips":
            return judge(finished("bert-tiny", "dgx-a100"))
        case "batch":
            return judge(replace(plan, batch=4))
    raise KeyError(name)


@cache
def between(before: str, after: str) -> Difference:
    """The difference of two of these plans."""
    return difference(judged(before), judged(after))


def with_places(plan: Plan, units: dict[str, str]) -> Plan:
    """The plan finished anew with tasks on other units of their kind."""
    placement = tuple(replace(p, unit=units.get(p.unit, p.unit)) for p in plan.placement or ())
    moved = replace(plan, placement=placement)
    estimator = Estimator(plan.target, plan.graph, plan.phases, plan.precision)
    return again(replace(moved, residency=residency(moved, estimator)))


def again(plan: Plan) -> Plan:
    """The plan with a new schedule and memory map."""
    fresh = replace(plan, schedule=None, memory=None, inflight=None, figures=None)
    return run(fresh, FINISH.replace("schedule,", "schedule{effort=0},"))
