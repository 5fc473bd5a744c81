"""Answers are kept with the graph: estimators of many targets share them, and none gets those of another model."""

from __future__ import annotations

import pickle
from dataclasses import replace

from real_plans import finished, unplaced

from mapper.cost.asked import Typed, asked_of
from mapper.cost.estimate import Estimator
from mapper.cost.program import Spelling
from mapper.hw.what_if import changed
from mapper.ir.plan import Plan


def estimator(plan: Plan) -> Estimator:
    return Estimator(plan.target, plan.graph, plan.phases, plan.precision)


def test_estimators_of_one_graph_ask_once() -> None:
    plan = unplaced("gpt2-tiny", "edge-npu")
    one, other = estimator(plan), estimator(replace(plan, target=changed(plan.target, ["lpddr.bandwidth*=2"])))
    cluster = (plan.clusters or ())[0]
    assert one.works(cluster) is other.works(cluster)
    assert asked_of(plan.graph, plan.phases).works[cluster.ops] is one.works(cluster)


def test_a_changed_unit_is_asked_itself() -> None:
    plan = unplaced("gpt2-tiny", "edge-npu")
    moved = replace(plan, target=changed(plan.target, ["dsa.task_overhead_s*=2"]))
    fresh = pickle.loads(pickle.dumps(moved))
    cluster = next(c for c in plan.clusters or () if estimator(plan).refusal(c, plan.target.unit["dsa"]) is None)
    for known in (plan, moved):
        unit = known.target.unit["dsa"]
        costs = [o.costs for o in estimator(known).options(cluster, [unit], [p.name for p in plan.phases])]
        alone = replace(fresh, target=known.target)
        assert costs == [o.costs for o in estimator(alone).options(cluster, [unit], [p.name for p in plan.phases])]
    assert estimator(plan).options(cluster, [plan.target.unit["dsa"]], ["prefill"]) != estimator(moved).options(
        cluster, [moved.target.unit["dsa"]], ["prefill"]
    )


def test_another_precision_is_asked_anew() -> None:
    plan = unplaced("gpt2-tiny", "edge-npu")
    kinds = {u.name: u.model.activation_dtype() for u in plan.target.units}
    works = estimator(plan).works((plan.clusters or ())[0])[0][0]
    for name, dtype in kinds.items():
        found = replace(plan, precision=dtype)
        typed = estimator(found).typed(found.target.unit[name], works)
        again = estimator(pickle.loads(pickle.dumps(found))).typed(found.target.unit[name], works)
        assert typed == again
        assert isinstance(typed, Typed) or typed[1]


def test_what_is_found_of_a_graph_is_no_part_of_it() -> None:
    plan = unplaced("gpt2-tiny", "edge-npu")
    estimator(plan)
    assert plan.graph.derived
    copy = pickle.loads(pickle.dumps(plan.graph))
    assert copy == plan.graph
    assert "derived" not in copy.__dict__
    assert not replace(plan.graph, name="other").derived


def test_passes_that_follow_one_another_spell_a_plan_once() -> None:
    plan = finished("gpt2-tiny", "edge-npu")
    first = Spelling(plan).programs()
    assert Spelling(replace(plan, schedule=None, memory=None)).programs() is first


def test_a_plan_with_one_task_elsewhere_is_spelled_anew() -> None:
    plan = finished("gpt2-tiny", "edge-npu")
    first = Spelling(plan).programs()
    dear = replace(plan, target=changed(plan.target, ["lpddr.energy*=2"]))
    assert Spelling(dear).programs() != first
    assert Spelling(plan).programs() == first
