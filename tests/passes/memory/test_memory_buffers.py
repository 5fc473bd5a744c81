"""Memory: buffers beside each other, requests beside each other, never more than there is room for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import pytest
from real_plans import finished, in_target, run, unplaced
from tiny_machines import Abacus, layers, machine, prepared, sketch

from mapper.cost.judge import arenas, fixed_bytes, peaks
from mapper.errors import Infeasible
from mapper.hw.target import Target
from mapper.ir.graph import Phase
from mapper.ir.plan import Plan
from mapper.solve.budget import Budget
from passes.memory.memory import _squeezed, requests_that_fit

CASES = [("gpt2-tiny", "edge-npu"), ("bert-tiny", "superhet"), ("bert-tiny", "edge-npu")]
PLACES = ["place-greedy", "place-round-robin"]
DECODE = (Phase("decode", (), 4, (("seq", (16,)),)),)


def _on(plan: Plan, target: Target) -> Plan:
    return run(replace(plan, target=target, clusters=None, options=None, tasks=None), "partition,options")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("model", "target"), CASES)
def test_buffers_that_live_at_once_do_not_overlap(model: str, target: str, place: str) -> None:
    buffers = finished(model, target, place).memory or ()
    assert buffers
    for a, b in combinations(buffers, 2):
        if (a.phase, a.memory) == (b.phase, b.memory) and a.start < b.end and b.start < a.end:
            assert a.offset + a.size <= b.offset or b.offset + b.size <= a.offset, (a, b)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("model", "target"), CASES)
def test_buffers_start_where_their_memory_is_aligned(model: str, target: str, place: str) -> None:
    plan = finished(model, target, place)
    for buffer in plan.memory or ():
        assert buffer.offset % plan.target.memory[buffer.memory].alignment_bytes == 0


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("model", "target"), CASES)
def test_no_memory_holds_more_than_it_can(model: str, target: str, place: str) -> None:
    plan = finished(model, target, place)
    for name, size in peaks(plan).items():
        assert size <= plan.target.memory[name].capacity_bytes


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("model", "target"), CASES)
def test_at_least_one_and_at_most_as_many_requests_as_fit_are_in_flight(model: str, target: str, place: str) -> None:
    plan = finished(model, target, place)
    assert plan.inflight is not None
    assert 1 <= plan.inflight <= requests_that_fit(plan)


def test_max_inflight_is_a_limit() -> None:
    plan = run(finished("bert-tiny", "superhet"), "memory{max_inflight=2}")
    assert plan.inflight is not None
    assert 1 <= plan.inflight <= 2


def test_a_chain_on_one_unit_gains_nothing_from_many_requests() -> None:
    plan = run(prepared(machine(Abacus()), layers(3)), "place-greedy,schedule,memory")
    assert plan.inflight is not None
    assert plan.inflight <= 2


def _growing(capacity: int) -> Plan:
    """A sum that is a state of 16 x 8 halves, 256 bytes, on one unit."""
    graph = sketch("h = softmax(x)", "y = add(h, past)", shape=("seq", 8), states=[("past", "y")])
    target = machine(Abacus(ticks_per_element=1000), capacities=(capacity,))
    return run(
        prepared(target, graph, DECODE, "partition{max_ops=1},options"), "place-greedy,schedule{effort=0},memory"
    )


def test_states_limit_the_requests_in_flight() -> None:
    plan = _growing(4096)
    most = requests_that_fit(plan)
    buffers = arenas(plan)["decode", "u0.mem"]
    assert most == (4096 - buffers) // 256
    assert fixed_bytes(replace(plan, inflight=most))["u0.mem"] + buffers <= 4096
    assert fixed_bytes(replace(plan, inflight=most + 1))["u0.mem"] + buffers > 4096


def test_a_memory_with_room_for_one_request_has_one_in_flight() -> None:
    need = peaks(replace(_growing(1 << 20), inflight=1))["u0.mem"]
    plan = _growing(need)
    assert plan.inflight == 1
    assert peaks(plan)["u0.mem"] == need


def test_one_byte_less_than_one_request_needs_is_infeasible() -> None:
    plan = _growing(1 << 20)
    need = peaks(replace(plan, inflight=1))["u0.mem"]
    with pytest.raises(Infeasible, match=r"does not fit machine \(one request's states and buffers\)"):
        run(in_target(plan, "memories", 0, capacity_bytes=need - 1), "memory")


def test_a_request_that_does_not_fit_is_told_the_memory_and_the_bytes(pocket: Callable[[int], Target]) -> None:
    roomy = run(_on(unplaced(), pocket(10_000_000)), "place-greedy,schedule{effort=0},memory")
    need = peaks(replace(roomy, inflight=1))["ram"]
    kept = fixed_bytes(replace(roomy, inflight=1))["ram"]
    tight = replace(roomy, target=pocket((need + kept) // 2))
    with pytest.raises(Infeasible) as error:
        run(tight, "memory")
    text = str(error.value)
    assert error.value.exit_code == 3
    assert "gpt2-tiny does not fit pocket (one request's states and buffers)" in text
    assert f"ram needs {need / 1e6:.1f} MB (" in text
    assert "MB of weights" in text
    assert "MB too many" in text
    assert "buffers are live at tick" in text
    assert "next: a smaller batch or sequence" in text


def test_buffers_above_the_capacity_are_packed_below_it_where_they_can_be() -> None:
    plan = run(prepared(machine(Abacus()), layers(3)), "place-greedy,schedule,memory")
    plan = replace(plan, inflight=1)
    need = peaks(plan)["u0.mem"]
    step = plan.target.memory["u0.mem"].alignment_bytes
    loose = replace(plan, memory=tuple(replace(b, offset=b.offset + 8 * step) for b in plan.memory or ()))
    tight = in_target(loose, "memories", 0, capacity_bytes=need)
    assert peaks(tight)["u0.mem"] > need
    assert peaks(_squeezed(tight, Budget(1.0)))["u0.mem"] <= need


def test_a_number_in_flight_that_leaves_nothing_to_win_is_kept() -> None:
    plan = finished("gpt2-tiny", "superhet")
    assert plan.inflight is not None
    most = requests_that_fit(plan)
    kept = run(replace(plan, memory=None, inflight=None), f"memory{{first={min(most, 8 * plan.inflight)}}}").inflight
    starved = run(replace(plan, memory=None, inflight=None), "memory{first=2}").inflight
    assert kept == min(most, 8 * plan.inflight) > plan.inflight
    assert starved == plan.inflight > 2
