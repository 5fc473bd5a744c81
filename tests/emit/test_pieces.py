from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from emit_builders import PHASES, compiled, given, model_file, run_steps, run_whole

import mapper
from mapper.emit.emit import Emitted, emit, numbers_of
from mapper.emit.ort_ep import assignment
from mapper.errors import MapperError


@dataclass(frozen=True)
class Sample:
    """A plan of a tiny decoder on superhet, and its pieces."""

    path: Path
    done: mapper.Compiled
    out: Path
    emitted: Emitted

    @property
    def nodes(self) -> dict[str, onnx.NodeProto]:
        return {n.name: n for n in onnx.load(str(self.path)).graph.node}

    def piece(self, name: str) -> onnx.ModelProto:
        return onnx.load(str(self.out / name))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("pieces")
    path = model_file("llama-tiny", folder)
    done = compiled(path, "superhet")
    return Sample(path, done, folder / "out", emit(done.plan, [path], folder / "out"))


def assert_exact(folder: Path, emitted: Emitted, whole: Path) -> None:
    for part in emitted.manifest.phases:
        values = given(part)
        found, wanted = run_steps(folder, part, values), run_whole(whole, values)
        assert set(wanted) == set(part.outputs)
        for name, array in wanted.items():
            assert np.array_equal(array, found[name]), f"{part.name}: {name}"


def test_pieces_one_after_the_other_compute_exactly_what_the_whole_does(sample: Sample) -> None:
    assert {s.unit for p in sample.emitted.manifest.phases for s in p.steps} > {"cim0"}
    assert_exact(sample.out, sample.emitted, sample.path)


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", ["default", "round-robin"])
@pytest.mark.parametrize("name", PHASES)
def test_every_tiny_model_computes_the_same_in_pieces(name: str, pipeline: str, tmp_path: Path) -> None:
    path = model_file(name, tmp_path)
    emitted = emit(compiled(path, "superhet", pipeline).plan, [path], tmp_path / "out")
    assert_exact(tmp_path / "out", emitted, path)


def test_nodes_are_those_of_the_file_byte_for_byte_and_each_runs_once(sample: Sample) -> None:
    nodes = sample.nodes
    for part in sample.emitted.manifest.phases:
        count = Counter[str]()
        for step in part.steps:
            for node in sample.piece(step.piece).graph.node:
                assert node.SerializeToString() == nodes[node.name].SerializeToString()
                count[node.name] += 1
        assert set(count) == set(nodes)
        assert max(count.values()) == 1


def test_nodes_run_on_the_unit_that_the_plan_says_or_it_is_told_why_not(sample: Sample) -> None:
    plan, told = sample.done.plan, {(m.phase, m.node): m for m in sample.emitted.manifest.moved}
    units: dict[tuple[str, str], set[str]] = {}
    for task in plan.tasks or ():
        for op in plan.cluster[task.cluster].ops:
            for origin in plan.graph.op[op].origin:
                units.setdefault((task.phase, origin), set()).add(plan.place[task.name].unit)
    for part in sample.emitted.manifest.phases:
        for step in part.steps:
            for node in sample.piece(step.piece).graph.node:
                planned = units[part.name, node.name]
                assert step.unit in planned
                assert (len(planned) > 1) == ((part.name, node.name) in told)
    assert all(m.runs in m.planned.split(", ") and m.why for m in told.values())


def test_pieces_are_valid_and_keep_opset_and_domains(sample: Sample) -> None:
    source = onnx.load(str(sample.path))
    for line in sample.emitted.manifest.files:
        if line.path.endswith(".onnx"):
            onnx.checker.check_model(str(sample.out / line.path))
            piece = sample.piece(line.path)
            assert piece.opset_import == source.opset_import
            assert piece.ir_version == source.ir_version


def test_phases_that_run_the_same_nodes_on_a_unit_share_the_piece(sample: Sample, tmp_path: Path) -> None:
    alone = emit(compiled(sample.path, "xeon-8592", "one-unit").plan, [sample.path], tmp_path / "out")
    prefill, decode = (part.steps for part in alone.manifest.phases)
    assert [s.piece for s in prefill] == [s.piece for s in decode] == ["000-cpu.onnx"]


def test_the_manifest_says_what_the_plan_does_beside_the_steps(sample: Sample) -> None:
    manifest, plan = sample.emitted.manifest, sample.done.plan
    for part in manifest.phases:
        tasks = [t.name for t in plan.tasks or () if t.phase == part.name]
        assert {t for step in part.steps for t in step.tasks} == set(tasks)
        assert part.latency_s == pytest.approx(sample.done.summary["phases"][part.name]["latency_s"], rel=0.5)
        assert all(0 <= step.start_s < step.end_s for step in part.steps)
        assert part.moves
        assert {b.memory for b in part.buffers} <= set(plan.target.memory)
    assert manifest.inflight == plan.inflight
    assert [(d.first, d.last) for d in manifest.phases[1].dims if d.name == "past"] == [(8, 11)]


def test_the_same_plan_gives_the_same_bytes(sample: Sample, tmp_path: Path) -> None:
    emit(sample.done.plan, [sample.path], tmp_path / "again")
    for line in sample.emitted.manifest.files:
        assert (tmp_path / "again" / line.path).read_bytes() == (sample.out / line.path).read_bytes()
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (sample.out / "manifest.json").read_bytes()


def test_another_model_than_that_of_the_plan_is_refused(sample: Sample, tmp_path: Path) -> None:
    other = model_file("llama-tiny", tmp_path, numbers=False)
    with pytest.raises(MapperError, match="not what the plan was compiled from"):
        emit(sample.done.plan, [other], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_plan_that_is_not_finished_is_refused(sample: Sample, tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="not finished"):
        emit(replace(sample.done.plan, figures=None), [sample.path], tmp_path / "out")


def test_weights_that_are_not_there_are_told_or_made_up(tmp_path: Path) -> None:
    path = model_file("bert-tiny", tmp_path, numbers=False)
    plan = compiled(path, "superhet").plan
    empty = emit(plan, [path], tmp_path / "empty")
    assert sum(empty.without_numbers.values()) > 0
    filled = emit(plan, [path], tmp_path / "filled", random_weights=7)
    assert not filled.without_numbers
    assert_exact(tmp_path / "filled", filled, tmp_path / "filled" / filled.manifest.whole[0])


def small(nodes: list[onnx.NodeProto], outputs: list[str], path: Path) -> onnx.ModelProto:
    """A file of some nodes on `x` and `w`, of 4 by 4 floats each."""
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "small",
        [onnx.helper.make_tensor_value_info("x", kind, [4, 4])],
        [onnx.helper.make_tensor_value_info(name, kind, [4, 4]) for name in outputs],
        [onnx.numpy_helper.from_array(np.eye(4, dtype=np.float32), "w")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(model, str(path))
    return model


def test_a_constant_that_is_a_result_is_made_by_some_piece(tmp_path: Path) -> None:
    make, ones = onnx.helper.make_node, onnx.numpy_helper.from_array(np.ones((4, 4), np.float32))
    nodes = [make("Constant", [], ["c"], value=ones), make("MatMul", ["x", "w"], ["m"]), make("Add", ["m", "c"], ["y"])]
    path = tmp_path / "small.onnx"
    small(nodes, ["y", "c"], path)
    plan = mapper.compile(path, "superhet", ["run:"], effort="quick").plan
    assert_exact(tmp_path / "out", emit(plan, [path], tmp_path / "out"), path)


def test_a_result_may_be_an_input_but_not_a_weight(tmp_path: Path) -> None:
    path, nodes = tmp_path / "small.onnx", [onnx.helper.make_node("MatMul", ["w", "w"], ["y"])]
    nodes.append(onnx.helper.make_node("Add", ["y", "w"], ["z"]))
    small(nodes, ["z", "x"], path)
    plan = mapper.compile(path, "superhet", ["run:"], effort="quick").plan
    emitted = emit(plan, [path], tmp_path / "out")
    assert [line.value for line in emitted.manifest.phases[0].inputs] == ["x"]
    assert_exact(tmp_path / "out", emitted, path)
    small(nodes, ["z", "w"], path)
    plan = mapper.compile(path, "superhet", ["run:"], effort="quick").plan
    with pytest.raises(MapperError, match="its result 'w' is one of its weights"):
        emit(plan, [path], tmp_path / "out")


def test_copied_nodes_are_assigned_with_their_first_reader(tmp_path: Path) -> None:
    make, ones = onnx.helper.make_node, onnx.numpy_helper.from_array(np.ones((4, 4), np.float32))
    nodes = [
        make("Constant", [], ["c"], "constant", value=ones),
        make("Identity", ["c"], ["d"], "copy"),
        make("MatMul", ["x", "w"], ["m"], "product"),
        make("Add", ["m", "d"], ["y"], "sum"),
    ]
    path = tmp_path / "small.onnx"
    small(nodes, ["y"], path)
    plan = mapper.compile(path, "superhet", ["run:"], effort="quick").plan
    rows = {row["node"]: row["unit"] for row in assignment(plan, [path])["nodes"]}
    assert rows.keys() == {node.name for node in nodes}
    assert rows["constant"] == rows["copy"] == rows["sum"]


def test_what_reads_a_sequence_runs_where_that_is_made_and_the_manifest_says_why(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    text = """<ir_version: 8, opset_import: ["": 17]>
        g (float[64, 64] x) => (float[128, 64] y)
        { a = MatMul (x, x)
          s = SequenceConstruct (a, x)
          c = ConcatFromSequence <axis = 0> (s)
          y = Softmax (c) }"""
    path.write_bytes(onnx.parser.parse_model(text).SerializeToString())
    plan = mapper.compile(path, "edge-npu", ["run:"], pipeline="round-robin", effort="quick").plan
    (moved,) = emit(plan, [path], tmp_path / "out").manifest.moved
    assert (moved.planned, moved.runs) == ("dsa", "cpu")
    assert "no tensor" in moved.why


def test_a_sparse_weight_stays_in_the_piece_that_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    nodes = [onnx.helper.make_node("MatMul", ["x", "w"], ["m"]), onnx.helper.make_node("Add", ["m", "s"], ["y"])]
    model = small(nodes, ["y"], path)
    values = onnx.numpy_helper.from_array(np.array([2, 3], np.float32), "s")
    model.graph.sparse_initializer.append(
        onnx.helper.make_sparse_tensor(values, onnx.numpy_helper.from_array(np.array([1, 7])), [4, 4])
    )
    onnx.save(model, str(path))
    plan = mapper.compile(path, "superhet", ["run:"], effort="quick").plan
    emitted = emit(plan, [path], tmp_path / "out")
    assert {i.value for i in emitted.manifest.phases[0].inputs} == {"x"}
    assert_exact(tmp_path / "out", emitted, path)


def test_a_models_own_folder_is_refused(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(sample.path.parent, target_is_directory=True)
    for out in (sample.path.parent, tmp_path / "link"):
        with pytest.raises(MapperError, match=r"is the folder of .*llama-tiny\.onnx"):
            emit(sample.done.plan, [sample.path], out)


def test_a_file_that_is_no_model_is_told(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"\x08" + bytes(range(200)))
    with pytest.raises(MapperError, match=r"bad\.onnx"):
        emit(sample.done.plan, [tmp_path / "bad.onnx"], tmp_path / "out")


def test_settings_may_have_names_with_spaces(sample: Sample) -> None:
    kept = [(k, v) for k, v in sample.done.plan.source if k != "expect"]
    said = replace(sample.done.plan, source=(*kept, ("expect", "rows of a=3 b=-4")))
    assert numbers_of(said, "expect") == {"rows of a": 3, "b": -4}
    with pytest.raises(MapperError, match="not NAME=NUMBER"):
        numbers_of(replace(sample.done.plan, source=(*kept, ("expect", "a=3 b"))), "expect")


def test_the_assignment_for_onnxruntime_names_every_node_with_unit_and_provider(sample: Sample) -> None:
    found = assignment(sample.done.plan, [sample.path])
    rows = [(r["phase"], r["node"]) for r in found["nodes"]]
    assert sorted(rows) == sorted((phase, node) for phase in ("prefill", "decode") for node in sample.nodes)
    families = {r["unit"]: r["provider"] for r in found["nodes"]}
    assert families["cim0"] == "CPUExecutionProvider"
    assert found["providers"][-1] == "CPUExecutionProvider"
    assert json.loads(json.dumps(found)) == found


def test_the_cache_that_contrib_attention_reads_has_an_open_length(tmp_path: Path) -> None:
    """onnxruntime takes a fixed one for the length of the cache that comes out, and refuses that."""
    path = model_file("llama-tiny", tmp_path)
    phase = "run: batch=1 seq=1 past=16"
    plan = mapper.compile(path, "edge-npu", [phase], pipeline="round-robin", effort="quick").plan
    emitted = emit(plan, [path], tmp_path / "out")
    dims = {
        port.name: [d.dim_value for d in port.type.tensor_type.shape.dim]
        for step in emitted.manifest.phases[0].steps
        for graph in [onnx.load(str(tmp_path / "out" / step.piece)).graph]
        for port in (*graph.input, *graph.output)
    }
    assert dims["past.0.key"] == [1, 2, 0, 16]
    assert dims["present.0.key"] == [1, 2, 17, 16]
    assert_exact(tmp_path / "out", emitted, path)
