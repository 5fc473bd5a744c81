"""What the four benchmarks share: the table, the files, the exit code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from benchmarks.solving import Answer, Bar, Case, Row, main
from mapper.errors import MapperError
from mapper.solve.budget import Budget


def _solved(value: float) -> Answer:
    return Answer(value, 90.0, "load", {"offsets": {"b0": 0}}, "found by greedy")


def _cases(_: Path) -> list[Case]:
    def refuse(budget: Budget) -> Answer:
        raise MapperError("buffer 'b1' has negative size -4")

    return [
        Case("easy", "one", "3 buffers", 60, lambda _: _solved(100.0), 100.0),
        Case("hard", "two", "4 buffers", 60, lambda _: _solved(90.0)),
        Case("broken", "three", "1 buffer", 60, refuse),
    ]


def _bars(rows: Sequence[Row]) -> Iterable[Bar]:
    worst = max((row.ratio or 1.0) for row in rows)
    yield Bar("worst ratio at most 1.01", f"{worst:.3f}", worst <= 1.01)


def _run(folder: Path, *more: str) -> int:
    return main("doc", _cases, _bars, [str(folder), *more])


def test_the_table_says_value_bound_gap_best_and_ratio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(tmp_path, "--only", "easy/*", "--only", "hard/*") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:8] == ["easy/one", "3", "buffers", "100", "90", "10.00%", "100", "1.00000"]
    assert lines[2].split()[5:7] == ["0.00%", "none"]
    assert "ok      worst ratio at most 1.01: 1.000" in lines


def test_an_instance_that_ends_in_an_error_fails_the_run_but_not_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path) == 1
    out = capsys.readouterr().out
    assert "error: buffer 'b1' has negative size -4" in out
    assert "hard/two" in out
    assert "FAILED  1 instances ended in an error" in out


def test_solutions_are_written_under_their_names(tmp_path: Path) -> None:
    out = tmp_path / "solutions"
    _run(tmp_path, "--solutions", str(out))
    assert sorted(p.name for p in out.iterdir()) == ["one.json", "two.json"]
    assert json.loads((out / "one.json").read_text()) == {"offsets": {"b0": 0}}


def test_a_missed_bar_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("doc", _cases, lambda rows: [Bar("all", "none", False)], [str(tmp_path), "--only", "easy/*"]) == 1
    assert "MISSED  all: none" in capsys.readouterr().out


def test_kernels_are_made_ready_before_the_first_clock_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []
    cases = [Case("easy", "one", "", 60, lambda _: _solved(float(len(done))))]
    assert main("doc", lambda _: cases, _bars, [str(tmp_path)], warm=lambda: done.append("compiled")) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("kernels ready after 0.0 s")
    assert out[2].split()[1] == "1"


def test_nothing_to_solve_is_an_error_and_not_a_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(tmp_path, "--only", "nothing") == 1
    assert "no instance" in capsys.readouterr().out


def test_an_interrupt_still_shows_the_bars_of_what_was_solved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(budget: Budget) -> Answer:
        raise KeyboardInterrupt

    cases = [_cases(tmp_path)[0], Case("late", "four", "", 60, stopped)]
    assert main("doc", lambda _: cases, _bars, [str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "interrupted after 1 of 2 instances" in out
    assert "ok      worst ratio" in out


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--seconds", "0"), "above 0"),
        (("--workers", "0"), "from 1"),
        (("--seed", "-1"), "from 0"),
        (("--solutions", __file__), "--solutions"),
    ],
)
def test_senseless_options_are_refused(
    tmp_path: Path, more: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        _run(tmp_path, *more)
    assert why in capsys.readouterr().err
