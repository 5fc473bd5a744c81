"""Seconds are told by statistics: never what runs differ by anyway, what was known, or what another machine took."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from mapper.regress.baseline import Baseline
from mapper.regress.compared import Compared
from mapper.regress.record import Ended, Record
from mapper.regress.screen import markdown, screen
from mapper.regress.timings import Timings, timings

ONE = Record("gpt2/superhet/throughput", "k", Ended.FOUND, machine="Linux, 2 cores")


def took(seconds: float, record: Record = ONE) -> Record:
    return replace(record, timings={"case_s": seconds, "total_s": seconds - 0.1})


def nights(*seconds: float, record: Record = ONE) -> list[list[Record]]:
    return [[took(s, record)] for s in seconds]


QUIET = nights(10.0, 10.3, 9.8, 10.1, 9.9, 10.2, 10.04, 10.06)


@pytest.mark.parametrize(("seconds", "said"), [(10.4, ""), (13.0, "slower"), (7.0, "faster"), (10.9, ""), (9.5, "")])
def test_only_what_earlier_runs_do_not_differ_by_is_told(seconds: float, said: str) -> None:
    (found,) = timings([took(seconds)], QUIET).cases
    assert found.said == said
    assert found.before == pytest.approx(10.05, rel=1e-3)
    assert found.runs == 8


def test_where_earlier_runs_differ_widely_the_same_seconds_are_as_usual() -> None:
    (found,) = timings([took(13.0)], nights(8.0, 12.0, 9.0, 14.0, 10.0, 7.0, 9.5, 11.0)).cases
    assert found.said == ""


def test_one_slow_night_among_those_before_hides_nothing() -> None:
    (found,) = timings([took(13.0)], [*QUIET, *nights(300.0)]).cases
    assert found.said == "slower"


def test_what_was_known_is_counted_once_and_is_no_measurement_of_this_run() -> None:
    assert timings([took(13.0)], nights(*[10.0] * 9)).cases == ()
    assert timings([took(10.1)], QUIET).cases == ()
    assert timings([took(13.0)], QUIET[:7]).cases == ()


@pytest.mark.parametrize(
    "other",
    [
        replace(ONE, machine="Linux, 64 cores"),
        replace(ONE, machine=""),
        replace(ONE, case="other"),
        replace(ONE, ended=Ended.TIMEOUT),
    ],
)
def test_only_answers_to_the_same_case_on_the_same_machine_are_held_together(other: Record) -> None:
    seconds = [10.0 + k / 100 for k in range(9)]
    assert timings([took(13.0)], nights(*seconds, record=other)).cases == ()
    assert timings([took(13.0, other)], nights(*seconds)).cases == ()


def test_a_new_key_is_another_measurement_of_the_same_case() -> None:
    assert timings([took(13.0, replace(ONE, key="new"))], QUIET).cases[0].said == "slower"


def many(factor: float, spread: float) -> Timings:
    source = Random(3)
    cases = [replace(ONE, case=f"case {k}") for k in range(40)]
    earlier = [[took(10.0 * source.lognormvariate(0.0, spread), case) for case in cases] for _ in range(8)]
    return timings([took(10.0 * factor * source.lognormvariate(0.0, spread), case) for case in cases], earlier)


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.1])
def test_all_cases_together_show_what_no_single_one_does(factor: float) -> None:
    found = many(factor, 0.1)
    mean, low, high = found.together
    assert len(found.told) <= 1
    assert low < factor < high
    assert low < mean < high
    assert high / low < 1.12
    assert many(factor, 0.1).together == (mean, low, high)


def test_seconds_are_told_and_fail_nothing() -> None:
    found = Compared("nightly", "2026", Baseline("nightly"), (), timings=timings([took(13.0)], QUIET))
    text = screen(found)
    assert not found.fails
    assert "seconds by the clock: 1.29 times those of before" in text
    assert "slower: gpt2/superhet/throughput" in text
    assert "13.0 s, before 10.0 s in 8 runs" in text
    assert "slower: gpt2/superhet/throughput" in markdown(found)
    assert found.data["timings"]["cases"][0]["said"] == "slower"
    assert "seconds" not in screen(replace(found, timings=Timings()))
