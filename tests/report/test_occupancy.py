"""Memory over time: step functions that keep to the judge's peaks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_plans import finished

from mapper.cost.judge import WATCHED, Verdict, fixed_bytes, judge
from mapper.cost.window import window
from mapper.report.occupancy import Steps, alone, in_steady_state, steps

PLANS = (("gpt2-tiny", "edge-npu"), ("bert-tiny", "superhet"), ("gpt2-tiny", "dgx-a100"))


@cache
def watched(model: str, target: str) -> Verdict:
    return judge(finished(model, target), watched=WATCHED)


@cache
def by_itself() -> Verdict:
    return judge(replace(finished(*PLANS[0]), inflight=1))


def of(*spans: tuple[int, int, int], ticks: int = 100, most: int = 400) -> Steps:
    """The step function of spans: bytes, from, until."""
    return steps([tuple(np.array(column) for column in zip(*spans, strict=True))] if spans else [], ticks, most)  # type: ignore[misc]


def test_bytes_rise_and_fall_with_what_comes_and_goes() -> None:
    assert of((10, 0, 50), (5, 20, 70)) == Steps((0, 20, 50, 70), (10, 15, 5, 0), (10, 15, 5, 0))


def test_what_was_there_before_is_there_at_the_start_and_what_stays_until_the_end() -> None:
    assert of((3, -(1 << 62), 1 << 62), (4, 90, 200)) == Steps((0, 90), (3, 7), (3, 7))


def test_nothing_is_a_step_of_nothing() -> None:
    assert of() == Steps((0,), (0,), (0,))


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(-20, 119), st.integers(1, 60)), max_size=30), st.integers(2, 9)
)
def test_few_points_keep_all_peaks_and_all_lows(rows: list[tuple[int, int, int]], most: int) -> None:
    spans = [(size, start, start + length) for size, start, length in rows]
    coarse = of(*spans, most=most)
    level = [sum(size for size, start, end in spans if start <= t < end) for t in range(100)]
    assert len(coarse.times) <= most
    for k, (first, last) in enumerate(zip(coarse.times, [*coarse.times[1:], 100], strict=True)):
        assert (coarse.low[k], coarse.high[k]) == (min(level[first:last]), max(level[first:last]))


@pytest.mark.parametrize("plan", PLANS)
def test_one_call_has_the_buffers_of_its_map(plan: tuple[str, str]) -> None:
    verdict = watched(*plan)
    for found in alone(verdict):
        for memory in found.memories:
            here = [b for b in verdict.plan.memory or () if (b.phase, b.memory) == (found.phase, memory.memory)]
            live = [sum(b.size for b in here if b.start <= at < b.end) for at in memory.buffers.times]
            assert list(memory.buffers.high) == live
            assert memory.most <= min(memory.capacity, verdict.peaks[memory.memory])


@pytest.mark.parametrize("plan", PLANS)
def test_the_steady_state_never_exceeds_the_peaks_of_the_judge(plan: tuple[str, str]) -> None:
    verdict = watched(*plan)
    found = in_steady_state(verdict, window(verdict, 20))
    assert any(memory.buffers.most for memory in found)
    for memory in found:
        assert memory.most <= verdict.peaks[memory.memory] <= memory.capacity
        assert memory.weights + memory.states == fixed_bytes(verdict.plan)[memory.memory]
        assert min(memory.buffers.low) >= 0


@pytest.mark.parametrize("plan", PLANS)
def test_in_steady_state_there_is_more_than_one_call_alone_ever_has(plan: tuple[str, str]) -> None:
    verdict = watched(*plan)
    together = {m.memory: m.buffers.most for m in in_steady_state(verdict, window(verdict, 20))}
    least = {m.memory: min(c.buffers.most for p in alone(verdict) for c in p.memories if c.memory == m.memory)
             for p in alone(verdict) for m in p.memories}  # fmt: skip
    assert sum(together.values()) >= sum(least.values()) > 0


@pytest.mark.parametrize("plan", PLANS)
def test_a_short_stretch_knows_what_lay_there_before_and_stays_after_it(plan: tuple[str, str]) -> None:
    """A long stretch sees what a short one within it has to infer."""
    verdict = watched(*plan)
    short, long = window(verdict, 0.7), window(verdict, 30)
    assert long.start < short.start < short.end <= long.end
    inner, outer = ({m.memory: m.buffers for m in in_steady_state(verdict, w, 10**9)} for w in (short, long))
    for name, whole in outer.items():
        own = inner.get(name, Steps((0,), (0,), (0,)))
        at = [t for t in (long.start + t for t in whole.times) if short.start <= t < short.end]
        assert levels(own, [t - short.start for t in at]) == levels(whole, [t - long.start for t in at]), name


def levels(found: Steps, at: list[int]) -> list[int]:
    return [found.high[k] for k in (np.searchsorted(found.times, at, "right") - 1).tolist()]


def test_requests_one_by_one_have_the_buffers_of_their_calls() -> None:
    verdict = by_itself()
    together = {m.memory: m.buffers.most for m in in_steady_state(verdict, window(verdict, 1))}
    for found in alone(verdict):
        for memory in found.memories:
            assert memory.buffers.most <= together[memory.memory]
    assert together == {
        name: max(m.buffers.most for p in alone(verdict) for m in p.memories if m.memory == name) for name in together
    }
