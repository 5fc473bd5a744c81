"""`mapper calibrate`, with a calibrator that measures nothing."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from mapper.cli import calibrating
from mapper.hw.calibration import Calibrated, KindErrors, Tell

FOUND = Calibrated("schema: 1\n", "a CPU", (KindErrors("norm", 9, 0.05, 0.08, 0.5, 0.2),), ("the machine is busy",))


@pytest.fixture(autouse=True)
def _no_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    def calibrate(name: str, seconds: float, tell: Tell, units: int = 1) -> Calibrated:
        tell("measure", f"{name} for {seconds:g} s", 1.0)
        if name == "stopped":
            raise KeyboardInterrupt
        return FOUND

    monkeypatch.setattr(calibrating.plugins, "load", lambda group, name: calibrate)


def test_it_prints_the_errors_and_writes_the_file(mapper) -> None:
    ran = mapper("calibrate", "cpu", "--out", "mine.yaml", "--seconds", 20)
    assert ran.code == 0
    assert "norm" in ran.out
    assert "8.0%" in ran.out
    assert "mine for 20 s" in ran.err
    assert "note: the machine is busy" in ran.err
    assert Path("mine.yaml").read_text(encoding="utf-8") == FOUND.text


def test_errors_of_no_points_are_a_dash(mapper, monkeypatch: pytest.MonkeyPatch) -> None:
    none = replace(FOUND, errors=(KindErrors("norm", 1, nan, 0.08, nan, 0.2),))
    monkeypatch.setattr(calibrating.plugins, "load", lambda *_: lambda *_: none)
    out = mapper("calibrate", "cpu").out
    assert "nan" not in out
    assert next(line for line in out.splitlines() if "norm" in line).split() == [
        "norm",
        "1",
        "-",
        "8.0%",
        "-",
        "±",
        "20%",
    ]


@pytest.mark.parametrize(
    ("words", "path"), [([], "this-cpu.yaml"), (["--out", "d"], "d/this-cpu.yaml"), (["--name", "a"], "a.yaml")]
)
def test_the_file_bears_the_name_of_the_target(mapper, words: list[str], path: str) -> None:
    assert mapper("calibrate", "cpu", *words).code == 0
    assert Path(path).is_file()


@pytest.mark.parametrize(
    "words",
    [
        ["--out", "a.yaml", "--name", "b"],
        ["--name", "a/b"],
        ["--out", "a b.yaml"],
        ["--seconds", "1"],
        ["--units", "0"],
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(mapper, words: list[str]) -> None:
    ran = mapper("calibrate", "cpu", *words)
    assert ran.code == 2
    assert not list(Path().iterdir())


def test_an_interrupt_leaves_nothing_behind(mapper) -> None:
    ran = mapper("calibrate", "cpu", "--name", "stopped")
    assert ran.code == 130
    assert not list(Path().iterdir())


def test_quiet_prints_nothing(mapper) -> None:
    ran = mapper("calibrate", "cpu", "--quiet")
    assert (ran.out, ran.err) == ("", "")
