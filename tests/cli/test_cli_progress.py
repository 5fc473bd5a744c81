"""What is told of steps that are running: on a terminal, in a file, and with a clock that the test turns."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli_words import PHASES
from rich.console import Console

from mapper.cli.console import Show, standing
from mapper.cli.steps import Steps, spoken_s
from mapper.ir.goal import Objective
from mapper.pipeline.pass_ import Context, Progress, Telling


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def steps(*, terminal: bool, quiet: bool = False, width: int = 120) -> tuple[Steps, Clock, io.StringIO]:
    """Steps that write into a text."""
    file, clock = io.StringIO(), Clock()
    console = Console(file=file, force_terminal=terminal, width=width, highlight=False, color_system=None)
    return Steps(quiet, console, clock), clock, file


def shown(file: io.StringIO) -> str:
    """What was written, without the codes that move the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", file.getvalue())


def test_a_plain_line_comes_every_two_seconds_at_most() -> None:
    told, clock, file = steps(terminal=False)
    for _ in range(50):
        told.tell("place", "best 3 req/s")
        clock.now += 0.1
    told.over("place")
    assert len(shown(file).splitlines()) == 2


def test_a_step_that_is_soon_over_has_no_plain_line() -> None:
    told, clock, file = steps(terminal=False)
    clock.now += 60
    for name in "abc":
        told.tell(name, "begun")
        clock.now += 1.9
        told.tell(name, "going on")
        told.over(name)
    assert shown(file) == ""


def test_on_a_terminal_the_running_steps_are_lines_that_go_away() -> None:
    told, clock, file = steps(terminal=True)
    told.tell("one", "at work")
    told.tell("two", "as well")
    clock.now += 3
    assert [line.plain.split() for line in told._drawn().renderables] == [  # type: ignore[union-attr]
        ["one", "at", "work", "3.0", "s"],
        ["two", "as", "well", "3.0", "s"],
    ]
    assert told._live is not None
    told._live.refresh()
    told.clear()
    assert "\x1b[2K" in file.getvalue()  # erased


def test_the_cursor_is_never_hidden() -> None:
    from mapper.cli.steps import Stderr

    console = Stderr()
    assert console.show_cursor(False) is False


def test_quiet_tells_nothing() -> None:
    told, clock, file = steps(terminal=True, quiet=True)
    with told.step("import"):
        clock.now += 5
    assert file.getvalue() == ""


def test_time_left_follows_from_the_part_done_and_its_pace() -> None:
    told, clock, _ = steps(terminal=False)
    told.tell("place", "", 0.0)
    clock.now += 6
    told.tell("place", "", 0.25)
    (standing_,) = told._running.values()
    assert standing_.left_s(clock.now) == 18.0


def test_no_more_time_is_left_than_the_limit_leaves() -> None:
    told, clock, _ = steps(terminal=False)
    told.until = clock.now + 10
    told.tell("place", "", 0.0)
    clock.now += 6
    told.tell("place", "", 0.25)
    assert "up to 4 s left" in told._line("place", clock.now).plain


def test_too_little_done_says_nothing_about_time() -> None:
    told, clock, _ = steps(terminal=False)
    told.tell("place", "", 0.0)
    clock.now += 6
    told.tell("place", "", 0.01)
    assert told._running["place"].left_s(clock.now) is None


def test_the_next_search_of_a_series_begins_anew() -> None:
    told, clock, _ = steps(terminal=False)
    told.tell("place", "", 0.9)
    clock.now += 60
    told.tell("place", "", 0.0)
    clock.now += 2
    told.tell("place", "", 0.5)
    assert told._running["place"].left_s(clock.now) == 2.0


@pytest.mark.parametrize("width", [1, 20, 40, 60, 99, 120, 300])
@pytest.mark.parametrize("name", ["place", "a-target-" * 20])
def test_a_line_is_never_wider_than_the_terminal(width: int, name: str) -> None:
    told, clock, _ = steps(terminal=True, width=width)
    told.tell(name, "x" * 500, 0.0)
    clock.now += 600
    told.tell(name, "x" * 500, 0.5)
    assert len(told._line(name, clock.now).plain) <= width
    told.clear()


def test_a_long_name_leaves_room_for_what_there_is_to_say() -> None:
    told, clock, file = steps(terminal=False)
    show = Show(False, Objective.ENERGY, told)
    told.tell("t" * 200, "best 3 J", 0.0)
    clock.now += 5
    told.tell("t" * 200, "best 3 J", 0.5)
    show.line("t" * 200, "done", 5.0)
    lines = shown(file).splitlines()
    assert ["best 3 J" in lines[0], "done" in lines[1]] == [True, True]
    assert max(map(len, lines)) <= 120


def test_names_that_steer_a_terminal_are_spelled_out() -> None:
    told, clock, file = steps(terminal=False)
    told.tell("\x1b[31mred", "a\x1bb")
    clock.now += 3
    told.tell("\x1b[31mred", "a\x1bb")
    assert "\x1b" not in file.getvalue()
    assert "\\x1b[31mred" in file.getvalue()


def test_best_bound_and_gap_are_told_in_the_units_of_the_objective() -> None:
    progress = Progress("place", 0.005, 0.0045)
    assert standing(progress, Objective.THROUGHPUT) == "best 200 req/s   bound 222 req/s   gap 10 %"
    assert standing(progress, Objective.LATENCY) == "best 5.00 ms   bound 4.50 ms   gap 10 %"
    assert standing(progress, Objective.ENERGY) == "best 5.00 mJ   bound 4.50 mJ   gap 10 %"
    assert standing(Progress("place", doing="single chips"), Objective.EDP) == "single chips"


def test_a_search_tells_of_the_pass_that_runs() -> None:
    told, clock, file = steps(terminal=False)
    show = Show(False, Objective.ENERGY, told)
    show.tell(Progress("place-cpsat", 1.0))
    clock.now += 5
    show.tell(Progress("place-cpsat", 0.5, done=0.5))
    assert shown(file).split() == ["place-cpsat", "best", "500", "mJ", "up", "to", "5", "s", "left", "5.0", "s"]


def test_news_of_a_search_are_told_together() -> None:
    heard: list[Progress] = []
    telling = Telling("place", heard.append)
    telling.found(3.0, None)
    telling.reached(0.5)
    telling.reached(0.25)
    telling.doing("dealing")
    assert heard[-1] == Progress("place", 3.0, None, 0.5, "dealing")


def test_a_stretch_of_a_budget_tells_its_part_of_the_whole() -> None:
    heard: list[Progress] = []
    budget = Context(tell=heard.append).budget("place")
    stretch = budget.stretch(0.2, 0.8)
    stretch.reached(0.5)
    stretch.part(0.1).reached(1.0)
    assert [round(p.done or 0.0, 9) for p in heard] == [0.2, 0.5]


def test_seconds_left_are_spoken_as_people_say_them() -> None:
    assert [spoken_s(x) for x in (0.2, 8.4, 240.0, 7200.0)] == ["1 s", "8 s", "4 min", "2 h"]


def on_a_terminal(words: list[str], interrupt_after: str = "") -> tuple[int, str]:
    """How a command ended and all that it wrote to a pseudo terminal, on which Ctrl-C is typed after a text."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    command = [sys.executable, "-m", "mapper", *words]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as running:
        os.close(theirs)
        seen, typed = "", False
        while True:
            try:
                got = os.read(ours, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not got:
                break
            seen += got.decode("utf-8", "replace")
            if interrupt_after and not typed and interrupt_after in seen:
                typed = True
                os.killpg(running.pid, signal.SIGINT)
        os.close(ours)
        return running.wait(), seen


@pytest.mark.slow
def test_a_search_on_a_terminal_has_a_live_line_with_best_bound_and_gap(gpt2_tiny: Path, tmp_path: Path) -> None:
    code, seen = on_a_terminal(
        ["compile", str(gpt2_tiny), "--target", "edge-npu", *PHASES, "--out", str(tmp_path / "out")]
    )
    assert code == 0
    assert "loading ..." in seen
    assert re.search(r"place +[█░]+ +best .* bound .* gap ", seen)
    assert "\x1b[?25l" not in seen  # the cursor is never hidden, so it need not be shown again


@pytest.mark.slow
def test_ctrl_c_on_a_terminal_keeps_the_best_plan_so_far(gpt2_tiny: Path, tmp_path: Path) -> None:
    words = ["compile", str(gpt2_tiny), "--target", "superhet", "--effort", "max", *PHASES]
    code, seen = on_a_terminal([*words, "--out", str(tmp_path / "out")], interrupt_after="best ")
    assert code == 0
    assert "stopping: keeping the best plan so far" in seen
    assert (tmp_path / "out" / "plan.json").is_file()
    assert "\x1b[?25l" not in seen


@pytest.mark.slow
def test_without_colours_there_are_none(gpt2_tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    _, seen = on_a_terminal(["inspect", str(gpt2_tiny), "--dim", "batch=1", "--dim", "seq=4", "--dim", "past=0"])
    assert not re.search(r"\x1b\[[0-9;]*m", seen)
