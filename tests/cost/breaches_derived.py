"""Finished plans that look right and are not: each breaks one rule that takes a price or a replay to see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from real_plans import edited, finished, in_plan, unplaced

from mapper.cost.program import Spelling
from mapper.hw.work import DType
from mapper.ir.goal import Limit, Quantity
from mapper.ir.plan import Bound, Plan, Refusal, Slot

Breach = Callable[[Plan], Plan]


def an_unfinished_plan(plan: Plan) -> Plan:
    return unplaced()


def a_plan_without_figures(plan: Plan) -> Plan:
    return replace(plan, figures=None)


def a_cluster_called_equal_to_a_larger_one(plan: Plan) -> Plan:
    """Ops of one kind and different widths share the options of one of them."""
    kinds = {c.repeat: tuple(plan.graph.op[op].kind for op in c.ops) for c in reversed(plan.clusters or ())}
    ways = {r: {(u, o.source, o.replicas) for o in options for u in o.units} for r, options in plan.options_of.items()}
    kept, gone = next((a, b) for a in kinds for b in kinds if a != b and kinds[a] == kinds[b] and ways[b] <= ways[a])
    return replace(
        plan,
        clusters=tuple(replace(c, repeat=kept) if c.repeat == gone else c for c in plan.clusters or ()),
        options=tuple(o for o in plan.options or () if o.repeat != gone),
        refusals=tuple(r for r in plan.refusals or () if r.repeat != gone),
    )


def an_attention_in_tiles(plan: Plan) -> Plan:
    """Every query of it needs all keys."""
    found = (i for i, t in enumerate(plan.tasks or ()) if plan.cluster[t.cluster].ops[0] in _attentions(plan))
    return in_plan(plan, "placement", next(found), tiles=2)


def _attentions(plan: Plan) -> set[str]:
    return {op.name for op in plan.graph.ops if op.kind == "attention"}


def a_product_in_more_tiles_than_it_has_rows(plan: Plan) -> Plan:
    products = {op.name for op in plan.graph.ops if op.kind == "matmul"}
    found = (i for i, t in enumerate(plan.tasks or ()) if plan.cluster[t.cluster].ops[0] in products)
    return in_plan(plan, "placement", next(found), tiles=100_000)


def a_faster_option(plan: Plan) -> Plan:
    option = (plan.options or ())[0]
    costs = tuple((name, replace(cost, ticks=cost.ticks // 2)) for name, cost in option.costs)
    return in_plan(plan, "options", 0, costs=costs)


def an_option_in_tiles_that_its_unit_does_not_ask_for(plan: Plan) -> Plan:
    """One that no task is placed with, so that all else of the plan stays true."""
    chosen = {id(plan.chosen(task.name)) for task in plan.tasks or ()}
    i = next(i for i, option in enumerate(plan.options or ()) if id(option) not in chosen)
    phase, _ = (plan.options or ())[i].costs[0]
    return in_plan(plan, "options", i, tiles=((phase, 2),))


def an_option_of_less_energy(plan: Plan) -> Plan:
    option = (plan.options or ())[0]
    costs = tuple((name, replace(cost, energy_pj=())) for name, cost in option.costs)
    return in_plan(plan, "options", 0, costs=costs)


def an_option_of_another_type(plan: Plan) -> Plan:
    option = (plan.options or ())[0]
    return in_plan(plan, "options", 0, types=(DType.I4,) * len(option.types))


def an_option_of_smaller_weights(plan: Plan) -> Plan:
    i = next(i for i, o in enumerate(plan.options or ()) if o.footprint_bytes)
    return in_plan(plan, "options", i, footprint_bytes=1)


def an_option_left_out(plan: Plan) -> Plan:
    """With fewer options a proof could give a bound that is too high."""
    chosen = {plan.chosen(t.name) for t in plan.tasks or ()}
    dropped = next(o for o in plan.options or () if o not in chosen and o.replicas == 1)
    same = [
        o
        for o in plan.options or ()
        if (o.repeat, o.units, o.source) == (dropped.repeat, dropped.units, dropped.source)
    ]
    return replace(plan, options=tuple(o for o in plan.options or () if o not in same))


def a_refusal_in_other_words(plan: Plan) -> Plan:
    return in_plan(plan, "refusals", 0, reason="bad mood")


def a_refusal_made_up(plan: Plan) -> Plan:
    cluster, unit = (plan.clusters or ())[0], plan.target.units[0]
    made_up = Refusal(cluster.repeat, unit.kind, cluster.ops[-1], "not today")
    return replace(plan, refusals=(*(plan.refusals or ()), made_up))


def a_refusal_left_out(plan: Plan) -> Plan:
    return replace(plan, refusals=(plan.refusals or ())[1:])


def weights_that_take_less(plan: Plan) -> Plan:
    return in_plan(plan, "residency", 0, bytes=0)


def weights_forgotten(plan: Plan) -> Plan:
    return replace(plan, residency=(plan.residency or ())[1:])


def weights_that_nobody_uses(plan: Plan) -> Plan:
    first = (plan.residency or ())[0]
    return replace(plan, residency=(*(plan.residency or ()), replace(first, what="nothing")))


def a_state_shared_by_all_requests(plan: Plan) -> Plan:
    i = next(i for i, r in enumerate(plan.residency or ()) if r.per_request)
    return in_plan(plan, "residency", i, per_request=False)


def an_activity_without_a_slot(plan: Plan) -> Plan:
    return replace(plan, schedule=(plan.schedule or ())[1:])


def a_slot_for_nothing(plan: Plan) -> Plan:
    return replace(plan, schedule=(*(plan.schedule or ()), Slot("nothing", "cpu", 0, 0)))


def a_slot_elsewhere(plan: Plan) -> Plan:
    return in_plan(plan, "schedule", 0, where="elsewhere")


def a_slot_before_its_call(plan: Plan) -> Plan:
    return in_plan(plan, "schedule", 0, start=-1)


def a_task_before_its_operands(plan: Plan) -> Plan:
    i, slot = max(enumerate(plan.schedule or ()), key=lambda row: row[1].start)
    return in_plan(plan, "schedule", i, start=0, end=slot.end - slot.start)


def a_slot_shorter_than_its_work(plan: Plan) -> Plan:
    i, slot = max(enumerate(plan.schedule or ()), key=lambda row: row[1].end)
    return in_plan(plan, "schedule", i, end=slot.start + (slot.end - slot.start) // 2)


def two_tasks_at_once_on_a_unit(plan: Plan) -> Plan:
    """A task that waited for its unit, all of its operands there, starts a tick too early. Of BERT, whose three
    projections are ready at once."""
    plan = finished("bert-tiny")
    slots = {s.what: (i, s) for i, s in enumerate(plan.schedule or ())}
    for program in Spelling(plan).programs():
        for activity in program.activities:
            i, slot = slots[activity.name]
            ready = max((slots[program.activities[k].name][1].end for k in activity.after), default=0)
            if ready < slot.start and activity.kind == "task" and activity.hold:
                return in_plan(plan, "schedule", i, start=slot.start - 1, end=slot.end - 1)
    raise AssertionError("no task of this plan waits for its unit")


def a_value_without_a_buffer(plan: Plan) -> Plan:
    return replace(plan, memory=(plan.memory or ())[1:])


def a_buffer_without_a_value(plan: Plan) -> Plan:
    memory = plan.target.memory[(plan.memory or ())[0].memory]
    far = memory.capacity_bytes // 2 // memory.alignment_bytes * memory.alignment_bytes
    extra = replace((plan.memory or ())[0], value="nothing", offset=far)
    return replace(plan, memory=(*(plan.memory or ()), extra))


def a_buffer_smaller_than_its_value(plan: Plan) -> Plan:
    i = next(i for i, b in enumerate(plan.memory or ()) if b.size > 1)
    return in_plan(plan, "memory", i, size=1)


def a_buffer_that_dies_before_its_value(plan: Plan) -> Plan:
    i = next(i for i, b in enumerate(plan.memory or ()) if b.end > b.start + 1)
    return in_plan(plan, "memory", i, end=(plan.memory or ())[i].start + 1)


def a_search_that_counts_less(plan: Plan) -> Plan:
    assert plan.search is not None
    loads = tuple((name, ticks - 1) for name, ticks in plan.search.loads)
    return replace(plan, search=replace(plan.search, loads=loads))


def a_search_that_forgets_a_resource(plan: Plan) -> Plan:
    assert plan.search is not None
    return replace(plan, search=replace(plan.search, loads=plan.search.loads[1:]))


def a_shorter_interval(plan: Plan) -> Plan:
    figures = tuple((name, x - 1 if name == "interval_ticks" else x) for name, x in plan.figures or ())
    return replace(plan, figures=figures)


def a_figure_left_out(plan: Plan) -> Plan:
    return replace(plan, figures=(plan.figures or ())[1:])


def a_figure_made_up(plan: Plan) -> Plan:
    return replace(plan, figures=(*(plan.figures or ()), ("joy", 1)))


def more_requests_in_flight_than_the_figures_are_of(plan: Plan) -> Plan:
    return replace(plan, inflight=1)


def a_limit_that_is_not_kept(plan: Plan) -> Plan:
    return replace(plan, limits=(Limit(Quantity.LATENCY, dict(plan.figures or ())["latency_ticks"] / 1e12 * 0.999),))


def a_bound_above_the_value(plan: Plan) -> Plan:
    value = dict(plan.figures or ())["interval_ticks"] / 1e12
    return replace(plan, bounds=edited(plan.bounds, 0, value=value * 1.001))


def a_bound_above_its_proof(plan: Plan) -> Plan:
    (bound,) = plan.bounds or ()
    return replace(plan, bounds=(replace(bound, value=bound.value * 1.00001),))


def honest_proof(plan: Plan) -> tuple[Bound, ...]:
    """What the proof of a good plan's bound gives again."""
    return finished().bounds or ()


BREACHES: dict[str, tuple[Breach, ...]] = {
    "plan-complete": (an_unfinished_plan, a_plan_without_figures),
    "clusters-repeat": (a_cluster_called_equal_to_a_larger_one,),
    "placement-tiles-rows": (an_attention_in_tiles, a_product_in_more_tiles_than_it_has_rows),
    "options-costs": (
        a_faster_option,
        an_option_of_less_energy,
        an_option_of_another_type,
        an_option_of_smaller_weights,
        an_option_in_tiles_that_its_unit_does_not_ask_for,
        an_option_left_out,
    ),
    "refusals-agree": (a_refusal_in_other_words, a_refusal_made_up, a_refusal_left_out),
    "residency": (
        weights_that_take_less,
        weights_forgotten,
        weights_that_nobody_uses,
        a_state_shared_by_all_requests,
    ),
    "schedule-complete": (an_activity_without_a_slot, a_slot_for_nothing),
    "schedule-places": (a_slot_elsewhere,),
    "schedule-times": (a_slot_before_its_call,),
    "schedule-precedence": (a_task_before_its_operands,),
    "schedule-duration": (a_slot_shorter_than_its_work,),
    "schedule-capacity": (two_tasks_at_once_on_a_unit,),
    "memory-complete": (a_value_without_a_buffer, a_buffer_without_a_value),
    "memory-lifetimes": (a_buffer_smaller_than_its_value, a_buffer_that_dies_before_its_value),
    "loads-agree": (a_search_that_counts_less, a_search_that_forgets_a_resource),
    "figures": (
        a_shorter_interval,
        a_figure_left_out,
        a_figure_made_up,
        more_requests_in_flight_than_the_figures_are_of,
    ),
    "limits": (a_limit_that_is_not_kept,),
    "bound-below-value": (a_bound_above_the_value,),
    "bound-proof": (a_bound_above_its_proof,),
}
