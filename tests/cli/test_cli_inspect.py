"""`mapper inspect`: exit codes, JSON and messages."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from math import prod
from pathlib import Path

import onnx
import pytest
from cli_words import PHASES

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "frontend"))
from onnx_graphs import model, node, save, weight

BERT = ["--dim", "batch=1", "--dim", "seq=16"]
NUMBERS = {"opset", "nodes", "ops", "macs", "params", "weight_bytes", "state_bytes", "unresolved"}


def with_custom_ops(folder: Path) -> Path:
    """Two ops of an unknown domain and one of another between products, with stated shapes."""
    nodes = [
        node("MatMul", ["x", "w"], ["a"]),
        node("Mix", ["a"], ["b"], domain="acme"),
        node("Mix", ["b"], ["c"], domain="acme"),
        node("Blend", ["c"], ["d"], domain="other.org"),
        node("Relu", ["d"], ["y"]),
    ]
    built = model(nodes, {"x": ["batch", 8]}, ["y"], [weight("w", [8, 8])], domains=["acme", "other.org"])
    for name in "bcd":
        info = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 8])
        built.graph.value_info.append(info)
    return save(folder, built)


def test_json_has_the_documented_numbers_on_top(mapper, gpt2_tiny: Path) -> None:
    ran = mapper("inspect", gpt2_tiny, *PHASES, "--json")
    assert (ran.code, ran.err) == (0, "")
    data = json.loads(ran.out)
    assert data["model"] == "gpt2-tiny"
    assert all(isinstance(data[name], int) for name in NUMBERS)
    assert data["unresolved"] == 0
    assert list(data["phases"]) == ["prefill", "decode"]
    assert data["macs"] == data["phases"]["prefill"]["macs"] > data["phases"]["decode"]["macs"]
    stored = [t for t in onnx.load(gpt2_tiny, load_external_data=False).graph.initializer if t.data_type == 1]
    assert data["params"] == sum(prod(t.dims) for t in stored)
    assert data["kinds"] == data["phases"]["prefill"]["kinds"]


def test_the_public_function_says_what_the_command_says(mapper, bert_tiny: Path) -> None:
    import mapper as api

    data = json.loads(mapper("inspect", bert_tiny, *BERT, "--json").out)
    found = api.inspect(bert_tiny, dims={"batch": 1, "seq": 16})
    assert (data["macs"], data["ops"], data["weight_bytes"]) == (found.macs, found.ops, found.weight_bytes)
    assert isinstance(found, api.Inspection)


def test_missing_dims_are_exit_1_with_a_command_that_works(mapper, bert_tiny: Path) -> None:
    ran = mapper("inspect", bert_tiny)
    assert ran.code == 1
    assert ran.err.startswith("error: phase 'run': these dims have no size: batch, seq")
    assert len(ran.err.splitlines()) == 1, "the screen says the rest"
    command = next(line for line in ran.out.splitlines() if "mapper inspect" in line)
    assert mapper(*shlex.split(command)[1:]).code == 0


def test_missing_dims_in_json(mapper, bert_tiny: Path) -> None:
    ran = mapper("inspect", bert_tiny, "--dim", "batch=2", "--json")
    data = json.loads(ran.out)
    assert ran.code == 1
    assert list(data["missing_dims"]) == ["seq"]
    assert "next: add --dim seq=" in ran.err
    assert data["macs"] is data["ops"] is data["unresolved"] is data["inputs"][0]["state"] is None
    assert data["params"] > 0
    assert data["dims"][0]["phases"]["run"]["how"] == "given 2"


def test_values_without_a_shape_are_exit_1_and_all_listed(mapper, tmp_path: Path) -> None:
    nodes = [node("MatMul", ["x", "w"], ["a"]), node("MatMul", ["x", "v"], ["b"]), node("Relu", ["a"], ["y"])]
    weights = [weight("w", [7, 8]), weight("v", [6, 8])]
    path = save(tmp_path, model([*nodes, node("Relu", ["b"], ["z"])], {"x": ["batch", 8]}, ["y", "z"], weights))
    ran = mapper("inspect", path, "--dim", "batch=2", "--json")
    data = json.loads(ran.out)
    assert ran.code == 1
    assert data["unresolved"] == len(data["unresolved_values"]) == 2
    assert data["macs"] is None
    assert "'a', made by MatMul" in data["unresolved_values"][0]
    screen = mapper("inspect", path, "--dim", "batch=2")
    assert screen.code == 1
    assert "without a shape" in screen.out
    assert "made by MatMul" in screen.err


def test_opaque_ops_are_listed_with_count_bytes_and_why(mapper, tmp_path: Path) -> None:
    data = json.loads(mapper("inspect", with_custom_ops(tmp_path), "--dim", "batch=2", "--json").out)
    assert [(row["operator"], row["ops"]) for row in data["opaque"]] == [("acme::Mix", 2), ("other.org::Blend", 1)]
    assert data["opaque"][0]["bytes"] == 2 * 2 * (2 * 8) * 4
    assert "acme" in data["opaque"][0]["reason"]
    about_opaque = [w for w in data["warnings"] if "opaque" in w]
    assert len(about_opaque) == 1
    assert "2 x acme::Mix" in about_opaque[0]
    assert "1 x other.org::Blend" in about_opaque[0]


def test_a_size_that_contradicts_is_an_error_without_a_screen(mapper, gpt2_tiny: Path) -> None:
    ran = mapper("inspect", gpt2_tiny, "--phase", "decode: batch=1 seq=1 past=8 total=20")
    assert (ran.code, ran.out) == (1, "")
    assert "total" in ran.err


@pytest.mark.parametrize("command", ["inspect", "compile"])
@pytest.mark.parametrize("flag", ["--dim", "--expect"])
def test_a_setting_without_a_number_is_a_usage_error(mapper, bert_tiny: Path, command: str, flag: str) -> None:
    target = ["--target", "edge-npu"] if command == "compile" else []
    ran = mapper(command, bert_tiny, *target, flag, "seq=many")
    assert ran.code == 2
    assert f"{flag} seq=many: write a name and a whole number" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dim", "seq=8", "--dim", "seq=9"], "--dim gives 'seq' twice: 8 and 9"),
        (["--dim", "past=1..5"], '--phase "run: past=1..5"'),
        (["--dim", f"seq={10**25}"], "more than 19 digits"),
    ],
)
def test_a_setting_that_cannot_be_taken_as_it_is_says_why(mapper, bert_tiny: Path, words: list[str], said: str) -> None:
    ran = mapper("inspect", bert_tiny, *words)
    assert ran.code == 2
    assert said in ran.err


def test_an_output_that_cannot_be_written_is_an_error_in_one_line(bert_tiny: Path) -> None:
    command = [sys.executable, "-c", "import sys; from mapper.cli import main; sys.exit(main())"]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ran = subprocess.run([*command, "inspect", str(bert_tiny)], stdout=full, stderr=subprocess.PIPE, text=True)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("error: cannot read or write the output: No space left")


def test_an_expected_value_that_nothing_asks_for_is_refused(mapper, bert_tiny: Path) -> None:
    ran = mapper("inspect", bert_tiny, *BERT, "--expect", "routed=3")
    assert ran.code == 2
    assert "--expect routed" in ran.err


def test_an_expected_value_changes_the_size_that_depends_on_data(mapper, tmp_path: Path) -> None:
    nodes = [node("NonZero", ["x"], ["where"]), node("Transpose", ["where"], ["rows"], perm=[1, 0])]
    nodes.append(node("Cast", ["rows"], ["y"], to=onnx.TensorProto.FLOAT))
    path = save(tmp_path, model(nodes, {"x": ["n", 4]}, ["y"]))
    rows = {}
    for given in ([], ["--expect", "where=3"]):
        data = json.loads(mapper("inspect", path, "--dim", "n=16", *given, "--json").out)
        (expected,) = data["expected"]
        rows[expected["given"]] = expected["values"]
        assert expected["name"] == "where"
    assert rows[True] == [3]
    assert rows[False] != [3]
