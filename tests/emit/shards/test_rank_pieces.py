from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from emit_builders import PHASES, SHORT, given, model_file, run_steps, run_whole
from onnx import numpy_helper
from rank_builders import as_megatron, at_random, divided, emitted, first_call
from sweeps import sweep

from mapper.emit.manifest import Manifest
from mapper.ir.plan import Task

CLOSE = 2e-6
"""Relative to the largest number: what another order of sums changes in float32."""


def phases_of(name: str) -> tuple[str, ...]:
    return PHASES[name]


def collectives(manifest: Manifest) -> list[Counter[str]]:
    return [Counter(s.collective for s in part.steps if s.role != "compute") for part in manifest.phases]


@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_with_grouped_heads_compute_what_the_whole_does_with_two_sums_a_block(tmp_path: Path, ranks: int) -> None:
    path = model_file("llama-tiny", tmp_path)  # two heads of keys: four ranks share them
    manifest = emitted(divided(path, SHORT, ranks, as_megatron), path, tmp_path / "out")
    assert not manifest.moved
    for part, exchanged in zip(manifest.phases, collectives(manifest), strict=True):
        assert first_call(tmp_path / "out", part, path).error < CLOSE
        assert exchanged["all_reduce"] == 4


def test_a_cache_stays_with_the_ranks_from_call_to_call(tmp_path: Path) -> None:
    path = model_file("llama-tiny", tmp_path)
    manifest = emitted(divided(path, SHORT, 2, as_megatron), path, tmp_path / "out")
    for part in manifest.phases:
        assert part.outputs == ("logits",)
        names = {state.name for state in part.states}
        assert len(names) == 8
        assert {name[-6:] for name in names} == {" [0/2]", " [1/2]"}
    prefill, decode = manifest.phases
    assert [s.name for s in prefill.states] == [s.name for s in decode.states]


def test_states_that_one_phase_has_whole_are_whole_in_all(tmp_path: Path) -> None:
    path = model_file("llama-tiny", tmp_path)

    def by_phase(task: Task, ways: list[str]) -> str:
        return "copy" if task.phase == "prefill" else as_megatron(task, ways)

    manifest = emitted(divided(path, SHORT, 2, by_phase), path, tmp_path / "out")
    for part in manifest.phases:
        assert "present.0.key" in part.outputs
        assert {s.past for s in part.states} >= {"past.0.key"}
        assert first_call(tmp_path / "out", part, path).error < CLOSE
    assert {s.role for s in manifest.phases[1].steps} == {"compute", "combine", "ends"}


@pytest.mark.parametrize("name", sweep(["gpt2-tiny", "bert-tiny", "vit-tiny"], 1))
def test_encoders_and_packed_heads_are_divided_by_the_same_rules(tmp_path: Path, name: str) -> None:
    path = model_file(name, tmp_path)
    manifest = emitted(divided(path, phases_of(name), 2, as_megatron), path, tmp_path / "out")
    assert not manifest.moved
    for part in manifest.phases:
        assert first_call(tmp_path / "out", part, path).error < CLOSE


@pytest.mark.parametrize("seed", sweep(range(3), 1))
def test_any_ways_that_a_plan_may_choose_compute_the_same(tmp_path: Path, seed: int) -> None:
    path = model_file("llama-tiny", tmp_path)
    manifest = emitted(divided(path, SHORT, 2 + 2 * (seed % 2), at_random(seed)), path, tmp_path / "out")
    for part in manifest.phases:
        assert first_call(tmp_path / "out", part, path).error < CLOSE


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", sorted(PHASES))
def test_any_ways_of_any_model_compute_the_same(tmp_path: Path, name: str, seed: int) -> None:
    path = model_file(name, tmp_path)
    plan = divided(path, phases_of(name), 2 + 2 * (seed % 2), at_random(seed), stages=1 + seed // 2)
    manifest = emitted(plan, path, tmp_path / "out")
    for part in manifest.phases:
        assert first_call(tmp_path / "out", part, path).error < CLOSE


def by_batch(task: Task, ways: list[str]) -> str:
    return next((way for word in ("batch", "tokens") for way in ways if word in way), "copy")


@pytest.mark.parametrize("name", sweep(["llama-tiny", "gpt2-tiny", "decoder-tiny"], 1))
def test_ranks_that_have_requests_of_their_own_compute_the_same(tmp_path: Path, name: str) -> None:
    path = model_file(name, tmp_path)
    manifest = emitted(divided(path, ("decode: batch=4 seq=1 past=8",), 2, by_batch), path, tmp_path / "out")
    (part,) = manifest.phases
    assert first_call(tmp_path / "out", part, path).error < CLOSE
    assert not manifest.moved
    assert all(" [" in state.name for state in part.states)


def test_stages_of_teams_hand_on_parts(tmp_path: Path) -> None:
    path = model_file("llama-tiny", tmp_path)
    manifest = emitted(divided(path, SHORT, 2, as_megatron, stages=2), path, tmp_path / "out")
    assert len({s.unit for s in manifest.phases[0].steps}) == 2
    for part in manifest.phases:
        assert first_call(tmp_path / "out", part, path).error < CLOSE


def test_ranks_have_parts_of_the_weights_and_each_node_its_name(tmp_path: Path) -> None:
    path = model_file("llama-tiny", tmp_path)
    manifest = emitted(divided(path, SHORT[1:], 2, as_megatron), path, tmp_path / "out")
    names = {n.name for n in onnx.load(str(path)).graph.node}
    down, found = "layers.0.mlp.down.weight", set()
    for step in manifest.phases[0].steps:
        model = onnx.load(str(tmp_path / "out" / step.piece), load_external_data=False)
        if step.role == "compute":
            found |= names.intersection(n.name for n in model.graph.node)
        for tensor in model.graph.initializer:
            if tensor.name == down:
                assert tuple(tensor.dims) == (64, 64)
    assert found == names


def test_what_ranks_cannot_divide_is_run_whole_and_told(tmp_path: Path) -> None:
    path = model_file("llama-tiny", tmp_path)

    def context(task: Task, ways: list[str]) -> str:
        return next((w for w in ways if "context" in w), as_megatron(task, ways))

    manifest = emitted(divided(path, SHORT[1:], 2, context), path, tmp_path / "out")
    assert {m.planned for m in manifest.moved} == {"context"}
    assert all("softmax" in m.why for m in manifest.moved)
    assert first_call(tmp_path / "out", manifest.phases[0], path).error < CLOSE


def picking(path: Path) -> Path:
    """Rows that a mask picks, times a weight: how many there are depends on data."""
    node, info, real = onnx.helper.make_node, onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    random = np.random.default_rng(0)
    weights = {"w": random.normal(size=(16, 32)), "v": random.normal(size=(32, 16))}
    nodes = [
        node("NonZero", ["mask"], ["places"], name="nonzero"),
        node("Squeeze", ["places", "first"], ["flat"], name="squeeze"),
        node("Gather", ["x", "flat"], ["rows"], name="gather"),
        node("MatMul", ["rows", "w"], ["inner"], name="up"),
        node("Relu", ["inner"], ["active"], name="relu"),
        node("MatMul", ["active", "v"], ["back"], name="down"),
        node("Reshape", ["back", "shape"], ["y"], name="flatten"),
    ]
    constants = {"first": np.array([0]), "shape": np.array([-1])}
    initializers = [numpy_helper.from_array(a.astype(np.float32), n) for n, a in weights.items()]
    initializers += [numpy_helper.from_array(a.astype(np.int64), n) for n, a in constants.items()]
    inputs = [info("x", real, [8, 16]), info("mask", real, [8])]
    graph = onnx.helper.make_graph(nodes, "picking", inputs, [info("y", real, ["n"])], initializers)
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, ir_version=8, opset_imports=opsets), str(path))
    return path


@pytest.mark.parametrize("seed", sweep(range(3), 1))
def test_sizes_that_depend_on_data_may_be_others_than_expected(tmp_path: Path, seed: int) -> None:
    path = picking(tmp_path / "picking.onnx")
    manifest = emitted(divided(path, ("run: calls=1",), 2, at_random(seed)), path, tmp_path / "out")
    (part,) = manifest.phases
    for count in (1, 5, 8):
        values = given(part) | {"mask": (np.arange(8) < count).astype(np.float32)}
        found, wanted = run_steps(tmp_path / "out", part, values), run_whole(path, values)
        assert wanted["y"].shape == (count * 16,)
        assert np.allclose(found["y"], wanted["y"], atol=1e-5)


def test_a_plan_is_emitted_the_same_twice(tmp_path: Path) -> None:
    path = model_file("llama-tiny", tmp_path)
    plan = divided(path, SHORT[1:], 2, at_random(5))
    first, second = (emitted(plan, path, tmp_path / out) for out in ("a", "b"))
    assert first == second
