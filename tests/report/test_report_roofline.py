"""Rooflines: every task is on one, none above its roofs, and times are those of the judge."""

from __future__ import annotations

import pytest
from real_plans import finished

from mapper.cost.judge import Verdict, judge
from mapper.hw.work import TICKS_PER_SECOND
from mapper.report.roofline import Roofline, rooflines


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return judge(finished())


@pytest.fixture(scope="module")
def roofs(verdict: Verdict) -> tuple[Roofline, ...]:
    return rooflines(verdict)


def test_the_points_of_a_unit_take_the_time_of_its_tasks(verdict: Verdict, roofs: tuple[Roofline, ...]) -> None:
    ticks: dict[str, int] = {}
    for phase, program in zip(verdict.plan.phases, verdict.programs, strict=True):
        for a in program.activities:
            if a.task:
                ticks[a.where] = ticks.get(a.where, 0) + phase.calls * a.ticks
    found = {r.unit: sum(p.runs * p.seconds for p in r.points) for r in roofs}
    assert found == pytest.approx({unit: n / TICKS_PER_SECOND for unit, n in ticks.items()})


def test_every_task_is_in_a_point(verdict: Verdict, roofs: tuple[Roofline, ...]) -> None:
    plan = verdict.plan
    runs = sum(plan.phase[t.phase].calls for t in plan.tasks or ())
    assert sum(p.runs for r in roofs for p in r.points) == runs


def test_nothing_reaches_more_than_the_peak_of_its_type(roofs: tuple[Roofline, ...]) -> None:
    for roof in roofs:
        for point in roof.points:
            assert point.ops_per_s <= max(roof.peaks.values()) * 1.001


def test_nothing_moves_more_than_its_memories_can_give(roofs: tuple[Roofline, ...]) -> None:
    for roof in roofs:
        for point in roof.points:
            assert point.bytes <= point.seconds * sum(roof.bandwidths.values()) * 1.001


def test_the_ops_of_a_point_are_those_of_its_cluster(verdict: Verdict, roofs: tuple[Roofline, ...]) -> None:
    plan = verdict.plan
    point = next(p for r in roofs for p in r.points if p.what == "matmul" and p.phase == "decode")
    ops = [plan.graph.op[name] for name in plan.cluster[point.cluster].ops]
    weights = [plan.graph.value[n].shape for op in ops for n in op.inputs if n and op.kind == "matmul"]
    rows, columns = next(shape for shape in weights if len(shape) == 2)
    assert isinstance(rows, int)
    assert isinstance(columns, int)
    assert point.ops >= 2 * rows * columns


def test_weights_in_arrays_do_not_count_as_moving() -> None:
    resident = [r for r in rooflines(judge(finished("gpt2-tiny", "rram-cim"))) if r.resident]
    assert resident
    assert not any("arrays" in memory for roof in resident for memory in roof.bandwidths)
