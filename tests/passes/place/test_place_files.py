"""Plans of several files: each phase has the tasks of its own file, weights that are shared lie once."""

from pathlib import Path

import pytest

from mapper import compile
from mapper.cost.check import check
from mapper.ir.serial import from_json, to_json
from tests.pairs import decoder, encoder_decoder

NAMES = ("layer.0.q", "layer.0.k", "layer.0.v", "layer.0.o")
PHASES = ("prefill: seq=16", "decode: seq=1 past=16..23")


def pair(folder: Path, width: int = 64) -> list[Path]:
    return [
        decoder(folder / "prefill.onnx", NAMES, cached=False, width=width),
        decoder(folder / "decode.onnx", NAMES, cached=True, width=width),
    ]


@pytest.mark.parametrize("target", ["superhet", "edge-npu", "rram-cim"])
def test_a_plan_of_two_files_keeps_every_rule(tmp_path, target):
    done = compile(pair(tmp_path), target, PHASES, effort="quick", pipeline="heft")
    check(from_json(to_json(done.plan)))
    assert {t.phase for t in done.plan.tasks if t.cluster.startswith("decode/")} == {"decode"}
    assert set(done.summary["phases"]) == {"prefill", "decode"}


def test_weights_that_two_files_share_lie_once(tmp_path):
    together = compile(pair(tmp_path, 32), "a100-80", PHASES, effort="quick", pipeline="one-unit").plan
    apart = compile(pair(tmp_path, 32), "a100-80", PHASES, effort="quick", pipeline="one-unit", mix={"decode": 1}).plan
    one, two = (sum(r.bytes for r in p.residency if not r.per_request) for p in (together, apart))
    assert two == 2 * one


def test_arrays_that_hold_a_shared_weight_serve_both_files(tmp_path):
    phases = ("prefill: seq=16", "decode: seq=16 past=16")
    plan = compile(pair(tmp_path), "edge-npu", phases, effort="quick", pipeline="one-unit").plan
    arrays = [p for p in plan.placement if p.weights == "cim.arrays"]
    assert [plan.task[p.task].phase for p in arrays] == ["prefill"] * 4 + ["decode"] * 4
    assert len([r for r in plan.residency if r.memory == "cim.arrays"]) == 4


def test_an_encoder_and_its_decoder_are_one_plan(tmp_path):
    phases = ("encode@encoder.onnx:", "decode@decoder.onnx: seq=1 calls=8")
    done = compile(encoder_decoder(tmp_path), "edge-npu", phases, effort="quick", pipeline="heft")
    check(done.plan)
    assert [p.calls for p in done.plan.phases] == [1, 8]


def test_a_mix_runs_each_model_so_often(tmp_path):
    done = compile(pair(tmp_path), "edge-npu", PHASES, effort="quick", pipeline="heft", mix={"prefill": 3})
    check(done.plan)
    assert {name: row["calls"] for name, row in done.summary["phases"].items()} == {"prefill": 3, "decode": 8}
