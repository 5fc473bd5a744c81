"""The benchmark of the whole library: what a row says, which rows miss the bar, and processes that fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.libraries.compiled import Row, row_of
from benchmarks.libraries.table import line, verdict
from benchmarks.library import rows
from mapper.execution.jobs import Failure, Outcome, Status

DONE = Row("a40", "gpt2", "gpu cpu", 0.1, 9.0, 8.0, per_s=1200.0, gap=0.01, limited_by="matmul on gpu0 65 %")
UNFIT = Row("neurram", "gpt2", "cim-analog", 0.1, 1.0, 1.0, why="no unit of neurram can run 16 kinds of ops in gpt2")


def test_a_plan_in_time_and_a_reason_meet_the_bar() -> None:
    text, met = verdict([DONE, UNFIT])
    assert met
    assert "1 of 2 compile, 1 say why not, 0 fail" in text


def test_a_plan_without_a_bound_is_not_told_as_one_without_a_gap() -> None:
    assert "no bound" in line(replace(DONE, gap=None))
    assert "1.00" in line(DONE)


def test_equal_reasons_of_several_targets_count_together() -> None:
    text, _ = verdict([UNFIT, replace(UNFIT, target="colonnade", why=UNFIT.why.replace("neurram", "colonnade"))])
    assert "2 x no unit of TARGET can run 16 kinds of ops in MODEL" in text


def test_a_process_that_is_gone_misses_the_bar() -> None:
    gone = row_of(
        Outcome("gpt2 on a40", Status.CRASHED, failure=Failure("crashed", "its process was killed"), seconds=3)
    )
    text, met = verdict([DONE, gone])
    assert not met
    assert "FAILS: gpt2 on a40: crashed: its process was killed" in text


def test_only_what_the_processor_took_is_too_slow() -> None:
    waited = replace(DONE, seconds=40.0)
    assert verdict([waited])[1]
    assert not verdict([replace(waited, cpu_s=25.0)])[1]
    assert line(replace(waited, cpu_s=25.0)).endswith("SLOW")


@pytest.mark.slow
def test_a_target_compiles_and_a_macro_says_why_not() -> None:
    found = list(rows(["xeon-8592", "neurram"], 1, 120.0))
    assert [row.model for row in found] == ["bert-base", "gpt2"] * 2
    assert all(row.per_s > 0 and row.limited_by for row in found[:2])
    assert all("can run" in row.why and not row.fault for row in found[2:])
