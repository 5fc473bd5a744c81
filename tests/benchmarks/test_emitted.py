"""benchmarks/emitted.py: every kind of model on random places, and what it says of what goes wrong."""

import os
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from benchmarks import emitted
from benchmarks.emitted_models import Case, built, given
from benchmarks.emitted_pair import Pair, Row, Verdict, tried
from tests.pairs import encoder_decoder

CASES = {case.name: case for case in built()}


@pytest.mark.parametrize("name", ["bert-tiny", "encoder-decoder"])
def test_ops_on_random_units_give_the_bits_of_the_whole_model(name):
    row = tried(Pair(CASES[name], "edge-npu", "random-ops:3", "none"))
    assert (row.verdict, row.why) == (Verdict.SAME, "")
    assert row.units == 3
    assert row.pieces > row.units


@pytest.mark.slow
@pytest.mark.parametrize("dice", range(3))
@pytest.mark.parametrize("name", CASES)
def test_any_model_on_random_units_gives_the_bits_of_the_whole_model(name, dice):
    row = tried(Pair(CASES[name], "superhet", f"random-ops:{dice}", "none"))
    assert (row.verdict, row.why) == (Verdict.WITHIN if name.endswith("fp16") else Verdict.SAME, "")
    assert row.units > 1


def test_what_the_compiler_refuses_is_no_failure(tmp_path):
    nothing = Case("gone", ("run: batch=1",), lambda folder: [folder / "gone.onnx"])
    row = tried(Pair(nothing, "edge-npu", "default", "none"))
    assert row.verdict is Verdict.REFUSED
    assert "gone.onnx" in row.why


def broken(folder: Path) -> list[Path]:
    raise ZeroDivisionError("in the middle")


def test_a_pair_that_breaks_is_told_and_ends_nothing(capsys, monkeypatch):
    cases = [Case("broken", ("run: batch=1",), broken), CASES["encoder-decoder"]]
    monkeypatch.setattr(emitted, "built", lambda: cases)
    monkeypatch.setattr(emitted.Apart, "tried", lambda self, pair: tried(pair))
    assert emitted.main(["--target", "edge-npu", "--pipeline", "greedy", "--full"]) == 1
    screen = capsys.readouterr().out
    assert "FAILED: ZeroDivisionError: in the middle" in screen
    assert "    1 same bits" in screen


def dies(line: Connection) -> None:
    os._exit(7)


def test_a_process_that_dies_is_told(monkeypatch):
    monkeypatch.setattr(emitted, "_serve", dies)
    monkeypatch.setattr(emitted, "START", "fork")
    row = emitted.Apart(60.0).tried(Pair(CASES["bert-tiny"], "edge-npu", "default", "none"))
    assert row == Row(why="the process ended with code 7")


def test_every_target_has_models_in_turn_and_every_fifth_pair_runs_in_processes():
    options = emitted._options([])
    pairs = list(emitted.pairs(options, built(), [f"t{k}" for k in range(13)]))
    assert [sum(p.target == f"t{k}" for p in pairs) for k in range(13)] == [3] * 13
    assert {p.case.name for p in pairs} == CASES.keys()
    assert [p.workers for p in pairs[:6]] == ["none"] * 4 + ["process", "none"]


def test_files_of_a_folder_stand_alone_and_as_a_pair(tmp_path):
    encoder_decoder(tmp_path)
    found = list(given(tmp_path, 1e6))
    assert [case.name for case in found] == ["decoder", "encoder"]
    (tmp_path / "encoder.onnx").rename(tmp_path / "m-encoder.onnx")
    (tmp_path / "decoder.onnx").rename(tmp_path / "m-decoder.onnx")
    found = list(given(tmp_path, 1e6))
    assert found[-1].name == "m-encoder+m-decoder"
    assert not list(given(tmp_path, 10))


@pytest.mark.parametrize("slip", [["--only", "bert-tinny"], ["--target", "edge-npv"], ["--pipeline", "greedi"]])
def test_names_that_there_are_not_are_refused_before_anything_runs(slip, capsys):
    assert emitted.main(slip) == 2
    told = capsys.readouterr()
    assert slip[1] in told.err
    assert "verdict" not in told.out


def test_a_run_in_which_every_pair_is_refused_proves_nothing(capsys, monkeypatch):
    monkeypatch.setattr(emitted.Apart, "tried", lambda self, pair: Row(verdict=Verdict.REFUSED))
    assert emitted.main(["--only", "bert-tiny", "--target", "edge-npu"]) == 1


def test_a_process_that_died_between_two_pairs_is_told(monkeypatch):
    monkeypatch.setattr(emitted, "START", "fork")
    apart = emitted.Apart(60.0)
    apart._process, apart._line = emitted._started()
    apart._process.kill()
    apart._process.join()
    assert apart.tried(Pair(CASES["bert-tiny"], "edge-npu", "default", "none")).why == "the process ended with code -9"


def test_a_file_that_cannot_be_read_ends_no_list_of_models(tmp_path):
    (tmp_path / "nothing.onnx").write_bytes(b"")
    encoder_decoder(tmp_path)
    assert [case.name for case in given(tmp_path, 1e6)] == ["decoder", "encoder", "nothing"]
