"""Plans that break one rule about clusters, options, tasks or placement each; the function's name says how."""

from __future__ import annotations

from dataclasses import replace

from breaches_inputs import Breach
from real_plans import finished, in_plan

from mapper.ir.plan import Block, Objective, Option, Plan


def two_clusters_of_one_name(plan: Plan) -> Plan:
    return in_plan(plan, "clusters", 1, name=(plan.clusters or ())[0].name)


def an_empty_cluster(plan: Plan) -> Plan:
    return in_plan(plan, "clusters", 0, ops=())


def a_cluster_of_ops_that_do_not_exist(plan: Plan) -> Plan:
    return in_plan(plan, "clusters", 0, ops=("nothing",))


def an_op_in_two_clusters(plan: Plan) -> Plan:
    first, second, *_ = plan.clusters or ()
    return in_plan(plan, "clusters", 0, ops=(*first.ops, *second.ops))


def an_op_in_no_cluster(plan: Plan) -> Plan:
    return replace(plan, clusters=(plan.clusters or ())[:-1])


def clusters_against_their_order(plan: Plan) -> Plan:
    return replace(plan, clusters=(plan.clusters or ())[::-1])


def ops_of_a_cluster_against_their_order(plan: Plan) -> Plan:
    i, cluster = next((i, c) for i, c in enumerate(plan.clusters or ()) if len(c.ops) > 1)
    return in_plan(plan, "clusters", i, ops=cluster.ops[::-1])


def unlike_clusters_called_equal(plan: Plan) -> Plan:
    kinds = [tuple(plan.graph.op[op].kind for op in c.ops) for c in plan.clusters or ()]
    other = next(i for i, k in enumerate(kinds) if k != kinds[0])
    return in_plan(plan, "clusters", other, repeat=(plan.clusters or ())[0].repeat)


def _pair(plan: Plan) -> tuple[str, str]:
    """Two clusters of one class."""
    seen: dict[str, str] = {}
    for cluster in plan.clusters or ():
        if (first := seen.setdefault(cluster.repeat, cluster.name)) != cluster.name:
            return first, cluster.name
    raise AssertionError("no two equal clusters")


def a_block_that_does_not_repeat(plan: Plan) -> Plan:
    return replace(plan, blocks=(Block("once", (_pair(plan)[:1],)),))


def a_block_of_clusters_that_do_not_exist(plan: Plan) -> Plan:
    return replace(plan, blocks=(Block("stranger", ((_pair(plan)[0],), ("stranger",))),))


def a_block_of_unlike_instances(plan: Plan) -> Plan:
    (first, second), last = _pair(plan), (plan.clusters or ())[-1].name
    return replace(plan, blocks=(Block(first, ((first,), (second,), (last,))),))


def a_cluster_in_two_blocks(plan: Plan) -> Plan:
    first, second = _pair(plan)
    return replace(plan, blocks=(Block(first, ((first,), (second,))), Block(second, ((second,), (first,)))))


def a_class_without_options(plan: Plan) -> Plan:
    repeat = (plan.options or ())[0].repeat
    return replace(plan, options=tuple(o for o in plan.options or () if o.repeat != repeat))


def an_option_for_a_class_that_does_not_exist(plan: Plan) -> Plan:
    stranger = replace((plan.options or ())[0], repeat="stranger")
    return replace(plan, options=(*(plan.options or ()), stranger))


def an_option_on_a_unit_that_does_not_exist(plan: Plan) -> Plan:
    return in_plan(plan, "options", 0, units=("stranger",))


def an_option_on_no_unit(plan: Plan) -> Plan:
    return in_plan(plan, "options", 0, units=())


def an_option_with_weights_from_nowhere(plan: Plan) -> Plan:
    return in_plan(plan, "options", 0, source=99)


def an_option_twice(plan: Plan) -> Plan:
    return replace(plan, options=(*(plan.options or ()), (plan.options or ())[0]))


def an_option_with_no_copy(plan: Plan) -> Plan:
    return in_plan(plan, "options", 0, replicas=0)


def an_option_with_two_copies_only(plan: Plan) -> Plan:
    return in_plan(plan, "options", 0, replicas=2)


def an_option_without_costs(plan: Plan) -> Plan:
    return in_plan(plan, "options", 0, costs=())


def an_option_with_phases_against_their_order(plan: Plan) -> Plan:
    return in_plan(plan, "options", 0, costs=(plan.options or ())[0].costs[::-1])


def a_class_that_no_option_serves_in_one_phase(plan: Plan) -> Plan:
    options = tuple(replace(o, costs=o.costs[:1]) for o in plan.options or ())
    return replace(plan, options=options)


def a_place_that_its_option_does_not_serve(plan: Plan) -> Plan:
    """Each option of the class serves all phases but the first on the unit where the first task runs."""
    first = (plan.placement or ())[0]
    repeat = plan.cluster[plan.task[first.task].cluster].repeat
    options = tuple(
        replace(o, costs=o.costs[1:]) if o.repeat == repeat and first.unit in o.units else o for o in plan.options or ()
    )
    return replace(plan, options=options)


def a_refusal_in_no_phase(plan: Plan) -> Plan:
    return in_plan(plan, "refusals", 0, phase="stranger")


def an_option_of_negative_ticks(plan: Plan) -> Plan:
    option = (plan.options or ())[0]
    costs = tuple((name, replace(cost, ticks=-1)) for name, cost in option.costs)
    return in_plan(plan, "options", 0, costs=costs)


def an_option_without_types(plan: Plan) -> Plan:
    return in_plan(plan, "options", 0, types=())


def an_option_whose_weights_free_memory(plan: Plan) -> Plan:
    return in_plan(plan, "options", 0, footprint_bytes=-64)


def a_refusal_by_a_stranger(plan: Plan) -> Plan:
    return in_plan(plan, "refusals", 0, unit_kind="stranger")


def a_refusal_for_no_class(plan: Plan) -> Plan:
    return in_plan(plan, "refusals", 0, repeat="stranger")


def a_refusal_of_an_op_of_another_cluster(plan: Plan) -> Plan:
    return in_plan(plan, "refusals", 0, op="stranger")


def two_tasks_of_one_name(plan: Plan) -> Plan:
    return in_plan(plan, "tasks", 1, name=(plan.tasks or ())[0].name)


def a_task_left_out(plan: Plan) -> Plan:
    return replace(plan, tasks=(plan.tasks or ())[1:])


def a_task_of_no_cluster(plan: Plan) -> Plan:
    return in_plan(plan, "tasks", 0, cluster="stranger")


def a_task_of_no_phase(plan: Plan) -> Plan:
    return in_plan(plan, "tasks", 0, phase="stranger")


def a_shard(plan: Plan) -> Plan:
    return in_plan(plan, "tasks", 0, shard=(("n", 0, 2),))


def tasks_against_the_order_of_clusters(plan: Plan) -> Plan:
    return replace(plan, tasks=(plan.tasks or ())[::-1])


def a_task_placed_twice(plan: Plan) -> Plan:
    return replace(plan, placement=((plan.placement or ())[0], *(plan.placement or ())))


def a_task_not_placed(plan: Plan) -> Plan:
    return replace(plan, placement=(plan.placement or ())[1:])


def a_place_for_no_task(plan: Plan) -> Plan:
    return replace(plan, placement=(*(plan.placement or ()), replace((plan.placement or ())[0], task="stranger")))


def a_place_on_no_unit(plan: Plan) -> Plan:
    return in_plan(plan, "placement", 0, unit="stranger")


def weights_from_a_memory_of_another_unit(plan: Plan) -> Plan:
    i, place = next((i, p) for i, p in enumerate(plan.placement or ()) if p.weights)
    foreign = next(m.name for m in plan.target.memories if m.name not in plan.target.unit[place.unit].weights)
    return in_plan(plan, "placement", i, weights=foreign)


def a_place_that_forgets_the_weights(plan: Plan) -> Plan:
    i = next(i for i, p in enumerate(plan.placement or ()) if p.weights)
    return in_plan(plan, "placement", i, weights="")


def a_task_in_one_tile(plan: Plan) -> Plan:
    return in_plan(plan, "placement", 0, tiles=1)


def tiles_for_the_sake_of_latency(plan: Plan) -> Plan:
    return in_plan(replace(plan, objective=Objective.LATENCY, bounds=None), "placement", 0, tiles=2)


def _needing_tiles(plan: Plan, *tiles: tuple[str, int]) -> Plan:
    """The plan with the option of its first task in need of tiles."""
    place = (plan.placement or ())[0]
    chosen = plan.chosen(place.task)
    return in_plan(plan, "options", (plan.options or ()).index(chosen), tiles=tiles)


def a_whole_task_where_only_tiles_have_room(plan: Plan) -> Plan:
    return _needing_tiles(plan, ((plan.tasks or ())[0].phase, 4))


def fewer_tiles_than_have_room(plan: Plan) -> Plan:
    return in_plan(a_whole_task_where_only_tiles_have_room(plan), "placement", 0, tiles=2)


def an_option_in_a_single_tile(plan: Plan) -> Plan:
    return _needing_tiles(plan, (plan.phases[0].name, 1))


def an_option_in_two_counts_of_tiles_for_one_phase(plan: Plan) -> Plan:
    return _needing_tiles(plan, (plan.phases[0].name, 2), (plan.phases[0].name, 4))


def an_option_in_tiles_of_a_phase_that_it_does_not_serve(plan: Plan) -> Plan:
    return _needing_tiles(plan, ("stranger", 2))


def an_operand_that_comes_late_to_a_task_that_does_not_read_it(plan: Plan) -> Plan:
    return in_plan(plan, "placement", 0, late=("stranger",))


def a_place_with_copies_that_no_option_has(plan: Plan) -> Plan:
    return in_plan(plan, "placement", 0, replicas=1000)


def a_state_on_two_units(plan: Plan) -> Plan:
    """Two layers share a state, and the task of one moves to a unit with another memory; superhet has units that differ
    so."""
    plan = finished(target="superhet")
    first, *rest = plan.graph.states
    past = first.past
    graph = replace(plan.graph, states=(first, *(replace(s, same=first.name) for s in rest)))
    plan = replace(plan, graph=graph)
    cluster = next(c for c in plan.clusters or () if any(past in plan.graph.op[o].inputs for o in c.ops))
    i, place = next((i, p) for i, p in enumerate(plan.placement or ()) if plan.task[p.task].cluster == cluster.name)
    home = plan.target.unit[place.unit].data
    offers: list[tuple[str, Option]] = [(u, o) for o in plan.options_of[cluster.repeat] for u in o.units]
    unit, option = next((u, o) for u, o in offers if plan.target.unit[u].data != home)
    weights = plan.target.unit[unit].weights[option.source] if option.source >= 0 else ""
    return in_plan(plan, "placement", i, unit=unit, weights=weights, replicas=option.replicas)


BREACHES: dict[str, tuple[Breach, ...]] = {
    "clusters-names": (two_clusters_of_one_name,),
    "clusters-cover": (
        an_empty_cluster,
        a_cluster_of_ops_that_do_not_exist,
        an_op_in_two_clusters,
        an_op_in_no_cluster,
    ),
    "clusters-order": (clusters_against_their_order, ops_of_a_cluster_against_their_order),
    "clusters-alike": (unlike_clusters_called_equal,),
    "blocks-alike": (
        a_block_that_does_not_repeat,
        a_block_of_clusters_that_do_not_exist,
        a_block_of_unlike_instances,
        a_cluster_in_two_blocks,
    ),
    "options-classes": (
        a_class_without_options,
        a_class_that_no_option_serves_in_one_phase,
        an_option_for_a_class_that_does_not_exist,
    ),
    "options-units": (
        an_option_on_a_unit_that_does_not_exist,
        an_option_on_no_unit,
        an_option_with_weights_from_nowhere,
    ),
    "options-unique": (an_option_twice,),
    "options-replicas": (an_option_with_no_copy, an_option_with_two_copies_only),
    "options-figures": (
        an_option_without_costs,
        an_option_with_phases_against_their_order,
        an_option_of_negative_ticks,
        an_option_without_types,
        an_option_whose_weights_free_memory,
    ),
    "refusals": (
        a_refusal_by_a_stranger,
        a_refusal_in_no_phase,
        a_refusal_for_no_class,
        a_refusal_of_an_op_of_another_cluster,
    ),
    "tasks-names": (two_tasks_of_one_name,),
    "tasks-complete": (
        a_task_left_out,
        a_task_of_no_cluster,
        a_task_of_no_phase,
        a_shard,
        tasks_against_the_order_of_clusters,
    ),
    "placement-complete": (a_task_placed_twice, a_task_not_placed, a_place_for_no_task),
    "placement-units": (a_place_on_no_unit,),
    "placement-weights": (weights_from_a_memory_of_another_unit,),
    "placement-tiles": (a_task_in_one_tile, tiles_for_the_sake_of_latency),
    "placement-tiles-least": (a_whole_task_where_only_tiles_have_room, fewer_tiles_than_have_room),
    "options-tiles": (
        an_option_in_a_single_tile,
        an_option_in_two_counts_of_tiles_for_one_phase,
        an_option_in_tiles_of_a_phase_that_it_does_not_serve,
    ),
    "placement-late": (an_operand_that_comes_late_to_a_task_that_does_not_read_it,),
    "placement-options": (
        a_place_that_forgets_the_weights,
        a_place_that_its_option_does_not_serve,
        a_place_with_copies_that_no_option_has,
    ),
    "states-one-place": (a_state_on_two_units,),
}
