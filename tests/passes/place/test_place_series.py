"""Several searches for one answer: one time limit, one stop, and bounds over all that the placement may decide."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from real_plans import run
from test_place_pooled import farm
from tiny_machines import Abacus, layers, machine, prepared

from mapper.compiled import Series
from mapper.cost.judge import judge
from mapper.ir.goal import Objective
from mapper.ir.plan import Plan
from mapper.pareto import Axes, swept
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context, Effort
from passes.pipelines import FINISH
from passes.place.bounds import Bounds
from passes.place.folding.teams import PlaceTeams

QUICK = Context(effort=Effort.QUICK)
TEAMS = pipeline_of(f"place-teams,{FINISH}")


def bound(plan: Plan) -> float:
    (found,) = plan.bounds or ()
    return found.value


def test_a_bound_before_the_placement_holds_for_folded_plans_too() -> None:
    plan = prepared(farm(4, 100_000), layers(3))  # three layers, four chips: copies beat a chip for each layer
    value = judge(run(PlaceTeams().run(plan, QUICK), FINISH)).value(Objective.THROUGHPUT)
    assert bound(Series.of({"effort": "quick"}).bounded(plan, TEAMS)) <= value * (1 + 1e-9)
    assert bound(Bounds().run(plan, QUICK)) > value  # that of single chips does not


def test_where_nothing_is_folded_the_bound_is_that_of_single_units() -> None:
    plan = prepared(machine(Abacus(), Abacus(ticks_per_element=20)), layers(2))
    assert Series.of({"effort": "quick"}).bounded(plan, TEAMS).bounds == Bounds().run(plan, QUICK).bounds


def test_a_series_is_over_when_the_user_stops_it_or_its_time_has_passed() -> None:
    stop = threading.Event()
    assert not Series.of({"stop": stop}).over
    stop.set()
    assert Series.of({"stop": stop}).over
    late = Series.of({"effort": "quick", "time_limit": 1e-9})
    assert late.over
    plan = late.resume(prepared(machine(Abacus()), layers(1)), f"place-cpsat,{FINISH}").plan
    assert plan.figures is not None


@pytest.mark.parametrize("limit", [{"time_limit": 1e-9}, {"stop": True}])
def test_a_front_out_of_time_has_its_ends_and_is_not_closed(limit: dict[str, object]) -> None:
    if "stop" in limit:
        limit = {"stop": threading.Event()}
        limit["stop"].set()  # type: ignore[attr-defined]
    plan = prepared(machine(Abacus(ticks_per_element=50), Abacus(ticks_per_element=70)), layers(3))
    front = swept(plan, pipeline_of(f"place-cpsat,{FINISH}"), Axes(Objective.THROUGHPUT, Objective.LATENCY), 9, **limit)
    assert len(front.points) >= 1
    assert not front.closed


@pytest.mark.slow
def test_a_point_is_called_optimal_only_where_it_meets_its_own_bound() -> None:
    plan = prepared(machine(Abacus(ticks_per_element=50), Abacus(ticks_per_element=70)), layers(3))
    front = swept(
        replace(plan, limits=()),
        pipeline_of(f"place-cpsat,{FINISH}"),
        Axes(Objective.THROUGHPUT, Objective.LATENCY),
        9,
        effort="quick",
    )
    for point in front.points:
        assert point.row["status"] != "optimal" or point.row["gap"] <= 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1e300, float("inf")])
def test_a_limit_beyond_all_searches_is_as_good_as_none(seconds: float) -> None:
    plan = prepared(machine(Abacus(), Abacus(ticks_per_element=20)), layers(2))
    free, limited = Series.of({}), Series.of({"time_limit": seconds})
    assert limited.resume(plan, TEAMS).plan == free.resume(plan, TEAMS).plan
