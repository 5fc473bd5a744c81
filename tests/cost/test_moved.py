from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from real_plans import finished

from mapper.cost.engines import POWER
from mapper.cost.estimate import Estimator
from mapper.cost.moved import At, Moved
from mapper.cost.program import Spelling
from mapper.cost.steady import loads_per_request
from mapper.cost.tiles import tiling
from mapper.ir.plan import Place, Plan


def spelled(plan: Plan, estimator: Estimator) -> tuple[dict[str, int], int, int]:
    """Loads, dynamic energy and ticks of all activities of one request, as the judge spells the plan."""
    programs, calls = Spelling(plan, estimator).programs(), [p.calls for p in plan.phases]
    pairs = [(n, a) for n, program in zip(calls, programs, strict=True) for a in program.activities]
    pj = sum(n * e for n, a in pairs for _, e in a.energy_pj)
    return loads_per_request(programs, calls), pj, sum(n * a.ticks for n, a in pairs)


def with_places(plan: Plan, places: dict[str, At]) -> Plan:
    """The plan with these tasks elsewhere."""
    found = []
    for place in plan.placement or ():
        if place.task in places:
            name, option = places[place.task]
            source = plan.target.unit[name].weights[option.source] if option.source >= 0 else ""
            place = Place(place.task, name, source, option.replicas, option.shard)
        found.append(place)
    return replace(plan, placement=tuple(found))


def in_tiles(plan: Plan, tiles: int, estimator: Estimator) -> Plan:
    """The plan with every second task that can go through its rows in tiles doing so."""
    found = []
    for i, place in enumerate(plan.placement or ()):
        task = plan.task[place.task]
        unit, phase = plan.target.unit[place.unit], plan.phase[task.phase]
        asked = (plan.cluster[task.cluster], unit, plan.chosen(task.name), phase, tiles)
        found.append(replace(place, tiles=tiles) if i % 2 and tiling(estimator, *asked) else place)
    return replace(plan, placement=tuple(found))


@pytest.mark.parametrize(
    ("model", "target", "tiles"),
    [
        pytest.param("gpt2-tiny", "edge-npu", 0, marks=pytest.mark.slow),
        pytest.param("bert-tiny", "edge-npu", 4, marks=pytest.mark.slow),
        ("bert-tiny", "superhet", 0),
        ("bert-tiny", "superhet", 4),
    ],
)
def test_a_move_changes_what_the_spelled_plan_says(model: str, target: str, tiles: int) -> None:
    plan = finished(model, target)
    estimator = Estimator(plan.target, plan.graph, plan.phases)
    plan = in_tiles(plan, tiles, estimator) if tiles else plan
    assert any(p.tiles for p in plan.placement or ()) == bool(tiles)
    moved, before = Moved(Spelling(plan, estimator)), spelled(plan, estimator)
    classes = dict.fromkeys((plan.cluster[t.cluster].repeat, t.phase) for t in plan.tasks or ())
    tried = 0
    for repeat, phase in classes:
        tasks = [t.name for t in plan.tasks or () if plan.cluster[t.cluster].repeat == repeat and t.phase == phase]
        for option in [o for o in plan.options_of[repeat] if o.serves(phase)][-2:]:
            places = {name: (option.units[i % len(option.units)], option) for i, name in enumerate(tasks)}
            found, after = moved.change(places), spelled(with_places(plan, places), estimator)
            loads = Counter(after[0])
            loads.subtract(before[0])
            for resource in loads.keys() | found.loads.keys():
                slack = 100 if resource == POWER else 0  # each activity's share is rounded up
                assert abs(loads[resource] - found.loads[resource]) <= slack, (repeat, phase, option.units, resource)
            assert found.is_known
            assert found.pj == after[1] - before[1]
            assert found.ticks == after[2] - before[2]
            tried += 1
    assert tried > 10


def test_a_move_past_an_operand_that_comes_late_is_not_known() -> None:
    plan = finished("bert-tiny", "superhet")
    reader = next(t for t in plan.tasks or () if t.name.endswith("MatMul_14"))
    late = plan.graph.op[plan.cluster[reader.cluster].ops[0]].inputs[0]
    maker = next(t for t in plan.tasks or () if late in plan.graph.op[plan.cluster[t.cluster].ops[-1]].outputs)
    placement = [replace(p, late=(late,)) if p.task == reader.name else p for p in plan.placement or ()]
    moved = Moved(Spelling(replace(plan, placement=tuple(placement))))
    for task in (reader, maker):
        assert not moved.change({task.name: (plan.place[task.name].unit, plan.chosen(task.name))}).is_known


def test_what_lies_there_already_needs_no_room() -> None:
    plan = finished("gpt2-tiny", "superhet")
    moved = Moved(Spelling(plan))
    weighty = next(p for p in plan.placement or () if p.weights.endswith("arrays"))
    option = plan.chosen(weighty.task)
    assert moved.missing_bytes({weighty.task: (weighty.unit, option)}) == {}
    other = next(name for name in option.units if name != weighty.unit)
    assert sum(moved.missing_bytes({weighty.task: (other, option)}).values()) >= option.footprint_bytes
