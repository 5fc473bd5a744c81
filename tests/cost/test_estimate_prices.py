"""Prices: number types, precision, samples, sources of weights and copies."""

from __future__ import annotations

from dataclasses import replace

from cost_builders import F16, F32, I8, Arrays, Clockwork, chain, growing_sum, machine, product

from mapper.cost.asked import Typed
from mapper.cost.estimate import Estimator
from mapper.cost.offers import alike_units, offers
from mapper.hw.target import Target
from mapper.hw.work import Cost, DType, Feed, Role, Work
from mapper.ir.graph import Graph, Op, Phase
from mapper.ir.plan import Cluster, Option

MM = Cluster("mm", ("mm",), "mm")
C0 = Cluster("c", ("op0",), "c")


def estimator(target: Target, graph: Graph, *phases: Phase, precision: DType | None = None) -> Estimator:
    return Estimator(target, graph, phases or (Phase("run", (), 1),), precision)


def typed(model: Clockwork, graph: Graph, precision: DType | None = None) -> Work:
    prices = estimator(machine(model), graph, precision=precision)
    found = prices.typed(prices.target.units[0], prices.works(MM)[0][0])
    assert isinstance(found, Typed)
    return found.works[0]


def ways(prices: Estimator, cluster: Cluster) -> tuple[Option, ...]:
    return prices.options(cluster, prices.target.units, [p.name for p in prices.phases])


def only(options: tuple[Option, ...]) -> Option:
    (option,) = options
    return option


def test_a_product_runs_in_the_units_own_type_and_leaves_its_activations() -> None:
    work = typed(Clockwork(computes=(I8,), leaves=F16), product(F32))
    assert work.dtype is I8
    assert {o.role: o.dtype for o in work.inputs} == {Role.ACTIVATION: F16, Role.WEIGHT: I8}
    assert work.outputs[0].dtype is F16


def test_precision_overrides_the_units_choice() -> None:
    assert typed(Clockwork(computes=(F16, F32)), product(F32), precision=F32).dtype is F32


def test_a_unit_without_the_wanted_precision_refuses() -> None:
    prices = estimator(machine(Clockwork(computes=(F16,))), product(), precision=F32)
    refusal = prices.refusal(MM, prices.target.units[0])
    assert refusal is not None
    assert (refusal.op, refusal.reason) == ("mm", "no f32 arithmetic for matmul")


def test_quantised_weights_stay_as_narrow_as_they_are() -> None:
    work = typed(Clockwork(computes=(F16,)), product(F32, weight=DType.I4))
    assert work.weight is not None
    assert work.weight.dtype is DType.I4


def test_constants_of_elementwise_ops_are_stored_like_activations() -> None:
    graph = product(F32)
    ops = (Op("mm", "elementwise", ("x", "x"), ("y",), (("fn", "add"),)),)
    work = typed(Clockwork(computes=(I8,), leaves=F32), Graph("g", ops, graph.values))
    assert {o.dtype for o in work.inputs} == {F32}


def test_the_cost_of_a_phase_is_the_mean_over_its_samples() -> None:
    phase = Phase("run", (), 4, (("n", (10, 20, 60)),), (0.25, 0.5, 0.25))
    prices = estimator(machine(Clockwork(ticks_per_element=10)), chain(1, "n"), phase)
    option = only(ways(prices, C0))
    assert option.cost("run").ticks == 275
    assert option.cost("run").data_bytes == round(27.5 * 2 * 2)
    assert option.cost("run").energy_pj == (("compute", 7),)


def test_the_cost_of_a_cluster_is_the_sum_of_its_ops() -> None:
    prices = estimator(machine(Clockwork(ticks_per_element=10)), chain(2, 8))
    both = only(ways(prices, Cluster("c", ("op0", "op1"), "c")))
    one = only(ways(prices, C0))
    assert one.cost("run").ticks == 80
    assert both.cost("run").ticks == 80, "v1 stays inside, so that op0 leaves nothing"


def test_what_leaves_a_cluster_is_not_inside_it() -> None:
    prices = estimator(machine(Clockwork()), chain(3))
    assert prices.inside(Cluster("c", ("op0", "op1"), "c")) == {"v1"}
    assert prices.inside(Cluster("c", ("op2",), "c")) == set(), "an output leaves the graph"


def test_weights_are_streamed_unless_they_sit_in_the_units_arrays() -> None:
    streamed = estimator(machine(Clockwork()), product())
    option = only(ways(streamed, MM))
    assert (option.source, option.cost("run").weight_bytes) == (0, 8 * 16 * 2)
    resident = estimator(machine(Arrays()), product())
    option = only(ways(resident, MM))
    assert resident.is_resident(resident.target.units[0], option.source)
    assert option.cost("run").weight_bytes == 0


def test_copies_are_offered_only_for_weights_in_arrays() -> None:
    streamed = estimator(machine(Clockwork(copies=4)), product())
    assert [o.replicas for o in ways(streamed, MM)] == [1]
    resident = estimator(machine(Arrays(copies=5)), product())
    found = ways(resident, MM)
    assert [(o.replicas, o.cost("run").ticks) for o in found] == [(1, 640), (2, 320), (4, 160)]


def test_a_cluster_without_weights_takes_them_from_nowhere() -> None:
    prices = estimator(machine(Arrays(copies=4)), chain(1))
    assert [(o.source, o.replicas) for o in ways(prices, C0)] == [(-1, 1)]


def test_a_question_is_asked_once() -> None:
    asked: list[Work] = []

    class Counting(Clockwork):
        def cost(self, work: Work, feed: Feed) -> Cost:
            asked.append(work)
            return super().cost(work, feed)

    prices = estimator(machine(Counting()), chain(5))
    for i in range(5):
        ways(prices, Cluster(f"c{i}", (f"op{i}",), "c"))
    assert len(asked) == 1


def test_a_state_is_read_whole_and_written_new() -> None:
    graph = growing_sum()
    values = tuple(v if v.name != "y" else replace(v, shape=("total",)) for v in graph.values)
    grown = Graph("g", graph.ops, values, graph.states)
    prices = estimator(machine(Clockwork()), grown, Phase("run", (), 1, (("seq", (5,)), ("total", (6,)))))
    ((work,),) = prices.works(Cluster("c", ("sum",), "c"))[0]
    assert [o.elements for o in work.outputs] == [1]


def test_a_unit_may_serve_some_phases_only() -> None:
    """32 values of 4 bytes are read and left in the long phase, 8 in the short one; the memory holds 64 bytes."""
    target = machine(Clockwork(leaves=F32), Clockwork(leaves=F32))
    memories = (target.memories[0], replace(target.memories[1], capacity_bytes=64))
    phases = (Phase("long", (), 1, (("n", (32,)),)), Phase("short", (), 1, (("n", (8,)),)))
    found = offers(estimator(replace(target, memories=memories), chain(1, "n"), *phases), C0)
    assert [(o.units, [p for p, _ in o.costs]) for o in found.options] == [
        (("u0",), ["long", "short"]),
        (("u1",), ["short"]),
    ]
    assert [(r.unit_kind, r.phase) for r in found.refusals] == [("kind of u1", "long")]


def test_units_are_offered_together_only_when_they_answer_alike() -> None:
    target = machine(Clockwork(), Clockwork(), Clockwork(ticks_per_element=20))
    same = tuple(replace(u, kind="kind") for u in target.units[:2])
    target = machine(Clockwork(), Clockwork(), Clockwork(ticks_per_element=20), units=(*same, target.units[2]))
    assert [[u.name for u in units] for units in alike_units(target)] == [["u0", "u1"], ["u2"]]


def test_units_with_data_memories_of_different_size_do_not_answer_alike() -> None:
    target = machine(Clockwork(), Clockwork())
    units = tuple(replace(u, kind="kind") for u in target.units)
    small = replace(target.memories[1], capacity_bytes=16)
    target = machine(Clockwork(), Clockwork(), units=units, memories=(target.memories[0], small))
    found = offers(estimator(target, chain(1, 8)), C0)
    assert [o.units for o in found.options] == [("u0",)]
    assert [r.reason for r in found.refusals] == ["reads and leaves 0.0 MB, memory u1.mem has 0.0 MB"]
