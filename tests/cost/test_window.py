"""Windows: a stretch of the steady state in which the machine is as the judge says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import pytest
from cost_builders import activity, program
from real_plans import finished

from mapper.cost.bars import Bar, Window, loads_in, parts
from mapper.cost.judge import Verdict, judge
from mapper.cost.recorded import recorded
from mapper.cost.window import WATCHED, window

SEVERAL, PIPELINE, IN_A_ROW = ("gpt2-tiny", "edge-npu"), ("bert-tiny", "superhet"), ("gpt2-tiny", "dgx-a100")


@cache
def watched(model: str, target: str) -> Verdict:
    return judge(finished(model, target), watched=WATCHED)


@cache
def alone() -> Verdict:
    """One request at a time."""
    return judge(replace(finished(*SEVERAL), inflight=1))


def bars_of(found: Window, request: int, phase: int, call: int) -> list[Bar]:
    return [bar for bar in found.bars if bar[:3] == (request, phase, call)]


@pytest.mark.parametrize("plan", [SEVERAL, PIPELINE])
def test_watching_changes_no_figure(plan: tuple[str, str]) -> None:
    unwatched = judge(finished(*plan))
    assert unwatched == watched(*plan)
    assert (unwatched.steady.tail, unwatched.figures) == (None, watched(*plan).figures)


@pytest.mark.parametrize("plan", [SEVERAL, PIPELINE])
def test_a_verdict_that_did_not_watch_has_the_same_window(plan: tuple[str, str]) -> None:
    assert window(judge(finished(*plan)), 1) == window(recorded(finished(*plan)), 1) == window(watched(*plan), 1)


@pytest.mark.parametrize("plan", [SEVERAL, PIPELINE, ("bert-tiny", "edge-npu"), ("gpt2-tiny", "superhet")])
def test_resources_are_as_busy_as_the_judge_says(plan: tuple[str, str]) -> None:
    verdict = watched(*plan)
    found = window(verdict, 5)
    said = {resource: ticks / verdict.interval for resource, ticks in verdict.loads.items()}
    assert found.intervals == pytest.approx(5, rel=1e-3)
    assert loads_in(found, verdict.programs) == pytest.approx(said, abs=0.03)


@pytest.mark.parametrize("plan", [SEVERAL, PIPELINE, ("bert-tiny", "edge-npu")])
def test_a_short_stretch_is_one_in_which_the_machine_does_what_a_request_takes(plan: tuple[str, str]) -> None:
    """The last interval of the simulation may have an op twice and another not at all."""
    verdict = watched(*plan)
    found = loads_in(window(verdict, 1), verdict.programs)
    for resource, ticks in verdict.loads.items():
        assert found.get(resource, 0.0) == pytest.approx(ticks / verdict.interval, abs=0.1), resource


def test_alone_requests_keep_resources_as_busy_as_the_judge_says() -> None:
    verdict = alone()
    said = {resource: ticks / verdict.interval for resource, ticks in verdict.loads.items()}
    assert loads_in(window(verdict), verdict.programs) == pytest.approx(said, rel=1e-6)


@pytest.mark.parametrize("plan", [SEVERAL, PIPELINE])
def test_bars_are_in_the_stretch_by_their_start(plan: tuple[str, str]) -> None:
    found = window(watched(*plan))
    assert [bar.start for bar in found.bars] == sorted(bar.start for bar in found.bars)
    assert all(bar.start <= bar.held <= bar.end for bar in found.bars)
    assert all(bar.end >= found.start and bar.start <= found.end for bar in found.bars)


@pytest.mark.parametrize("plan", [SEVERAL, PIPELINE])
def test_no_resource_is_held_more_often_than_it_is_there(plan: tuple[str, str]) -> None:
    verdict = watched(*plan)
    there: dict[str, int] = {}
    for each in verdict.programs:
        sets = dict(each.sets)
        there |= {resource: n * sets.get(resource, 1) for resource, n in each.capacities}
    moments: dict[str, list[tuple[int, int]]] = {}
    for bar in window(verdict).bars:
        for resource, n in verdict.programs[bar.phase].activities[bar.activities[0]].exclusive:
            moments.setdefault(resource, []).extend([(bar.start, n), (bar.held, -n)])
    assert moments
    for resource, changes in moments.items():
        level = 0
        for _, n in sorted(changes):
            level += n
            assert level <= there[resource], resource


@pytest.mark.parametrize("plan", [SEVERAL, PIPELINE])
def test_nothing_starts_before_what_it_needs(plan: tuple[str, str]) -> None:
    verdict = watched(*plan)
    found = window(verdict)
    ends = {(*bar[:3], bar.activities[-1]): bar.end for bar in found.bars}
    for bar in found.bars:
        for need in verdict.programs[bar.phase].activities[bar.activities[0]].after:
            assert ends.get((*bar[:3], need), found.start) <= max(bar.start, found.start)


@pytest.mark.parametrize("plan", [SEVERAL, PIPELINE])
def test_of_a_call_all_has_run_but_what_comes_later(plan: tuple[str, str]) -> None:
    """A call that begins and ends in the stretch has a bar for each activity; what is later in one has none."""
    verdict = watched(*plan)
    found = window(verdict, 40)
    whole = 0
    for call in found.calls:
        bars = bars_of(found, *call[:3])
        run = {i for bar in bars for i in bar.activities}
        assert not run & call.later
        if not call.later and len(run) == len(verdict.programs[call.phase].activities):
            whole += 1
    assert whole
    assert {bar[:3] for bar in found.bars} <= {call[:3] for call in found.calls}


def test_requests_have_numbers_in_the_order_in_which_they_are_done() -> None:
    found = window(watched(*SEVERAL), 3)
    last = {bar.request: (bar.phase, bar.call, bar.activities[0]) for bar in found.bars}
    assert sorted(last) == list(range(found.requests))
    first = {bar.request: -(10**6 * bar.phase + bar.call) for bar in reversed(found.bars)}
    assert [first[k] for k in sorted(first)] == sorted(first.values())


@pytest.mark.parametrize("judged", [partial(watched, *SEVERAL), alone], ids=["several", "alone"])
def test_with_few_bars_the_stretch_is_shorter_and_says_what_it_leaves_out(judged: Callable[[], Verdict]) -> None:
    verdict = judged()
    found = window(verdict, 2, most=100)
    assert len(found.bars) <= 100
    assert found.intervals < 1
    shown = sum(len(bar.activities) for bar in found.bars)
    assert found.left_out == pytest.approx(2 * verdict.activities_per_request - shown, rel=0.1)
    assert window(verdict, 1).left_out == 0


def test_what_a_unit_does_in_a_row_is_one_bar_only_where_there_are_too_many() -> None:
    verdict = watched(*IN_A_ROW)
    fine = window(verdict, 1)
    coarse = window(verdict, 1, most=len(fine.bars) - 1)
    assert max(len(bar.activities) for bar in fine.bars) == 1
    assert max(len(bar.activities) for bar in coarse.bars) > 1
    split = {part for bar in coarse.bars for part in parts(bar, verdict.programs)}
    assert len(split) == len(fine.bars)
    assert split == set(fine.bars)


def test_the_parts_of_a_bar_are_slowed_down_alike_and_end_with_it() -> None:
    one = program(activity("a", 10), activity("b", 30, after=(0,)), activity("c", 12, hold=10, after=(1,)))
    assert [part[3:] for part in parts(Bar(0, 0, 0, (0, 1, 2), 100, 200, 202), [one])] == [
        ((0,), 100, 120, 120), ((1,), 120, 180, 180), ((2,), 180, 200, 202),
    ]  # fmt: skip
