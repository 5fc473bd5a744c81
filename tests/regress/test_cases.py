"""Cases: a matrix multiplies out, exclusions leave out, names tell what is asked, nonsense is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapper.errors import MapperError, UsageError
from mapper.regress.cases import Case, cases, chosen
from mapper.regress.suite import read_suite

HEAD = """
schema: 1
name: nightly
models:
  gpt2: {file: gpt2.onnx, phases: ["prefill: batch=1 seq=64 past=0"]}
  bert: {file: bert.onnx, dims: {batch: 1, seq: 64}}
defaults: {effort: quick}
"""


def found(tmp_path: Path, text: str) -> tuple[Case, ...]:
    file = tmp_path / "cases.yaml"
    file.write_text(HEAD + text)
    return cases(read_suite(file), tmp_path)


def names(tmp_path: Path, text: str) -> list[str]:
    return [case.name for case in found(tmp_path, text)]


def test_a_matrix_is_every_model_on_every_target_in_every_way(tmp_path: Path) -> None:
    text = 'matrix: [{models: ["*"], targets: [edge-npu, superhet], objectives: [throughput, latency]}]'
    assert names(tmp_path, text) == [
        f"{model}/{target}/{goal}"
        for model in ("gpt2", "bert")
        for target in ("edge-npu", "superhet")
        for goal in ("throughput", "latency")
    ]


def test_a_name_tells_what_is_not_the_default_and_nothing_else(tmp_path: Path) -> None:
    text = (
        "matrix: [{models: [bert], targets: [edge-npu], efforts: [quick, default], "
        'sets: [[], ["dsa.clock_hz*=2", "cpu.cores=2"]]}]'
    )
    assert names(tmp_path, text) == [
        "bert/edge-npu/throughput",
        "bert/edge-npu/throughput/dsa.clock_hz*=2 cpu.cores=2",
        "bert/edge-npu/throughput/effort=default",
        "bert/edge-npu/throughput/effort=default/dsa.clock_hz*=2 cpu.cores=2",
    ]


def test_patterns_of_targets_and_files_beside_the_suite_are_found(tmp_path: Path) -> None:
    (tmp_path / "chips").mkdir()
    for name in ("b", "a"):
        (tmp_path / "chips" / f"{name}.yaml").write_text("schema: 1\n")
    made = found(tmp_path, 'matrix: [{models: [bert], targets: ["chips/*.yaml", "edge-*"]}]')
    assert [case.target for case in made][:2] == ["chips/a.yaml", "chips/b.yaml"]
    assert made[0].name == "bert/a/throughput"
    assert "edge-npu" in {case.target for case in made}
    (absolute,) = found(tmp_path, f'matrix: [{{models: [bert], targets: ["{tmp_path}/chips/a*.yaml"]}}]')
    assert absolute.target == f"{tmp_path}/chips/a.yaml"


def test_what_an_exclusion_names_is_left_out(tmp_path: Path) -> None:
    text = (
        'matrix: [{models: ["*"], targets: [edge-npu, superhet], objectives: [throughput, energy], '
        'exclude: [{model: gpt2, target: "edge-*"}, {objective: energy, model: bert}]}]'
    )
    assert names(tmp_path, text) == [
        "gpt2/superhet/throughput", "gpt2/superhet/energy", "bert/edge-npu/throughput", "bert/superhet/throughput",
    ]  # fmt: skip


def test_a_single_case_has_the_defaults_and_its_own_tolerances(tmp_path: Path) -> None:
    (case,) = found(
        tmp_path,
        "cases: [{model: bert, target: a100-80, precision: int8, name: bert narrow, tags: [fast], "
        "tolerances: {gap: {absolute: 0.01}}}]",
    )
    assert (case.name, case.asked.effort, case.asked.precision, case.tags) == (
        "bert narrow",
        "quick",
        "int8",
        ("fast",),
    )
    assert case.tolerances["gap"].absolute == 0.01


def test_cases_are_chosen_by_name_and_by_tag(tmp_path: Path) -> None:
    made = found(
        tmp_path,
        "matrix: [{models: [bert, gpt2], targets: [edge-npu], tags: [fast]}, {models: [gpt2], targets: [superhet]}]",
    )
    assert [case.name for case in chosen(made, ["*/superhet/*"])] == ["gpt2/superhet/throughput"]
    assert len(chosen(made, ["tag:fast"])) == 2
    assert chosen(made, []) == made
    own = found(tmp_path, 'cases: [{model: bert, target: edge-npu, name: "bert [2 of 3]"}]')
    assert chosen(own, ["bert [2 of 3]"]) == own
    with pytest.raises(UsageError, match=r"means none of 3 cases; did you mean 'tag:fast'"):
        chosen(made, ["tag:fsat"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("matrix: [{models: [brt], targets: [edge-npu]}]", "no model 'brt'; did you mean 'bert'"),
        ('matrix: [{models: [bert], targets: ["nothing-*"]}]', r"no target matches 'nothing-\*'"),
        ("matrix: [{models: [bert], targets: [edge-npu], exclude: [{modl: gpt2}]}]", "no 'modl'; did you mean 'model'"),
        ("matrix: [{models: [bert], targets: [edge-npu], exclude: [{model: gpt2}]}]", "leaves nothing out"),
        ("cases: [{model: bert, target: a}, {model: bert, target: a}]", "two cases of nightly are called"),
        ("", "has no case"),
        ("matrix: [{models: [bert], targets: [edge-npu], objetives: [energy]}]", "unknown key 'objetives'"),
        ("tolerances: {gap: {relative: -1}}", "greater than or equal to 0"),
        ("cases: 3", "valid list"),
        ("cases: [{model: bert, target: edge-npu, seed: -1}]", "cases.yaml:8:47: .*greater than or equal to 0"),
        ("matrix: [{models: [bert], targets: [edge-npu], seeds: [-1]}]", "greater than or equal to 0"),
        (f"cases: [{{model: bert, target: edge-npu, seed: 1{'0' * 5000}}}]", "an integer of 5001 digits"),
        ('cases: [{model: bert, target: "a\\0b"}]', r"'\\x00' is no character"),
        ('cases: [{model: bert, target: a, name: "\\ud800"}]', r"'\\ud800' is no character"),
        ('scores: {"\\ud800": {command: [echo]}}', r"'\\ud800' is no character"),
        (f"cases: [{{model: bert, target: a, name: {'a' * 256}}}]", "a name of 256 characters; at most 255"),
        ('matrix: [{models: [bert], targets: ["/no/such/*.yaml"]}]', r"no target matches '/no/such/\*.yaml'"),
        ('matrix: [{models: [bert], targets: ["**x.yaml"]}]', r"no target matches '\*\*x.yaml'"),
    ],
)
def test_what_means_nothing_is_one_clear_error(text: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(MapperError, match=complaint):
        found(tmp_path, text)


def test_a_file_of_another_schema_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text(HEAD.replace("schema: 1", "schema: 2"))
    with pytest.raises(MapperError, match="'schema'"):
        read_suite(file)
