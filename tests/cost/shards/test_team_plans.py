"""Whole plans on folded targets: they pass their check, and what they claim of teams cannot be changed unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from real_plans import edited, in_plan, run, unplaced

from mapper.cost.check import check
from mapper.cost.program import Spelling
from mapper.errors import InvalidPlan
from mapper.hw.layout import Layout
from mapper.hw.load import load_target
from mapper.hw.target import Team
from mapper.hw.teams import Arrangement, arranged
from mapper.ir.plan import Plan
from mapper.ir.serial import from_json, to_json


@cache
def on_teams(ranks: int, copies: int, place: str = "place-greedy") -> Plan:
    """A tiny decoder on eight GPUs that work in teams."""
    plan = unplaced("gpt2-tiny", "dgx-a100")
    target = arranged(load_target("dgx-a100"), Arrangement(ranks, copies))
    bare = Plan(target, plan.graph, plan.phases, objective=plan.objective)
    return run(bare, f"partition,options,{place},schedule{{effort=0}},memory,judge")


@pytest.mark.parametrize(("ranks", "copies"), [(2, 1), (2, 4), (4, 2), (1, 8)])
def test_a_plan_of_teams_passes_its_check_and_comes_back_from_text(ranks: int, copies: int) -> None:
    plan = on_teams(ranks, copies)
    check(plan)
    assert from_json(to_json(plan)) == plan


def test_several_ways_are_offered_and_each_exchange_takes_the_links_of_the_team() -> None:
    plan = on_teams(4, 2)
    assert {"copy", "column", "row", "context"} <= {o.shard for o in plan.options or ()}
    for program in Spelling(plan).programs():
        for activity in program.activities:
            if activity.kind == "exchange":
                (taken,) = activity.exclusive
                assert taken[0].endswith("exchange")
                assert dict(program.sets)[taken[0]] == 2


def test_residual_sums_stand_alone_where_ranks_divide_products() -> None:
    plan = on_teams(4, 2)
    for cluster in plan.clusters or ():
        kinds = [plan.graph.op[name].kind for name in cluster.ops]
        functions = [plan.graph.op[name].attr("fn") for name in cluster.ops]
        assert not ("matmul" in kinds and "add" in functions)


def a_way_that_no_option_has(plan: Plan) -> Plan:
    i = next(i for i, p in enumerate(plan.placement or ()) if p.shard)
    return in_plan(plan, "placement", i, shard="sideways")


def operands_taken_in_another_layout(plan: Plan) -> Plan:
    i = next(i for i, o in enumerate(plan.options or ()) if o.shard == "column")
    return in_plan(plan, "options", i, takes=Layout.TOKENS)


def results_left_in_another_layout(plan: Plan) -> Plan:
    i = next(i for i, o in enumerate(plan.options or ()) if o.shard == "row")
    return in_plan(plan, "options", i, leaves=Layout.COPY)


def an_option_by_a_way_that_is_none(plan: Plan) -> Plan:
    placed = {(plan.cluster[plan.task[p.task].cluster].repeat, p.shard) for p in plan.placement or ()}
    free = (i for i, o in enumerate(plan.options or ()) if o.shard and (o.repeat, o.shard) not in placed)
    return in_plan(plan, "options", next(free), shard="diagonal")


def members_that_are_not_there(plan: Plan) -> Plan:
    i, unit = next((i, u) for i, u in enumerate(plan.target.units) if u.ranks > 1)
    units = edited(plan.target.units, i, team=Team(("gpu8.gpu",) * unit.count, unit.ranks, unit.copies))
    return replace(plan, target=replace(plan.target, units=units))


BREACHES: dict[str, tuple[Callable[[Plan], Plan], ...]] = {
    "placement-options": (a_way_that_no_option_has,),
    "options-costs": (
        operands_taken_in_another_layout,
        results_left_in_another_layout,
        an_option_by_a_way_that_is_none,
    ),
    "target-teams": (members_that_are_not_there,),
}


@pytest.mark.parametrize(("rule", "breach"), [(r, b) for r, found in BREACHES.items() for b in found])
def test_a_false_claim_of_a_team_is_refused(rule: str, breach: Callable[[Plan], Plan]) -> None:
    with pytest.raises(InvalidPlan) as refused:
        check(breach(on_teams(4, 2)))
    assert refused.value.rule == rule


def test_a_plan_on_a_pool_is_no_plan_of_a_machine() -> None:
    bare = on_teams(1, 8)
    pool = arranged(load_target("dgx-a100"), Arrangement(), pooled=True)
    plan = run(
        Plan(pool, bare.graph, bare.phases, objective=bare.objective),
        "partition,options,place-greedy,schedule{effort=0},memory,judge",
    )
    with pytest.raises(InvalidPlan) as refused:
        check(plan)
    assert refused.value.rule == "target-pool"
