"""What a run tells: a line for each case that was asked, live lines on a terminal only, a sum with what went wrong."""

from __future__ import annotations

import io
import re
import signal
from pathlib import Path

import pytest
from rich.console import Console

from mapper.cli.console import Show
from mapper.cli.main import main
from mapper.cli.regress_watching import ALL, Watch, figure, line, summary
from mapper.cli.steps import Steps
from mapper.ir.goal import Objective
from mapper.pipeline.pass_ import Progress
from mapper.regress.cases import Case, MappingCase
from mapper.regress.history import Run
from mapper.regress.record import Ended, Record
from mapper.regress.scores import ScoreCase
from mapper.regress.suite import Asked, Score, Workload


def case(name: str, objective: str = "throughput") -> MappingCase:
    return MappingCase(name, "m", Workload(file="m.onnx"), "t", Asked(objective=objective))


SCORE = ScoreCase("scores/bench", Score(command=["x"], better={"solved*": "more"}))
FOUND = Record("a", "k", Ended.FOUND, {"value": 1500.0, "gap": 0.0123}, {"case_s": 3.21})


class Watched:
    """A watch of some cases, and what it has printed."""

    def __init__(self, *some: Case, terminal: bool = False, quiet: bool = False) -> None:
        self.file = io.StringIO()
        console = Console(file=self.file, force_terminal=terminal, width=120, highlight=False, color_system=None)
        self.steps = Steps(quiet, console, live=True)
        self.watch = Watch(Show(quiet, Objective.THROUGHPUT, self.steps), some)

    @property
    def lines(self) -> list[str]:
        return [" ".join(line.split()) for line in self.file.getvalue().splitlines()]

    def part(self) -> float | None:
        return self.steps._running[ALL].done


def test_without_a_terminal_each_case_that_was_asked_is_one_line_and_nothing_else_is_told() -> None:
    told = Watched(case("a"), case("b"), case("c"))
    told.watch.ended(Record("c", "k", Ended.FOUND), known=True)
    for name in ("a", "b"):
        told.watch.begun(name)
        told.watch.tell(name, Progress("place", 1.0, 0.5, 0.5))
    told.watch.ended(Record("b", "k", Ended.BROKEN, timings={"case_s": 1.0}, reason="it \x1b[31mcrashed"), known=False)
    told.watch.ended(FOUND, known=False)
    assert told.lines == ["broken b it \\x1b[31mcrashed 1.0 s", "found a 1.50 k req/s gap 1.2 % 3.2 s"]


def test_who_is_quiet_is_told_nothing() -> None:
    told = Watched(case("a"), quiet=True)
    told.watch.begun("a")
    told.watch.ended(FOUND, known=False)
    assert told.file.getvalue() == ""


def test_a_terminal_has_a_bar_of_all_and_a_line_of_each_that_runs() -> None:
    told = Watched(case("a"), case("b"), case("c"), case("d"), terminal=True)
    told.watch.ended(Record("c", "k", Ended.FOUND), known=True)
    told.watch.ended(Record("d", "", Ended.REFUSED, reason="no model"), known=False)
    told.watch.begun("a")
    assert told.part() == 0.0  # neither was asked: they tell nothing of the pace
    told.watch.tell("a", Progress("place", done=0.5))
    assert told.part() == 0.25
    drawn = [line.plain.split()[0] for line in told.steps._drawn().renderables]  # type: ignore[union-attr]
    assert drawn == [ALL, "a"]
    told.watch.ended(FOUND, known=False)
    assert told.part() == 0.5
    told.watch.begun("b")
    told.watch.ended(Record("b", "k", Ended.FOUND), known=False)
    assert not told.steps._running


@pytest.mark.parametrize(
    ("record", "of", "said"),
    [
        (FOUND, case("a"), "1.50 k req/s   gap 1.2 %"),
        (Record("a", "k", Ended.FOUND, {"value": 2e-3}), case("a", "tpot subject to ttft<=1"), "2.00 ms"),
        (Record("a", "k", Ended.FOUND, {"value": 3.0}), case("a", "edp"), "3.00 J s"),
        (Record("a", "k", Ended.FOUND, {"mape": 4.5, "solved of j30": 28.0}), SCORE, "solved of j30 28"),
        (Record("a", "k", Ended.FOUND, {"mape": 4.5}), SCORE, "mape 4.5"),
        (Record("a", "", Ended.REFUSED, reason="no such objective"), case("a", "hope"), "no such objective"),
    ],
)
def test_the_figure_is_what_the_case_is_about(record: Record, of: Case, said: str) -> None:
    assert figure(record, of) == said


def test_a_line_is_no_longer_than_its_columns_whatever_names_and_reasons_are() -> None:
    long = Record("n" * 300, "", Ended.REFUSED, timings={"case_s": 1.0}, reason="r " * 300)
    assert len(line(long, case("n" * 300))) <= 112


def test_the_sum_tells_why_there_is_no_answer_and_not_what_was_stopped() -> None:
    records = [FOUND, Record("b", "", Ended.SKIPPED, reason="no data here"), Record("c", "", Ended.STOPPED)]
    told = summary(Run(1, "today", "s", "now"), records, 1)
    assert [re.sub(" +", " ", row.strip()) for row in told.splitlines()] == [
        "today: 1 found, 1 stopped, 1 skipped · 1 known from before", "skipped b: no data here",
    ]  # fmt: skip


def test_who_interrupts_twice_is_told_what_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = tmp_path / "cases.yaml"
    suite.write_text("schema: 1\nname: s\nscores: {a: {command: [python]}}\n")

    def interrupted(*_: object) -> None:
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("mapper.cli.regressing.run_cases", interrupted)
    assert main(["regress", "run", str(suite), "--out", str(tmp_path / "out"), "--quiet"]) == 130
    assert capsys.readouterr().err == "interrupted: what is finished is kept\n"
