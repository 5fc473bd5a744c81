"""The front: no point beats another, every one keeps its limit, and small fronts are whole."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from tiny_machines import Abacus, Loom, layers, machine, prepared, sketch

from mapper.cost.check import check
from mapper.errors import UsageError
from mapper.ir.goal import Objective, Quantity
from mapper.pareto import Axes, Front, parse_axes, swept
from mapper.pipeline.named import pipeline_of
from mapper.solve.placement import problem as pb
from passes.pipelines import FINISH
from passes.place.translate import translate

AXES = Axes(Objective.THROUGHPUT, Objective.LATENCY)


@cache
def front(points: int = 9, axes: Axes = AXES) -> Front:
    plan = prepared(machine(Abacus(ticks_per_element=50), Abacus(ticks_per_element=70)), layers(3))
    return swept(replace(plan, limits=axes.limits), pipeline_of(f"place-cpsat,{FINISH}"), axes, points, effort="quick")


@pytest.mark.slow
def test_no_point_beats_another_and_each_keeps_its_limit() -> None:
    found = front()
    rows = [(p.value(Objective.THROUGHPUT), p.value(Objective.LATENCY)) for p in found.points]
    assert len(rows) >= 2
    for (a, b), (c, d) in itertools.pairwise(rows):
        assert a < c
        assert b > d
    for point in found.points:
        check(point.made.plan)
        assert point.bound is not None
        assert point.bound <= point.value(Objective.THROUGHPUT) * (1 + 1e-9)


@pytest.mark.slow
def test_the_ends_are_the_best_of_each_objective() -> None:
    found = front()
    plan = found.points[0].made.plan
    problem = translate(replace(plan, limits=())).problem
    choices = itertools.product(*(range(len(item.options)) for item in problem.items))
    totals = [pb.totals(problem, pb.Solution(choice)) for choice in choices]
    assert found.points[0].value(Objective.THROUGHPUT) >= min(t.interval for t in totals) / 1e12
    assert found.points[-1].value(Objective.LATENCY) <= min(t.latency for t in totals) / 1e12 * (1 + 1e-9)


def test_a_front_of_few_points_says_that_it_is_not_closed() -> None:
    few = front(points=2)
    assert len(few.points) == 2
    assert front().closed
    assert not few.closed


@pytest.mark.slow
def test_the_same_question_gives_the_same_front() -> None:
    assert json.dumps(front().data) == json.dumps(front.__wrapped__().data)


@pytest.mark.slow
def test_only_points_whose_goal_counts_no_time_go_in_tiles() -> None:
    target = machine(Abacus(ticks_per_element=50_000), Loom(), capacities=(1 << 20, 128 + 1100))
    plan = prepared(target, sketch("y = matmul(x, w)", shape=(64, 8)), passes="partition-ops,options")
    assert [r.unit_kind for r in plan.refusals or ()] == []
    found = swept(plan, pipeline_of(f"place-cpsat,{FINISH}"), AXES, 3, effort="quick")
    points = [p.made.plan for p in found.points]
    assert [any(place.tiles for place in point.placement or ()) for point in points] == [
        not point.goal.counts_time for point in points
    ]
    assert points[0].place["run/y"].tiles == 4
    for point in points:
        check(replace(point, blocks=()))


def test_a_front_is_written_with_a_folder_for_each_point(tmp_path: Path) -> None:
    found = front()
    found.save(tmp_path)
    rows = json.loads((tmp_path / "pareto.json").read_text())["points"]
    assert [row["plan"] for row in rows] == [f"point-{k}" for k in range(1, len(rows) + 1)]
    for row in rows:
        assert (tmp_path / row["plan"] / "plan.json").is_file()
        assert row["throughput"] <= row["bound"] * (1 + 1e-9)


def test_axes_are_read_with_their_limits() -> None:
    axes = parse_axes("latency, edp subject to power<=5")
    assert (axes.best, axes.swept) == (Objective.EDP, Objective.LATENCY)
    assert [x.quantity for x in axes.limits] == [Quantity.POWER]
    with pytest.raises(UsageError):
        parse_axes("latency")
