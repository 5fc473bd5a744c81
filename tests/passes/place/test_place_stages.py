"""A plan cut into a pipeline of stages, a stretch of the model for each unit."""

from itertools import groupby

import pytest
from tiny_machines import Abacus, Loom, layers, machine, prepared, sketch

from mapper.errors import Infeasible
from mapper.hw.target import Target
from mapper.ir.graph import Graph, Phase
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Effort
from mapper.solve import stages as st
from passes.place.cut import Pipeline, as_stages
from passes.place.stages import PlaceStages
from passes.place.translate import translate

QUICK = Context(effort=Effort.QUICK)


def cut(target: Target, graph: Graph) -> Pipeline:
    plan = prepared(target, graph)
    found = as_stages(plan, translate(plan))
    assert found is not None
    return found


def units_in_order(plan: Plan) -> list[str]:
    """The units that the clusters of a chain run on, each stretch once."""
    placement = PlaceStages().run(plan, QUICK).placement or ()
    return [unit for unit, _ in groupby(place.unit for place in placement)]


def test_alike_units_are_devices_of_one_class() -> None:
    slow, quick = Abacus(ticks_per_element=20), Abacus(ticks_per_element=5)
    classes = cut(machine(slow, quick, quick), layers(3)).problem.classes
    assert [device.count for device in classes] == [1, 2]


def test_a_node_takes_on_a_class_what_its_unit_is_busy() -> None:
    problem = cut(machine(Abacus(ticks_per_element=90_000), Abacus(ticks_per_element=30_000)), layers(2)).problem
    assert [node.times for node in problem.nodes] == [(90_000 * 32, 30_000 * 32)] * 2


def test_the_phases_of_a_cluster_add_up_by_their_calls() -> None:
    phases = (Phase("first", (), 1), Phase("again", (), 3))
    slow = Abacus(ticks_per_element=90_000)
    plan = prepared(machine(slow, slow), layers(2), phases)
    found = as_stages(plan, translate(plan))
    assert found is not None
    assert found.problem.nodes[0].times == (4 * 90_000 * 32,)


def test_a_unit_that_refuses_an_op_has_no_time_for_it() -> None:
    graph = sketch("a = matmul(x, w0)", "b = softmax(a)")
    problem = cut(machine(Abacus(), Abacus(refuses=("softmax",))), graph).problem
    assert [None in node.times for node in problem.nodes] == [False, True]


def test_weights_count_against_the_memory_of_a_units_own_arrays() -> None:
    plan = prepared(machine(Abacus(), Loom(), capacities=(1 << 20, 600)), layers(3))
    t = translate(plan)
    found = as_stages(plan, t)
    assert found is not None
    assert found.problem.nodes[0].size == 8 * 8 * 2
    assert found.problem.classes[1].memory == t.problem.capacities[1] < 600  # less what a value takes


def test_clusters_that_share_a_state_are_tied() -> None:
    graph = sketch("a = relu(p)", "b = matmul(a, w0)", "c = relu(b)", leaves=("c",), states=(("p", "c"),))
    plan = prepared(machine(Abacus(), Abacus()), graph, passes="partition{max-ops=1},options")
    found = as_stages(plan, translate(plan))
    assert found is not None
    tie = {name: node.tie for name, node in zip(found.clusters, found.problem.nodes, strict=True)}
    assert tie["a"] == tie["c"] is not None
    assert tie["b"] is None


@pytest.mark.parametrize("count", [2, 3])
def test_equal_layers_on_equal_units_are_cut_into_one_stretch_each(count: int) -> None:
    units = units_in_order(prepared(machine(*[Abacus()] * count, link=1e12), layers(2 * count)))
    assert len(units) == count == len(set(units))


def test_the_cut_is_the_one_that_the_solver_of_stages_proves_best() -> None:
    pipeline = cut(machine(Abacus(ticks_per_element=60_000), Abacus(ticks_per_element=30_000), link=1e12), layers(6))
    found = st.solve(pipeline.problem, QUICK.budget())
    assert found.value == found.bound
    assert found.solution is not None
    on_the_slow_unit = [pipeline.units[d] for d in found.solution.device].count("u0")
    assert on_the_slow_unit == 2


def test_a_model_without_ops_has_no_stages_and_an_empty_placement() -> None:
    plan = prepared(machine(Abacus()), layers(0))
    assert PlaceStages().run(plan, QUICK).placement == ()


def test_a_model_that_does_not_fit_is_told_why_with_numbers() -> None:
    plan = prepared(machine(Abacus(), Abacus(), capacities=(150, 150)), layers(4))
    with pytest.raises(
        Infeasible, match=r"place-stages finds no placement of .*: no device can take 'y0', which need 128 bytes"
    ) as caught:
        PlaceStages().run(plan, QUICK)
    assert caught.value.details == ("class 'u0' holds 118 bytes, 10 too few",)
