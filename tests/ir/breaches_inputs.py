"""Plans that break one rule about the target, the graph or the phases each; the function's name says how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from real_plans import edited, in_graph, in_plan, in_target

from mapper.hw.load import load_target
from mapper.hw.target import Team
from mapper.hw.teams import Arrangement, arranged
from mapper.hw.work import DType, Role
from mapper.ir.graph import Op, State
from mapper.ir.plan import Plan

Breach = Callable[[Plan], Plan]


def two_units_of_one_name(plan: Plan) -> Plan:
    return in_target(plan, "units", 1, name=plan.target.units[0].name)


def a_link_named_like_a_memory(plan: Plan) -> Plan:
    return in_target(plan, "links", 0, name=plan.target.memories[0].name)


def a_unit_without_a_name(plan: Plan) -> Plan:
    return in_target(plan, "units", 0, name="")


def a_memory_of_negative_capacity(plan: Plan) -> Plan:
    return in_target(plan, "memories", 0, capacity_bytes=-1)


def a_memory_without_bandwidth(plan: Plan) -> Plan:
    return in_target(plan, "memories", 0, bandwidth_bytes_per_s=0.0)


def a_memory_that_gives_energy(plan: Plan) -> Plan:
    return in_target(plan, "memories", 0, energy_pj_per_bit=-0.5)


def a_memory_aligned_to_nothing(plan: Plan) -> Plan:
    return in_target(plan, "memories", 0, alignment_bytes=0)


def a_memory_that_serves_a_stranger(plan: Plan) -> Plan:
    return in_target(plan, "memories", 0, serves=("stranger",))


def a_memory_that_serves_nobody(plan: Plan) -> Plan:
    return in_target(plan, "memories", 0, serves=())


def a_memory_inside_a_unit_that_it_does_not_serve(plan: Plan) -> Plan:
    i = next(i for i, m in enumerate(plan.target.memories) if m.unit)
    other = next(u.name for u in plan.target.units if u.name != plan.target.memories[i].unit)
    return in_target(plan, "memories", i, unit=other)


def a_target_without_units(plan: Plan) -> Plan:
    memories = tuple(replace(m, serves=("",), unit="") for m in plan.target.memories)
    return (
        replace(plan, target=replace(plan.target, units=(), memories=(), links=()), graph=plan.graph)
        if memories
        else plan
    )


def data_in_a_memory_that_does_not_exist(plan: Plan) -> Plan:
    return in_target(plan, "units", 0, data="nowhere")


def data_in_a_memory_of_another_unit(plan: Plan) -> Plan:
    unit = plan.target.units[0]
    foreign = next(m.name for m in plan.target.memories if unit.name not in m.serves)
    return in_target(plan, "units", 0, data=foreign)


def weights_in_a_memory_that_holds_none(plan: Plan) -> Plan:
    name = plan.target.units[0].weights[0]
    i = [m.name for m in plan.target.memories].index(name)
    return in_target(plan, "memories", i, holds=("activations", "state"))


def weights_from_one_memory_twice(plan: Plan) -> Plan:
    return in_target(plan, "units", 0, weights=plan.target.units[0].weights[:1] * 2)


def a_unit_that_idles_on_negative_power(plan: Plan) -> Plan:
    model = plan.target.units[0].model
    return in_target(plan, "units", 0, model=model.model_copy(update={"idle_power_w": -1.0}))


def units_of_one_kind_that_differ(plan: Plan) -> Plan:
    return in_target(plan, "units", 1, kind=plan.target.units[0].kind)


def a_link_to_nowhere(plan: Plan) -> Plan:
    return in_target(plan, "links", 0, a="nowhere")


def a_link_to_itself(plan: Plan) -> Plan:
    return in_target(plan, "links", 0, a=plan.target.links[0].b)


def a_link_without_bandwidth(plan: Plan) -> Plan:
    return in_target(plan, "links", 0, bandwidth_bytes_per_s=0.0)


def a_link_faster_than_time(plan: Plan) -> Plan:
    return in_target(plan, "links", 0, latency_s=-1e-9)


def a_team_of_no_machine(plan: Plan) -> Plan:
    return in_target(plan, "units", 0, team=Team((plan.target.units[0].name, "another"), ranks=2))


def a_team_whose_machine_has_no_such_chips(plan: Plan) -> Plan:
    return replace(plan, target=replace(a_team_of_no_machine(plan).target, group=plan.target))


def a_team_with_more_memory_than_its_members(plan: Plan) -> Plan:
    team = arranged(load_target("hgx-a100-4"), Arrangement(4, 1))
    more = replace(team.memories[0], capacity_bytes=2 * team.memories[0].capacity_bytes)
    return replace(plan, target=replace(team, memories=(more, *team.memories[1:])))


def inputs_in_no_memory(plan: Plan) -> Plan:
    return replace(plan, target=replace(plan.target, io="nowhere"))


def inputs_in_a_memory_for_weights(plan: Plan) -> Plan:
    i = next(i for i, m in enumerate(plan.target.memories) if "activations" not in m.holds)
    return replace(plan, target=replace(plan.target, io=plan.target.memories[i].name))


def a_unit_that_nothing_joins(plan: Plan) -> Plan:
    alone = next(m.unit for m in plan.target.memories if m.unit)
    memories = tuple(
        replace(m, serves=tuple(u for u in m.serves if u != alone or m.unit)) for m in plan.target.memories
    )
    holding = {m.name for m in memories if alone in m.serves}
    i, unit = next((i, u) for i, u in enumerate(plan.target.units) if u.name == alone)
    units = edited(plan.target.units, i, weights=tuple(w for w in unit.weights if w in holding))
    return replace(plan, target=replace(plan.target, links=(), memories=memories, units=units))


def a_batch_that_the_phases_do_not_have(plan: Plan) -> Plan:
    return replace(plan, batch=4)


def a_batch_that_no_phase_was_given(plan: Plan) -> Plan:
    return replace(plan, batch=1, phases=tuple(replace(p, given=()) for p in plan.phases))


def no_phase(plan: Plan) -> Plan:
    return replace(plan, phases=())


def two_phases_of_one_name(plan: Plan) -> Plan:
    return in_plan(plan, "phases", 1, name=plan.phases[0].name)


def a_phase_that_never_runs(plan: Plan) -> Plan:
    return in_plan(plan, "phases", 0, calls=0)


def shares_that_add_up_to_less_than_one(plan: Plan) -> Plan:
    return in_plan(plan, "phases", 1, shares=tuple(s / 2 for s in plan.phases[1].shares))


def a_share_below_zero(plan: Plan) -> Plan:
    return in_plan(plan, "phases", 1, shares=(-0.5, 1.0, 0.5))


def a_dim_with_too_few_sizes(plan: Plan) -> Plan:
    (name, sizes), *rest = plan.phases[1].dims
    return in_plan(plan, "phases", 1, dims=((name, sizes[:-1]), *rest))


def a_dim_of_negative_size(plan: Plan) -> Plan:
    (name, sizes), *rest = plan.phases[1].dims
    return in_plan(plan, "phases", 1, dims=((name, tuple(-s for s in sizes)), *rest))


def a_dim_bound_twice(plan: Plan) -> Plan:
    dims = plan.phases[1].dims
    return in_plan(plan, "phases", 1, dims=(*dims, dims[0]))


def two_ops_of_one_name(plan: Plan) -> Plan:
    return in_graph(plan, "ops", 1, name=plan.graph.ops[0].name)


def two_values_of_one_name(plan: Plan) -> Plan:
    return replace(plan, graph=replace(plan.graph, values=(*plan.graph.values, plan.graph.values[0])))


def an_op_that_reads_what_is_no_value(plan: Plan) -> Plan:
    return in_graph(plan, "ops", 0, inputs=("nothing",))


def a_state_of_what_is_no_value(plan: Plan) -> Plan:
    return in_graph(plan, "states", 0, present="nothing")


def a_value_made_twice(plan: Plan) -> Plan:
    first = plan.graph.ops[0]
    again = replace(first, name="again")
    return replace(plan, graph=replace(plan.graph, ops=(first, again, *plan.graph.ops[1:])))


def a_weight_that_an_op_makes(plan: Plan) -> Plan:
    made = plan.graph.ops[0].outputs[0]
    return in_graph(plan, "values", value_at(plan, made), role=Role.WEIGHT)


def a_value_that_nobody_makes(plan: Plan) -> Plan:
    return replace(plan, graph=replace(plan.graph, ops=plan.graph.ops[:-1]))


def ops_against_their_order(plan: Plan) -> Plan:
    return replace(plan, graph=replace(plan.graph, ops=plan.graph.ops[::-1]))


def an_op_of_unknown_kind(plan: Plan) -> Plan:
    return in_graph(plan, "ops", 0, kind="matmull")


def an_attribute_twice(plan: Plan) -> Plan:
    return in_graph(plan, "ops", 0, attrs=(("a", 1), ("a", 2)))


def attention_without_heads(plan: Plan) -> Plan:
    i, op = op_of(plan, "attention")
    return in_graph(plan, "ops", i, attrs=tuple(a for a in op.attrs if a[0] != "heads"))


def attention_of_half_a_head(plan: Plan) -> Plan:
    return with_attribute(plan, "attention", "heads", 0.5)


def an_attribute_that_is_no_number(plan: Plan) -> Plan:
    i, op = op_of(plan, "norm")
    return in_graph(plan, "ops", i, attrs=(*op.attrs, ("epsilon", float("nan"))))


def a_value_in_two_states(plan: Plan) -> Plan:
    return in_graph(plan, "states", 1, present=plan.graph.states[0].present)


def a_state_without_a_past_or_a_present(plan: Plan) -> Plan:
    return replace(plan, graph=replace(plan.graph, states=(*plan.graph.states, State("", ""))))


def a_state_whose_present_no_op_makes(plan: Plan) -> Plan:
    weight = next(v.name for v in plan.graph.values if v.role is Role.WEIGHT)
    return in_graph(plan, "states", 0, present=weight)


def a_state_that_changes_its_type(plan: Plan) -> Plan:
    return in_graph(plan, "values", value_at(plan, plan.graph.states[0].past), dtype=DType.I8)


def a_past_that_is_an_input(plan: Plan) -> Plan:
    return in_graph(plan, "values", value_at(plan, plan.graph.states[0].past), role=Role.INPUT)


def a_state_that_nobody_keeps(plan: Plan) -> Plan:
    i = next(i for i, v in enumerate(plan.graph.values) if v.role is Role.ACTIVATION)
    return in_graph(plan, "values", i, role=Role.STATE)


def a_shape_below_zero(plan: Plan) -> Plan:
    return in_graph(plan, "values", 0, shape=(1, -16))


def a_weight_of_open_size(plan: Plan) -> Plan:
    i = next(i for i, v in enumerate(plan.graph.values) if v.role is Role.WEIGHT)
    return in_graph(plan, "values", i, shape=(plan.phases[0].dims[0][0],))


def a_dim_that_one_phase_leaves_open(plan: Plan) -> Plan:
    return in_plan(plan, "phases", 1, dims=plan.phases[1].dims[1:])


def an_attribute_that_names_no_dim(plan: Plan) -> Plan:
    return with_attribute(plan, "attention", "kv", "nothing")


def a_product_of_one_operand(plan: Plan) -> Plan:
    i, op = op_of(plan, "matmul")
    return in_graph(plan, "ops", i, inputs=op.inputs[:1])


def a_product_whose_inner_sizes_differ(plan: Plan) -> Plan:
    _, op = op_of(plan, "matmul")
    i = value_at(plan, op.inputs[1])
    k, n = plan.graph.values[i].shape
    assert isinstance(k, int)
    return in_graph(plan, "values", i, shape=(k + 1, n))


def a_product_with_another_result(plan: Plan) -> Plan:
    _, op = op_of(plan, "matmul")
    i = value_at(plan, op.inputs[1])
    k, n = plan.graph.values[i].shape
    assert isinstance(n, int)
    return in_graph(plan, "values", i, shape=(k, n + 1))


def a_view_that_loses_elements(plan: Plan) -> Plan:
    i, op = next((i, o) for i, o in enumerate(plan.graph.ops) if o.kind in ("move", "gather") and o.outputs[0])
    return in_graph(plan, "ops", i, kind="view", inputs=(plan.graph.ops[0].inputs[0],), attrs=op.attrs)


def attention_priced_for_fewer_heads(plan: Plan) -> Plan:
    return with_attribute(plan, "attention", "heads", 1)


def value_at(plan: Plan, name: str) -> int:
    """The position of a value."""
    return [v.name for v in plan.graph.values].index(name)


def op_of(plan: Plan, kind: str) -> tuple[int, Op]:
    """The first op of a kind and its position."""
    return next((i, op) for i, op in enumerate(plan.graph.ops) if op.kind == kind)


def with_attribute(plan: Plan, kind: str, name: str, value: int | float | str) -> Plan:
    """The plan with another value of an attribute of the first op of a kind."""
    i, op = op_of(plan, kind)
    attrs = tuple((k, value if k == name else v) for k, v in op.attrs)
    return replace(plan, graph=replace(plan.graph, ops=edited(plan.graph.ops, i, attrs=attrs)))


BREACHES: dict[str, tuple[Breach, ...]] = {
    "target-names": (two_units_of_one_name, a_link_named_like_a_memory, a_unit_without_a_name),
    "target-memories": (
        a_memory_of_negative_capacity,
        a_memory_without_bandwidth,
        a_memory_that_gives_energy,
        a_memory_aligned_to_nothing,
        a_memory_that_serves_a_stranger,
        a_memory_that_serves_nobody,
        a_memory_inside_a_unit_that_it_does_not_serve,
    ),
    "target-units": (
        a_target_without_units,
        data_in_a_memory_that_does_not_exist,
        data_in_a_memory_of_another_unit,
        weights_in_a_memory_that_holds_none,
        weights_from_one_memory_twice,
        a_unit_that_idles_on_negative_power,
    ),
    "target-kinds": (units_of_one_kind_that_differ,),
    "target-links": (a_link_to_nowhere, a_link_to_itself, a_link_without_bandwidth, a_link_faster_than_time),
    "target-io": (inputs_in_no_memory, inputs_in_a_memory_for_weights),
    "target-reach": (a_unit_that_nothing_joins,),
    "target-teams": (
        a_team_of_no_machine,
        a_team_whose_machine_has_no_such_chips,
        a_team_with_more_memory_than_its_members,
    ),
    "phases-names": (no_phase, two_phases_of_one_name),
    "phases-calls": (a_phase_that_never_runs,),
    "phases-shares": (shares_that_add_up_to_less_than_one, a_share_below_zero),
    "phases-dims": (a_dim_with_too_few_sizes, a_dim_of_negative_size, a_dim_bound_twice),
    "phases-batch": (a_batch_that_the_phases_do_not_have, a_batch_that_no_phase_was_given),
    "graph-names": (two_ops_of_one_name, two_values_of_one_name),
    "graph-values": (an_op_that_reads_what_is_no_value, a_state_of_what_is_no_value),
    "graph-makers": (a_value_made_twice, a_weight_that_an_op_makes, a_value_that_nobody_makes),
    "graph-acyclic": (ops_against_their_order,),
    "graph-kinds": (an_op_of_unknown_kind,),
    "graph-attributes": (
        an_attribute_twice,
        attention_without_heads,
        attention_of_half_a_head,
        an_attribute_that_is_no_number,
    ),
    "graph-states": (
        a_value_in_two_states,
        a_state_without_a_past_or_a_present,
        a_state_whose_present_no_op_makes,
        a_state_that_changes_its_type,
    ),
    "graph-roles": (a_past_that_is_an_input, a_state_that_nobody_keeps),
    "graph-dims": (
        a_shape_below_zero,
        a_weight_of_open_size,
        a_dim_that_one_phase_leaves_open,
        an_attribute_that_names_no_dim,
    ),
    "graph-sizes": (a_product_of_one_operand,),
    "graph-shapes": (a_product_whose_inner_sizes_differ, a_product_with_another_result, a_view_that_loses_elements),
    "graph-attention": (attention_priced_for_fewer_heads,),
}
