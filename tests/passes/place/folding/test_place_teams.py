"""Placement on equal chips: the judged plan, its arrangement and its bound."""

from __future__ import annotations

from dataclasses import replace

import pytest
from real_plans import run, unplaced
from test_place_pooled import farm
from tiny_machines import Abacus, Loom, layers, machine, prepared

from mapper.cost.check import check
from mapper.cost.judge import judge
from mapper.errors import Infeasible
from mapper.hw.teams import arrangement_of
from mapper.ir.goal import Objective
from mapper.ir.plan import Bound, Plan
from mapper.ir.serial import to_json
from mapper.pipeline.pass_ import Context, Effort
from mapper.report.arrangement import arrangement_words
from passes.pipelines import FINISH
from passes.place.folding.bounds_of_teams import BoundsOfTeamsBySearch, sharpened
from passes.place.folding.grouping import with_blocks
from passes.place.folding.pooled import Pooled, ways_of
from passes.place.folding.teams import PlaceTeams, _Folding
from passes.place.solver import PlaceCpSat

QUICK = Context(effort=Effort.QUICK)


def placed(plan: Plan) -> Plan:
    """The plan on folded chips, finished."""
    return run(PlaceTeams().run(plan, QUICK), FINISH)


@pytest.mark.parametrize("objective", [Objective.THROUGHPUT, Objective.LATENCY, Objective.ENERGY])
def test_the_plan_keeps_every_rule_and_its_bound(objective: Objective) -> None:
    found = placed(replace(prepared(farm(4, 10_000), layers(6)), objective=objective))
    (bound,) = found.bounds or ()
    assert bound.value <= check(found).value(objective) * (1 + 1e-9)
    assert bound.value > 0


def test_requests_are_served_by_copies_where_each_chip_holds_the_model() -> None:
    found = placed(prepared(farm(4, 100_000), layers(3)))
    (bound,) = found.bounds or ()
    assert judge(found).value(Objective.THROUGHPUT) == pytest.approx(bound.value, rel=0.02)
    assert arrangement_of(found.target).copies > 1


def test_where_much_is_left_to_be_won_every_number_of_copies_is_tried() -> None:
    # weights in arrays: each number of copies is a pool of its own
    found = placed(prepared(machine(*[Loom(ticks_per_element=1000)] * 6, capacities=[100_000] * 6), layers(2)))
    (bound,) = found.bounds or ()
    assert judge(found).value(Objective.THROUGHPUT) == pytest.approx(bound.value, rel=0.02)
    assert arrangement_of(found.target).copies == 6


def test_equal_chips_that_get_no_task_are_no_trouble() -> None:
    # the host alone can run the model
    chips = [Abacus(ticks_per_element=10_000, refuses=("matmul",))] * 4
    found = placed(prepared(machine(*chips, Abacus(ticks_per_element=1000), capacities=[1 << 20] * 5), layers(3)))
    assert {place.unit for place in found.placement or ()} == {"u4"}


def test_the_bound_of_a_folded_plan_is_proved_again_from_the_target_that_was_folded() -> None:
    found = placed(prepared(farm(4, 100_000), layers(3)))
    (recorded,), (again,) = found.bounds or (), BoundsOfTeamsBySearch().run(found, QUICK).bounds or ()
    assert again.value >= recorded.value * (1 - 1e-6)


def test_a_bound_of_a_folded_plan_leaves_its_tasks_where_they_are() -> None:
    found = placed(prepared(farm(4, 100_000), layers(3)))
    for proof in ("bounds-of-teams", "bounds-of-teams-by-search"):
        bounded = run(found, proof)
        assert bounded.bounds
        assert (bounded.target, bounded.options, bounded.placement) == (found.target, found.options, found.placement)


@pytest.mark.parametrize(("room", "fits"), [(1 << 20, True), (280, False)])
def test_a_search_that_ends_without_a_placement_proves_nothing_unless_memories_are_too_small(
    monkeypatch: pytest.MonkeyPatch, room: int, fits: bool
) -> None:
    def nothing(*_: object) -> None:
        raise Infeasible("none was found")

    monkeypatch.setattr("passes.place.folding.bounds_of_teams.searched", nothing)
    pool = Pooled.of(prepared(farm(2, room=room), layers(5)), 1, QUICK)  # 128 bytes a weight
    bound = Bound("throughput", 1.0, "of before")
    assert (sharpened(pool, bound, QUICK) == bound) is fits


def test_one_unit_of_a_kind_is_left_to_the_other_search() -> None:
    plan = prepared(machine(Abacus(), Abacus(ticks_per_element=20)), layers(1))
    assert PlaceTeams().run(plan, QUICK) == PlaceCpSat().run(plan, QUICK)


def test_two_runs_give_equal_plans() -> None:
    plan = prepared(farm(3), layers(4))
    assert to_json(PlaceTeams().run(plan, QUICK)) == to_json(PlaceTeams().run(plan, QUICK))


def test_the_arrangement_is_told_in_the_words_of_the_field() -> None:
    found = placed(prepared(farm(4, 100_000), layers(3)))
    assert arrangement_words(farm(4)) == ""
    assert arrangement_words(found.target) == "1 rank x 4 copies x 1 stage of kind0 (TP 1, DP 4, PP 1)"


@pytest.mark.slow
def test_on_small_models_a_latency_is_not_worse_than_that_of_one_chip() -> None:
    plan = replace(unplaced("bert-tiny", "dgx-a100"), objective=Objective.LATENCY)
    alone = judge(run(plan, f"place-one-unit,{FINISH}")).value(Objective.LATENCY)
    assert judge(placed(plan)).value(Objective.LATENCY) <= alone * (1 + 1e-9)


def test_where_no_arrangement_gives_a_plan_a_baseline_on_single_chips_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(folding: object, pool: object, bound: Bound) -> Bound:
        return bound

    monkeypatch.setattr("passes.place.folding.teams._Folding._solved", nothing)
    found = placed(prepared(farm(3, 10_000), layers(4)))
    assert found.search is not None
    assert found.search.method.startswith("place-")
    (bound,) = found.bounds or ()
    assert bound.value <= check(found).value(Objective.THROUGHPUT) * (1 + 1e-9)


def test_where_requests_wait_for_one_another_all_on_one_kind_of_chip_is_judged_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # what the search finds is no plan, though its loads promise much: memories have room for few requests at once
    monkeypatch.setattr("passes.place.folding.teams._Folding._dealt", lambda *_: 1e-12)
    monkeypatch.setattr("passes.place.folding.teams._Folding._judge_single_chips", lambda _: None)
    found = placed(prepared(farm(4, 10_000), layers(6)))
    assert found.search is not None
    assert found.search.method.startswith("stages of place-one-unit")


def test_all_on_one_kind_of_chip_is_left_alone_where_its_loads_are_worse_than_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged = []
    monkeypatch.setattr("passes.place.folding.teams._Folding._judge", lambda _, c: judged.append(c.by) or False)
    plan = prepared(farm(4, 10_000), layers(6))
    folding = _Folding(with_blocks(plan), ways_of(plan.target), QUICK, 2)
    pool = Pooled.of(folding.plan, 1, QUICK)
    folding.least = (0.0, 1e-12)
    folding._judge_quick_ones(pool, Bound("throughput", 0.0, "none"))
    assert judged == []
    folding.least = (0.0, 1.0)
    folding._judge_quick_ones(pool, Bound("throughput", 0.0, "none"))
    assert set(judged) == {"place-one-unit"}
