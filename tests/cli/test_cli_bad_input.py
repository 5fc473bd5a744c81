"""Bad input: which exit code, which words, and that nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

BERT = ["--dim", "batch=1", "--dim", "seq=16"]

CPU = """\
schema: 1
name: {name}
about: One CPU.
units:
  host: {{use: units/cpu-neoverse-8c}}
memories:
  ram: {{use: memories/ddr5-4800, capacity_bytes: {capacity}, serves: [host]}}
source: assumed
"""
CIM = """\
schema: 1
name: only-cim
about: Compute-in-memory alone.
units:
  cim: {use: units/rram-cim-128}
source: assumed
"""


@pytest.fixture
def refused(mapper, tmp_path: Path):
    """Compile; the error, after proof that nothing was written."""

    def run(model: Path, *words: object, code: int = 1, target: object = "edge-npu") -> str:
        before = sorted(tmp_path.rglob("*"))
        ran = mapper("compile", model, "--target", target, "--effort", "quick", *words)
        assert ran.code == code, ran.err
        assert ran.out == ""
        assert "error: " in ran.err
        assert "Traceback" not in ran.err
        assert sorted(tmp_path.rglob("*")) == before
        return str(ran.err)

    return run


def test_a_file_that_is_not_onnx(refused, tmp_path: Path) -> None:
    path = tmp_path / "words.onnx"
    path.write_text("hello world", encoding="utf-8")
    assert "not an ONNX file" in refused(path)


def test_a_truncated_file(refused, tmp_path: Path, bert_tiny: Path) -> None:
    path = tmp_path / "half.onnx"
    path.write_bytes(bert_tiny.read_bytes()[:-200])
    assert "truncated" in refused(path, *BERT)


def test_a_missing_file(refused) -> None:
    assert "no.onnx" in refused(Path("no.onnx"))


def test_an_unbound_dim_is_named_with_the_flag_that_binds_it(refused, bert_tiny: Path) -> None:
    message = refused(bert_tiny, "--dim", "batch=1")
    assert "seq" in message
    assert "--dim" in message


def test_an_unknown_target_brings_the_nearest_names(refused, bert_tiny: Path) -> None:
    assert "'superhet'" in refused(bert_tiny, *BERT, target="superhat")


def test_an_unknown_key_of_a_target_is_located(refused, tmp_path: Path, bert_tiny: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(CPU.format(name="odd", capacity=64e9) + "unitz: {}\n", encoding="utf-8")
    message = refused(bert_tiny, *BERT, target=path)
    assert "odd.yaml:9:1" in message
    assert "unitz" in message
    assert "units" in message


def test_a_cyclic_use_is_shown(refused, tmp_path: Path, bert_tiny: Path) -> None:
    (tmp_path / "chips").mkdir()
    for name, other in (("a", "b"), ("b", "a")):
        text = f"schema: 1\nname: {name}\nabout: A loop.\nchips:\n  x: {{use: chips/{other}}}\nsource: assumed\n"
        (tmp_path / f"chips/{name}.yaml").write_text(text, encoding="utf-8")
    message = refused(bert_tiny, *BERT, target=tmp_path / "chips/a.yaml")
    assert "in a circle: a -> b -> a" in message
    assert "b.yaml:5:" in message


def test_all_ops_that_no_unit_can_run_are_listed_with_reasons(refused, tmp_path: Path, bert_tiny: Path) -> None:
    path = tmp_path / "only-cim.yaml"
    path.write_text(CIM, encoding="utf-8")
    message = refused(bert_tiny, *BERT, target=path, code=3)
    assert "no unit of only-cim can run" in message
    assert "both operands change every call" in message
    assert "look-up" in message


def test_a_model_larger_than_the_chip_is_infeasible_with_demand_offer_and_levers(
    refused, tmp_path: Path, bert_tiny: Path
) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(CPU.format(name="small", capacity=200_000), encoding="utf-8")
    message = refused(bert_tiny, *BERT, code=3, target=path)
    assert "does not fit small" in message
    assert "needs" in message
    assert "levers" in message


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_time_limit_that_leaves_no_time(refused, bert_tiny: Path, seconds: str) -> None:
    assert "time limit" in refused(bert_tiny, *BERT, "--time-limit", seconds)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--objective", "latencie"], 2, "'latency'"),
        (["--precision", "fp17"], 2, "fp16"),
        (["--effort", "maxx"], 2, "'max'"),
        (["--pipeline", "defualt"], 1, "'default'"),
        (["--pipeline", "schedule"], 1, "requires"),
        (["--pipeline", "partition{max-opz=3}"], 1, "max-opz"),
        (["--stop-after", "placed"], 1, "no pass 'placed'"),
        (["--print-after", "placed"], 2, "no such pass"),
        (["--dim", "seq"], 2, "--dim seq=128"),
    ],
)
def test_a_slip_in_an_option_is_refused_before_the_model_is_read(refused, words, code: int, said: str) -> None:
    message = refused(Path("not-read.onnx"), *words, code=code)
    assert said in message
    assert "not-read" not in message


def test_an_output_that_is_a_file_is_refused(refused, tmp_path: Path, bert_tiny: Path) -> None:
    (tmp_path / "taken").touch()
    assert "is a file" in refused(bert_tiny, *BERT, "--out", tmp_path / "taken")


@pytest.mark.parametrize("command", ["check", "show", "explain"])
def test_a_plan_that_is_missing_or_unreadable(mapper, tmp_path: Path, command: str) -> None:
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    for name, said in (("no.json", "cannot be read"), ("bad.json", "not JSON"), ("empty", "without a plan.json")):
        ran = mapper(command, tmp_path / name)
        assert (ran.code, ran.out) == (1, "")
        assert said in ran.err


def test_debug_shows_the_traceback(mapper) -> None:
    with pytest.raises(Exception, match="cannot be read"):
        mapper("--debug", "check", "no.json")
