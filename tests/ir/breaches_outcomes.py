"""Plans that break one rule about what a placement comes to; the function's name says how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from breaches_inputs import Breach
from real_plans import edited, in_plan

from mapper.ir.plan import Bound, Buffer, Plan, Resident, Slot


def something_that_stays_in_no_memory(plan: Plan) -> Plan:
    return in_plan(plan, "residency", 0, memory="nowhere")


def something_that_stays_twice(plan: Plan) -> Plan:
    return replace(plan, residency=(*(plan.residency or ()), (plan.residency or ())[0]))


def something_of_negative_size_that_stays(plan: Plan) -> Plan:
    return in_plan(plan, "residency", 0, bytes=-1)


def a_state_in_a_memory_for_weights(plan: Plan) -> Plan:
    memory = next(m.name for m in plan.target.memories if "state" not in m.holds)
    return replace(plan, residency=(Resident("state", memory, 64, per_request=True),))


def no_bound(plan: Plan) -> Plan:
    return replace(plan, bounds=())


def a_bound_on_another_objective(plan: Plan) -> Plan:
    return in_plan(plan, "bounds", 0, objective="energy")


def a_bound_that_is_no_number(plan: Plan) -> Plan:
    return in_plan(plan, "bounds", 0, value=float("nan"))


def an_endless_bound(plan: Plan) -> Plan:
    return in_plan(plan, "bounds", 0, value=float("inf"))


def a_bound_below_zero(plan: Plan) -> Plan:
    return in_plan(plan, "bounds", 0, value=-1.0)


def a_bound_without_an_argument(plan: Plan) -> Plan:
    return replace(plan, bounds=(Bound(plan.objective.value, 0.0, ""),))


def a_load_counted_twice(plan: Plan) -> Plan:
    assert plan.search is not None
    return replace(plan, search=replace(plan.search, loads=plan.search.loads[:1] * 2))


def a_load_below_zero(plan: Plan) -> Plan:
    assert plan.search is not None
    return replace(plan, search=replace(plan.search, loads=(("cpu", -1),)))


def two_slots_for_one_activity(plan: Plan) -> Plan:
    first: Slot = (plan.schedule or ())[0]
    return replace(plan, schedule=(*(plan.schedule or ()), replace(first, start=first.start + 1, end=first.end + 1)))


def a_figure_twice(plan: Plan) -> Plan:
    return replace(plan, figures=(*(plan.figures or ()), ("energy_pj", 0)))


def no_request_in_flight(plan: Plan) -> Plan:
    return replace(plan, inflight=0)


def requests_beyond_number(plan: Plan) -> Plan:
    return replace(plan, inflight=10**15)


def a_buffer_of_no_phase(plan: Plan) -> Plan:
    return in_plan(plan, "memory", 0, phase="stranger")


def a_buffer_in_no_memory(plan: Plan) -> Plan:
    return in_plan(plan, "memory", 0, memory="nowhere")


def a_buffer_in_a_memory_for_weights(plan: Plan) -> Plan:
    memory = next(m.name for m in plan.target.memories if "activations" not in m.holds)
    return in_plan(plan, "memory", 0, memory=memory)


def a_buffer_without_bytes(plan: Plan) -> Plan:
    return in_plan(plan, "memory", 0, size=0)


def a_buffer_below_zero(plan: Plan) -> Plan:
    return in_plan(plan, "memory", 0, offset=-64)


def a_buffer_that_never_lives(plan: Plan) -> Plan:
    return in_plan(plan, "memory", 0, end=(plan.memory or ())[0].start)


def a_value_with_two_buffers(plan: Plan) -> Plan:
    return replace(plan, memory=(*(plan.memory or ()), (plan.memory or ())[0]))


def a_buffer_off_its_alignment(plan: Plan) -> Plan:
    return in_plan(plan, "memory", 0, offset=(plan.memory or ())[0].offset + 1)


def buffers_on_top_of_each_other(plan: Plan) -> Plan:
    i, j = next(_living_together(plan))
    return in_plan(plan, "memory", i, offset=(plan.memory or ())[j].offset)


def _living_together(plan: Plan) -> Iterator[tuple[int, int]]:
    rows: tuple[Buffer, ...] = plan.memory or ()
    for i, a in enumerate(rows):
        for j, b in enumerate(rows[:i]):
            if (a.phase, a.memory) == (b.phase, b.memory) and a.start < b.end and b.start < a.end:
                yield i, j


def a_buffer_beyond_the_end_of_its_memory(plan: Plan) -> Plan:
    memory = plan.target.memory[(plan.memory or ())[0].memory]
    return in_plan(plan, "memory", 0, offset=memory.capacity_bytes // memory.alignment_bytes * memory.alignment_bytes)


def states_of_more_requests_than_fit(plan: Plan) -> Plan:
    states = next(r for r in plan.residency or () if r.per_request)
    capacity = plan.target.memory[states.memory].capacity_bytes
    return replace(plan, residency=(replace(states, bytes=capacity // 2),), inflight=4)


def buffers_of_two_phases_that_fit_one_by_one(plan: Plan) -> Plan:
    memory = plan.target.memory[plan.target.io]
    size = memory.capacity_bytes // 2 + memory.alignment_bytes
    buffers = tuple(Buffer("big", p.name, memory.name, 0, size, 0, 1) for p in plan.phases)
    return replace(plan, memory=buffers, residency=())


def weights_beyond_capacity(plan: Plan) -> Plan:
    return replace(plan, residency=edited(plan.residency, 0, bytes=1 << 50))


BREACHES: dict[str, tuple[Breach, ...]] = {
    "residency-memories": (
        something_that_stays_in_no_memory,
        something_that_stays_twice,
        something_of_negative_size_that_stays,
        a_state_in_a_memory_for_weights,
    ),
    "bounds-objective": (no_bound, a_bound_on_another_objective),
    "bounds-finite": (a_bound_that_is_no_number, an_endless_bound, a_bound_below_zero, a_bound_without_an_argument),
    "search-loads": (a_load_counted_twice, a_load_below_zero),
    "schedule-unique": (two_slots_for_one_activity,),
    "figures-unique": (a_figure_twice,),
    "inflight": (no_request_in_flight, requests_beyond_number),
    "memory-buffers": (
        a_buffer_of_no_phase,
        a_buffer_in_no_memory,
        a_buffer_in_a_memory_for_weights,
        a_buffer_without_bytes,
        a_buffer_below_zero,
        a_buffer_that_never_lives,
        a_value_with_two_buffers,
    ),
    "memory-alignment": (a_buffer_off_its_alignment,),
    "memory-overlap": (buffers_on_top_of_each_other,),
    "memory-capacity": (
        a_buffer_beyond_the_end_of_its_memory,
        states_of_more_requests_than_fit,
        buffers_of_two_phases_that_fit_one_by_one,
        weights_beyond_capacity,
    ),
}
