"""Steady state: intervals with closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from cost_builders import activity, program, roomy
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.cost.channel_kernels import fair_part
from mapper.cost.engines import CHANNEL
from mapper.cost.machine import Room, spread, spread_alike
from mapper.cost.program import Program
from mapper.cost.steady import EVENTS, LONGER, MOST, Steady, loads_per_request, steady
from mapper.errors import InvalidPlan


def flow(inflight: int, one: Program, latency: int, calls: int = 1, room: Room | None = None) -> Steady:
    return steady([one], [calls], [latency], inflight, room or roomy(one))


def test_one_request_at_a_time_takes_its_latency() -> None:
    two = program(activity("a", 10, "u"), activity("b", 30, "w", after=(0,)))
    assert flow(1, two, 40).interval == 40


@pytest.mark.parametrize("inflight", [2, 3, 8])
def test_on_one_unit_the_interval_is_its_load(inflight: int) -> None:
    two = program(activity("a", 10), activity("b", 30, after=(0,)))
    assert flow(inflight, two, 40).interval == 40


def test_where_ticks_exceed_64_bits_in_sum_the_clock_is_a_coarser_one() -> None:
    two = program(activity("a", 10 << 54, "u"), activity("b", 30 << 54, "w", after=(0,)))
    assert flow(3, two, 40 << 54).interval == 30 << 54
    tail = steady([two], [1], [40 << 54], 30, roomy(two), watched=50).tail
    assert tail is not None
    assert tail.now << tail.shift > 1 << 64
    held = [(step, tail.ticks(until) - tail.ticks(start)) for *_, step, start, until in tail.seen.tolist()]
    assert set(held) == {(0, 10 << 54), (1, 30 << 54)}


@pytest.mark.parametrize("inflight", [2, 4])
def test_in_a_pipeline_the_interval_is_the_load_of_the_slowest_stage(inflight: int) -> None:
    two = program(activity("a", 10, "u"), activity("b", 30, "w", after=(0,)))
    found = flow(inflight, two, 40)
    assert (found.interval, found.busiest) == (30, "w")


def test_with_too_few_requests_the_interval_is_latency_by_requests() -> None:
    stages = program(*(activity(f"s{i}", 10, f"u{i}", after=(i - 1,) if i else ()) for i in range(4)))
    assert flow(2, stages, 40).interval == 20
    assert flow(4, stages, 40).interval == 10


def test_two_copies_of_the_weights_halve_the_interval() -> None:
    task = activity("a", 30, loads=(("u", 15),))
    assert flow(4, program(task, u=2), 30).interval == 15


def test_two_units_share_the_bandwidth_of_a_memory() -> None:
    """Each unit wants the whole channel for its 10 ticks: together they take 20 ticks of memory per request."""
    a, b = (
        activity(n, 10, n, channels=(("m", 1000),), loads=((n, 10), ("m", 10)), after=(i - 1,) if i else ())
        for i, n in enumerate("ab")
    )
    found = flow(8, program(a, b), 20)
    assert found.busiest == "m"
    assert found.interval == 20


def test_who_asks_for_little_of_a_crowded_memory_is_not_slowed_down() -> None:
    """While the first unit runs, the second has four fifths of the channel: in turn they keep both at work."""
    a = activity("a", 10, "u", channels=(("m", 200),), loads=(("u", 10), ("m", 2)))
    b = activity("b", 8, "w", channels=(("m", 1000),), loads=(("w", 8), ("m", 8)), after=(0,))
    assert flow(8, program(a, b), 18).interval == 10


@examples(30, 100)
@given(st.lists(st.integers(1, CHANNEL), min_size=1, max_size=6).filter(lambda shares: sum(shares) > CHANNEL))
def test_fair_parts_of_a_channel_add_up_to_the_whole_of_it(shares: list[int]) -> None:
    part = fair_part(np.array(sorted(shares)))
    assert sum(min(share, part) for share in shares) == pytest.approx(CHANNEL)
    assert part >= CHANNEL / len(shares)


def test_a_link_is_free_while_the_last_byte_is_on_its_way() -> None:
    move = activity("move", 10, "route", hold=4, exclusive=(("link", 1),), loads=(("link", 4),))
    assert flow(8, program(move), 10).interval == 4


def test_a_phase_counts_as_often_as_it_is_called() -> None:
    prefill, decode = program(activity("p", 50)), program(activity("d", 10))
    assert loads_per_request([prefill, decode], [1, 5]) == {"u": 100}
    assert steady([prefill, decode], [1, 5], [50, 10], 3, roomy(prefill, decode)).interval == 100


def test_short_calls_go_first_so_that_no_unit_waits_behind_a_long_one() -> None:
    """Long calls first would have requests pile up behind the prefill on one unit while the other idles: 105 ticks."""
    prefill = program(activity("p", 60, "u"), activity("q", 60, "w", after=(0,)))
    decode = program(activity("d", 10, "u"), activity("e", 10, "w", after=(0,)))
    assert steady([prefill, decode], [1, 4], [120, 20], 6, roomy(prefill, decode)).interval == 100


def test_a_request_of_many_activities_is_seen_whole_before_it_is_judged() -> None:
    chain = program(*(activity(f"s{i}", 1, f"u{i % 2}", after=(i - 1,) if i else ()) for i in range(100)))
    assert steady([chain], [900], [100], 2, roomy(chain), EVENTS).activities == 2 * 900 * 100
    assert steady([chain], [900], [100], 2, roomy(chain), EVENTS // 3).activities == 2 * 900 * 100 // 3
    assert steady([chain], [9000], [100], 2, roomy(chain), EVENTS // 30).activities == MOST // 30


def pipeline(stages: int, *ticks: int) -> Program:
    return program(
        *(activity(f"s{i}", ticks[i % len(ticks)], f"u{i}", after=(i - 1,) if i else ()) for i in range(stages))
    )


@pytest.mark.parametrize("ticks", [(10,), (10, 4, 7), (3, 10)])
def test_a_long_pipeline_is_seen_at_work_though_no_request_ends_a_call(ticks: tuple[int, ...]) -> None:
    """All at the first stage would leave most of the others idle for as long as the machine is watched."""
    one, inflight, events = pipeline(300, *ticks), 450, 8000
    starts = [sum(ticks[j % len(ticks)] for j in range(i)) for i in range(300)]
    latency = starts[-1] + ticks[299 % len(ticks)]
    assert events < 450 * 300 // 4
    evenly = steady([one], [8], [latency], inflight, roomy(one), events, [starts])
    heaped = steady([one], [8], [latency], inflight, roomy(one), events)
    assert 10 <= evenly.interval / 8 < 10.3
    assert (evenly.activities, heaped.activities) == (LONGER * events, events)
    assert heaped.interval / 8 > 11


def test_too_few_requests_in_a_long_pipeline_take_their_latency() -> None:
    one = pipeline(300, 10)
    found = steady([one], [8], [3000], 100, roomy(one), 8000, [[10 * i for i in range(300)]])
    assert found.interval / 8 == pytest.approx(30, rel=0.02)


def test_where_requests_end_their_calls_it_is_the_same_wherever_they_start() -> None:
    one = pipeline(20, 10, 4)
    starts = [sum((10, 4)[j % 2] for j in range(i)) for i in range(20)]
    assert steady([one], [8], [140], 25, roomy(one), 8000, [starts]) == steady([one], [8], [140], 25, roomy(one), 8000)


def test_a_call_that_overwrites_bytes_waits_for_their_readers() -> None:
    """Stage b reuses the bytes that c reads: nothing overlaps any more within a request, but requests do."""
    rows = (activity("a", 10, "u"), activity("b", 10, "v", after=(0,)), activity("c", 10, "w", after=(0,)))
    one = program(*rows)
    room = Room((((), (2,), ()),), roomy(one).segments, {})
    assert flow(1, one, 30, room=room).interval == 30
    assert flow(3, one, 30, room=room).interval == 10


def test_requests_that_block_one_another_are_refused() -> None:
    one = program(activity("a", 10, "u"), activity("b", 10, "v"))
    circle = Room((((1,), (0,)),), roomy(one).segments, {})
    with pytest.raises(InvalidPlan) as refused:
        flow(2, one, 10, room=circle)
    assert refused.value.rule == "steady-progress"


def test_work_without_ticks_takes_no_time_and_no_division_by_it() -> None:
    nothing = program(activity("view", 0))
    assert flow(2, nothing, 0).interval == 0
    assert flow(1, nothing, 0).interval == 0


def test_a_request_without_activities_takes_no_time() -> None:
    assert flow(4, program(), 0).interval == 0


@examples(30, 100)
@given(st.integers(1, 300), st.lists(st.tuples(st.integers(1, 200), st.integers(1, 10**6)), min_size=1, max_size=4))
def test_calls_that_are_slowed_alike_are_spread_by_the_time_that_each_phase_takes_alone(
    inflight: int, phases: list[tuple[int, int]]
) -> None:
    calls, latencies = [c for c, _ in phases], [t for _, t in phases]
    found, alone = spread_alike(inflight, calls, latencies), sum(c * t for c, t in phases)
    assert sum(found) == inflight
    assert min(found) >= 0
    if alone >= 1000 * inflight:
        assert all(abs(n - inflight * c * t / alone) < 2 * len(phases) for n, (c, t) in zip(found, phases, strict=True))


def test_a_long_phase_has_requests_where_many_wait_for_the_calls_of_another() -> None:
    assert spread(160, [1, 128], [45, 6], 111) == [0, 160]
    assert spread_alike(160, [1, 128], [45, 6]) == [9, 151]
