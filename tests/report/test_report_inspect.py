"""What `mapper inspect` says of small models, as data and as a screen."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from mapper import inspect
from mapper.report.inspect_screen import inspect_screen
from mapper.report.inspection import Inspection
from mapper.report.screen import WIDTH
from samples.models.build import MODELS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "frontend"))
from onnx_graphs import model, node, save, typed

PREFILL, DECODE = "prefill: batch=1 seq=16 past=0", "decode: batch=1 seq=1 past=16..23"


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("gpt2"), "gpt2-tiny")


def written(folder: Path, name: str) -> Path:
    path = folder / f"{name}.onnx"
    path.write_bytes(MODELS[name](None, None).SerializeToString())
    return path


def text_of(found: Inspection) -> str:
    """The screen without the seconds, which differ from run to run."""
    return inspect_screen(found, "mapper inspect MODEL").replace(f" · {found.seconds:.1f} s", "") + "\n"


def test_the_screen_of_a_decoder_with_a_cache_in_two_phases(gpt2: Path, golden: Callable[[str, str], None]) -> None:
    golden("inspect_gpt2_tiny.txt", text_of(inspect(gpt2, [PREFILL, DECODE])))


def test_the_screen_of_an_encoder_whose_dims_are_missing(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    golden("inspect_bert_tiny_unbound.txt", text_of(inspect(written(tmp_path, "bert-tiny"))))


def test_figures_are_of_the_middle_sample_and_state_of_the_largest(gpt2: Path) -> None:
    ranged, middle, last = (inspect(gpt2, [f"decode: batch=1 seq=1 past={past}"]) for past in ("16..23", "19", "23"))
    assert ranged.macs == middle.macs
    assert ranged.state_bytes == last.state_bytes
    assert ranged.phases[0].calls == 8


def test_a_cache_grows_by_the_same_bytes_for_each_token(gpt2: Path) -> None:
    found = inspect(gpt2, ["decode: batch=1 seq=1 past=16..23"])
    (state,) = found.states
    assert state.count == 4
    assert state.shape == ("batch", 2, "past", 32)
    assert found.state_bytes == 24 * state.token_bytes == 24 * 4 * 2 * 32 * 4


def test_a_state_that_is_only_created_grows_too(gpt2: Path) -> None:
    prefill, decode = (inspect(gpt2, [phase]) for phase in (PREFILL, DECODE))
    assert prefill.states[0].token_bytes == decode.states[0].token_bytes


def test_the_kinds_add_up_to_the_phase(gpt2: Path) -> None:
    for view in inspect(gpt2, [PREFILL, DECODE]).phases:
        assert sum(row.amount.macs for row in view.kinds) == view.total.macs
        assert sum(row.amount.bytes for row in view.kinds) == view.total.bytes
        assert sum(row.amount.ops for row in view.kinds) == view.total.ops


def test_attention_says_its_heads_and_its_mask(gpt2: Path) -> None:
    rows = {row.kind: row.details for row in inspect(gpt2, [DECODE]).phases[0].kinds}
    assert rows["attention"] == ("2 causal: 2 heads x 32",)


def test_layers_are_found_as_repeated_blocks(tmp_path: Path) -> None:
    path = tmp_path / "deep.onnx"
    path.write_bytes(MODELS["gpt2"](5, None).SerializeToString())
    found = inspect(path, [DECODE])
    assert max(found.blocks, key=lambda b: b.times * b.ops).times == 5


def test_a_dim_says_how_its_size_was_found(gpt2: Path) -> None:
    dims = {dim.name: dim.phases[0] for dim in inspect(gpt2, ["decode: batch=1 seq=1 past=16"]).dims}
    assert dims["past"].how == "given"
    assert dims["total"].sizes == (17,)
    assert "past" in dims["total"].how
    assert "seq" in dims["total"].how


def test_missing_dims_leave_the_inputs_and_what_would_do(gpt2: Path) -> None:
    found = inspect(gpt2, dims={"batch": 1})
    assert not found.complete
    assert found.macs is None
    assert {name for name, _ in found.missing} == {"seq", "past"}
    assert found.inputs[0].name == "input_ids"
    assert inspect(gpt2, dims={"batch": 1, **dict(found.missing)}).complete


@pytest.mark.slow
def test_the_screens_of_real_models_fit(models_folder: Path) -> None:
    for path in sorted(models_folder.glob("*.onnx")):
        lines = inspect_screen(inspect(path), f"mapper inspect {path.name}").splitlines()
        assert max(map(len, lines)) <= WIDTH + len(path.name), path.name
        assert len(lines) <= 80, path.name


def test_a_scalar_input_is_listed_with_the_value_it_was_given(tmp_path: Path) -> None:
    path = save(tmp_path, with_scalar())
    sizes = [inspect(path, dims=dims).dims[-1] for dims in ({"n": 4}, {"n": 4, "flag": 7})]
    assert [(d.name, d.role) for d in sizes] == [("flag", "value")] * 2
    assert [(d.phases[0].sizes, d.phases[0].how) for d in sizes] == [((), "any value"), ((7,), "given")]


def with_scalar() -> onnx.ModelProto:
    """A sum with an integer input of one number."""
    nodes = [node("Cast", ["flag"], ["f"], to=onnx.TensorProto.FLOAT), node("Add", ["x", "f"], ["y"])]
    return model(nodes, {"x": ["n", 4], "flag": typed([], onnx.TensorProto.INT64)}, ["y"])
