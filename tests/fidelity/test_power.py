"""Power at the wall: limits, clocks, and constants that rows made here give back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.fit_energy import Measured, by_the_others, fit, under
from benchmarks.measured.served import Served
from benchmarks.power import Board, board_of, running
from benchmarks.serving import Calls, Part, Server
from mapper.hw.load import load_target
from mapper.hw.work import DType

ROW = Served("s", "H200", "h200", "LLaMA 70B", DType.F8, 8, 1, 0, 1, 100, 100, 1.0, True)
BOARD = Board(limit_w=700, idle_w=100, active_w=300, machine_w=3000)
BUSY = Calls(1, 10, 10, Part(0.1, joules=40.0, memory_j=5.0), Part(1.0, joules=450.0, memory_j=100.0))
LIMITED = replace(ROW, limited=True)


def test_a_board_takes_no_more_than_its_limit() -> None:
    found = running(ROW, BUSY, Server(), BOARD, volts=0.6)
    assert found.clock == 1
    assert found.watts == pytest.approx(3000 + 8 * 600, rel=0.01)
    assert running(ROW, BUSY, Server(), replace(BOARD, limit_w=500), volts=0.6).watts < found.watts


def test_a_machine_for_most_requests_a_joule_slows_down_and_serves_more_for_a_joule() -> None:
    full, best = (running(row, BUSY, Server(), BOARD, volts=0.6) for row in (ROW, LIMITED))
    assert best.clock < 1
    assert best.per_s < full.per_s
    assert best.joules < full.joules


def test_more_power_at_rest_asks_for_a_quicker_clock() -> None:
    low, high = (running(LIMITED, BUSY, Server(), replace(BOARD, machine_w=w), volts=0.6) for w in (1500, 6000))
    assert low.clock < high.clock


def test_what_waits_for_memory_is_not_slowed_by_the_clock() -> None:
    waiting = replace(BUSY, step=replace(BUSY.step, waiting_s=0.9))
    kept = [running(LIMITED, c, Server(), BOARD, volts=0.6).per_s / running(ROW, c, Server(), BOARD).per_s
            for c in (BUSY, waiting)]  # fmt: skip
    assert kept[0] < kept[1]


def test_the_power_of_a_machine_is_that_of_its_parts_and_of_the_rest() -> None:
    board, system = board_of(ROW), load_target("hgx-h200")
    assert board is not None
    assert board.machine_w == pytest.approx(system.idle_power_w)
    assert system.rest_power_w > 0
    assert replace(system, rest_power_w=0.0).idle_power_w == pytest.approx(board.machine_w - system.rest_power_w)
    assert board_of(replace(ROW, target="tpu-v4", weights=DType.BF16)) is None


def test_the_fit_finds_the_rest_that_made_the_rows() -> None:
    made = [Measured(replace(LIMITED, model=m), BUSY, BOARD, 1000.0) for m in ("LLaMA 70B", "Mixtral 8x7B")]
    rows = []
    for one in made:
        ours = under(one, 1700)
        rows.append(replace(one, row=replace(one.row, per_s=ours.per_s, watts=ours.watts)))
    assert fit(rows) == 1700
    assert [joules for joules, _ in by_the_others(rows, rows)] == pytest.approx([0, 0])


def test_a_busy_gpu_takes_power_whatever_it_does() -> None:
    model = load_target("h100-sxm").unit["gpu0"].model
    assert model.active_w == pytest.approx(0.46 * 700)  # type: ignore[attr-defined]
