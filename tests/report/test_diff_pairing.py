"""Which part of one plan stands for which of another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from diff_pairs import between, judged
from real_plans import finished

from mapper.errors import MapperError
from mapper.ir.graph import Graph
from mapper.ir.plan import Plan
from mapper.report.diff.difference import difference
from mapper.report.diff.machines import paired
from mapper.report.diff.pairing import pair
from mapper.report.diff.words import standing


def test_equal_units_that_do_each_others_work_are_renamed() -> None:
    found = between("greedy", "swapped")
    assert set(found.renamed) == {("dsa0", "dsa1"), ("dsa1", "dsa0")}
    assert not found.moved
    assert standing(found)[0].startswith("the same placement up to renaming of equal units: dsa0 -> dsa1")


def test_a_renamed_unit_is_compared_with_the_one_that_does_its_work() -> None:
    busy = between("greedy", "swapped").figure["unit.dsa1.busy"]
    before = difference(judged("greedy"), judged("greedy")).figure["unit.dsa0.busy"]
    assert busy.before == before.before


def test_units_keep_their_names_unless_another_does_clearly_more_of_the_same() -> None:
    target = judged("greedy").plan.target
    nearly = {("dsa0", "dsa0"): 100, ("dsa0", "dsa1"): 105, ("dsa1", "dsa0"): 105, ("dsa1", "dsa1"): 100}
    assert paired(target, target, nearly).renamed == ()
    clearly = {key: n if key[0] == key[1] else 9 * n for key, n in nearly.items()}
    assert paired(target, target, clearly).renamed == (("dsa0", "dsa1"), ("dsa1", "dsa0"))


def test_memories_inside_units_and_links_follow_their_units() -> None:
    target = judged("greedy").plan.target
    found = paired(target, target, {("cim0", "cim1"): 9, ("cim1", "cim0"): 9})
    assert found.memories["cim0.arrays"] == "cim1.arrays"
    assert found.resource("cim0.buffer") == "cim1.buffer"
    assert found.name("cim0.buffer > hbm") == "cim1.buffer > hbm"
    assert found.links["d2d.cim0-cim1"] == "d2d.cim0-cim1"
    assert found.resource("d2d.cim0-cim1:cim0>cim1") == "d2d.cim0-cim1:cim1>cim0"


def test_units_of_another_target_are_paired_by_kind_or_name_only() -> None:
    found = between("greedy", "other target")
    before, after = found.before.plan.target, found.after.plan.target
    for a, b in found.pairing.machines.units.items():
        assert before.unit[a].kind == after.unit[b].kind or a == b


def renamed(plan: Plan) -> Plan:
    """The plan with other names for all ops, and so for the clusters, as another exporter would give them."""
    ops = {op.name: f"node{i}" for i, op in enumerate(plan.graph.ops)}
    graph = Graph(
        "other",
        tuple(replace(op, name=ops[op.name], origin=()) for op in plan.graph.ops),
        plan.graph.values,
        plan.graph.states,
    )
    names = {c.name: ops[c.ops[0]] for c in plan.clusters or ()}
    phases = {p.name for p in plan.phases}
    tasks = {t.name: f"{t.phase}/{names[t.cluster]}" for t in plan.tasks or ()}
    assert phases
    return replace(
        plan,
        graph=graph,
        clusters=tuple(replace(c, name=names[c.name], ops=tuple(ops[o] for o in c.ops)) for c in plan.clusters or ()),
        blocks=(),
        tasks=tuple(replace(t, name=tasks[t.name], cluster=names[t.cluster]) for t in plan.tasks or ()),
        placement=tuple(replace(p, task=tasks[p.task]) for p in plan.placement or ()),
        source=(),
    )


def test_ops_of_other_names_are_paired_by_what_they_compute() -> None:
    plan = finished("gpt2-tiny", "superhet")
    found = pair(plan, renamed(plan))
    assert found.by_class == len(found.groups) == len(plan.clusters or ())
    assert all(group.is_pair for group in found.groups)


def test_clusters_divided_otherwise_are_one_group() -> None:
    plan = finished("gpt2-tiny", "superhet")
    clusters = list(plan.clusters or ())
    k = next(i for i, c in enumerate(clusters) if len(c.ops) > 1)
    first = replace(clusters[k], ops=clusters[k].ops[:1])
    second = replace(clusters[k], name=clusters[k].ops[1], ops=clusters[k].ops[1:])
    split = replace(plan, clusters=(*clusters[:k], first, second, *clusters[k + 1 :]))
    found = pair(plan, split)
    group = found.groups[found.of_before[clusters[k].name]]
    assert group.after == (first.name, second.name)
    assert not group.is_pair


def test_plans_with_nothing_in_common_are_refused() -> None:
    plan = judged("greedy").plan
    other = replace(plan, clusters=(), tasks=(), placement=())
    with pytest.raises(MapperError, match="have no op in common"):
        pair(plan, other)


def test_plans_without_a_common_phase_are_refused_with_both_lists() -> None:
    plan = judged("greedy").plan
    phases = tuple(replace(p, name=f"other {p.name}") for p in plan.phases)
    with pytest.raises(MapperError, match="no phase in common"):
        pair(plan, replace(plan, phases=phases))


def test_an_unfinished_plan_is_refused() -> None:
    verdict = judged("greedy")
    with pytest.raises(MapperError, match="not finished"):
        difference(verdict, replace(verdict, plan=replace(verdict.plan, figures=None)))


def test_ops_of_other_kinds_are_paired_by_the_nodes_of_the_file_that_they_stand_for() -> None:
    plan = finished("gpt2-tiny", "superhet")
    op = next(o for o in plan.graph.ops if o.kind == "norm" and o.origin)
    other = replace(op, name="fused otherwise", kind="opaque")
    swap = {op.name: other}
    graph = replace(plan.graph, ops=tuple(swap.get(o.name, o) for o in plan.graph.ops))
    clusters = tuple(
        replace(c, ops=tuple("fused otherwise" if o == op.name else o for o in c.ops)) for c in plan.clusters or ()
    )
    found = pair(plan, replace(plan, graph=graph, clusters=clusters))
    assert all(group.is_pair for group in found.groups)
    unknown = replace(graph, name="another model")
    assert not all(group.is_pair for group in pair(plan, replace(plan, graph=unknown, clusters=clusters)).groups)


def test_ops_that_share_nodes_within_a_plan_are_not_joined_by_them() -> None:
    plan = finished("gpt2-tiny", "superhet")
    graph = replace(plan.graph, ops=tuple(replace(o, origin=("one node of all",)) for o in plan.graph.ops))
    plan = replace(plan, graph=graph)
    assert all(group.is_pair for group in pair(plan, plan).groups)


def test_ops_that_only_one_plan_has_stay_alone() -> None:
    plan = finished("gpt2-tiny", "superhet")
    last = (plan.clusters or ())[-1]
    found = pair(plan, replace(plan, clusters=(plan.clusters or ())[:-1]))
    assert found.groups[found.of_before[last.name]].after == ()
    assert sum(group.is_pair for group in found.groups) == len(plan.clusters or ()) - 1
