from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_graphs import decode_block, model, node, save

from mapper.errors import ModelError
from mapper.frontend import load_model
from mapper.frontend.file.proto import contents
from mapper.frontend.file.strip import Stripped
from mapper.frontend.file.wire import DamagedError, Window, varint

SIDE = 80
"""A matrix of this side has more numbers than are read."""


def matrix(name: str, seed: int) -> TensorProto:
    return numpy_helper.from_array(np.random.default_rng(seed).random((SIDE, SIDE), dtype=np.float32), name)


def chain(*weights: TensorProto) -> onnx.ModelProto:
    names = ["x", *(f"h{i}" for i in range(len(weights)))]
    nodes = [node("MatMul", [names[i], w.name], [names[i + 1]]) for i, w in enumerate(weights)]
    return model(nodes, {"x": ["n", SIDE]}, [names[-1]], weights)


def placed(name: str, offset: int | None, length: int = 4 * SIDE * SIDE) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[SIDE, SIDE], data_location=TensorProto.EXTERNAL)
    entries = {"location": "w.bin", "offset": offset, "length": length}
    for key, value in entries.items():
        if value is not None:
            tensor.external_data.add(key=key, value=str(value))
    return tensor


def parameters(path: Path) -> int:
    return load_model(path, dims={"n": 2}).graph.parameters


def test_numbers_of_large_weights_stay_in_the_file(tmp_path: Path) -> None:
    path = save(tmp_path, chain(matrix("a", 1), matrix("b", 2)))
    found = contents(path)
    assert [len(t.raw_data) for t in found.model.graph.initializer] == [0, 0]
    assert [p.end - p.start for p in found.payloads] == [4 * SIDE * SIDE] * 2
    assert found.model.ByteSize() < 1000


def test_numbers_of_small_constants_are_read(tmp_path: Path) -> None:
    constant = numpy_helper.from_array(np.arange(4096), "c")
    built = model([node("Add", ["x", "c"], ["y"])], {"x": [4096]}, ["y"], [constant])
    assert contents(save(tmp_path, built)).model.graph.initializer[0] == constant


def test_what_is_left_of_a_file_without_large_parts_is_the_file(tmp_path: Path) -> None:
    built = decode_block()
    assert contents(save(tmp_path, built)).model == built


def test_stack_traces_and_documentation_are_left_in_the_file(tmp_path: Path) -> None:
    built = decode_block()
    for part in built.graph.node:
        part.doc_string = "x" * 2000
        part.metadata_props.add(key="pkg.torch.onnx.stack_trace", value="y" * 2000)
    built.metadata_props.add(key="note", value="z" * 2000)
    built.graph.doc_string = built.doc_string = "d" * 2000
    path = save(tmp_path, built)
    found = contents(path).model
    assert found.ByteSize() < path.stat().st_size / 20
    assert [n.output for n in found.graph.node] == [n.output for n in built.graph.node]


def test_weights_inside_branches_constants_and_functions_stay_in_the_file(tmp_path: Path) -> None:
    big = matrix("", 3)
    inner = helper.make_graph(
        [node("Constant", [], ["c"], value=big)],
        "g",
        [],
        [helper.make_tensor_value_info("c", 1, None)],
        [matrix("i", 4)],
    )
    nodes = [node("Constant", [], ["k"], value=big), node("If", ["cond"], ["y"], then_branch=inner, else_branch=inner)]
    function = helper.make_function(
        "acme", "F", [], ["c"], [node("Constant", [], ["c"], value=big)], [helper.make_opsetid("", 18)]
    )
    built = model(nodes, {"cond": [1]}, ["y"], functions=[function])
    assert contents(save(tmp_path, built)).model.ByteSize() < 2000


def test_a_large_string_inside_a_custom_node_is_left_in_the_file(tmp_path: Path) -> None:
    engine = helper.make_node("Engine", ["x"], ["y"], domain="acme", blob=b"\1" * 1_000_000)
    built = model([engine], {"x": [1]}, {"y": [1]}, domains=["acme"])
    assert contents(save(tmp_path, built)).model.ByteSize() < 1000


def test_a_field_longer_than_its_message_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(b"\x08\x08" + b"\x3a" + varint(10**12) + b"\x0a\x00")
    with pytest.raises(ModelError, match=r"truncated or damaged .* 1,000,000,000,000 bytes at byte 2 runs beyond"):
        contents(path)


def test_a_nested_length_that_contradicts_the_outer_one_is_damage(tmp_path: Path) -> None:
    path = save(tmp_path, chain(matrix("a", 1)))
    blob = path.read_bytes()
    raw = blob.index(b"\x4a" + varint(4 * SIDE * SIDE))
    path.write_bytes(blob[: raw + 1] + varint(4 * SIDE * SIDE + 99) + blob[raw + 3 :])
    with pytest.raises(ModelError, match="runs beyond the end"):
        contents(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x08" + b"\xff" * 11, "more than 64 bits"),
        (b"\x08\x80", "in the middle of a number"),
        (b"\x0b\x00", "unknown wire type 3"),
        (b"\x00\x00", "number 0"),
    ],
)
def test_bytes_that_are_no_fields_are_damage(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(content)
    with path.open("rb") as file, pytest.raises(DamagedError, match=why):
        Stripped(Window(file.fileno(), len(content))).model()


def test_graphs_nested_beyond_the_parser_are_refused(tmp_path: Path) -> None:
    blob = b""
    for _ in range(60):
        for number in (6, 5, 1):  # a graph in an attribute in a node
            blob = varint(number << 3 | 2) + varint(len(blob)) + blob
    blob += b"\x12" + varint(600) + b"n" * 600
    path = tmp_path / "tiny.onnx"
    path.write_bytes(b"\x08\x08" + b"\x3a" + varint(len(blob)) + blob)
    with pytest.raises(ModelError, match="damaged"):
        contents(path)


def test_a_weight_stored_twice_counts_once(tmp_path: Path) -> None:
    assert parameters(save(tmp_path, chain(matrix("a", 1), matrix("b", 1), matrix("c", 2)))) == 2 * SIDE * SIDE


def test_weights_that_differ_in_their_last_number_are_two(tmp_path: Path) -> None:
    other = matrix("b", 1)
    other.raw_data = other.raw_data[:-1] + bytes([other.raw_data[-1] ^ 1])
    assert parameters(save(tmp_path, chain(matrix("a", 1), other))) == 2 * SIDE * SIDE


def test_weights_filled_with_one_number_are_not_taken_for_one(tmp_path: Path) -> None:
    zeros = [numpy_helper.from_array(np.zeros((SIDE, SIDE), dtype=np.float32), name) for name in "ab"]
    assert parameters(save(tmp_path, chain(*zeros))) == 2 * SIDE * SIDE


def test_weights_at_one_place_of_an_external_file_count_once(tmp_path: Path) -> None:
    size = 4 * SIDE * SIDE
    built = chain(placed("a", 0), placed("b", size), placed("c", 0))
    assert parameters(save(tmp_path, built)) == 2 * SIDE * SIDE


@pytest.mark.parametrize(
    "offsets", [(0, 0, 0), (None, None, None), (0, 0, 4096), (0, 0, None)], ids=["one", "none", "overlap", "some"]
)
def test_places_that_a_stripped_file_makes_up_tie_no_weights(tmp_path: Path, offsets: tuple[int | None, ...]) -> None:
    built = chain(*(placed(name, offset) for name, offset in zip("abc", offsets, strict=True)))
    assert parameters(save(tmp_path, built)) == 3 * SIDE * SIDE


MEASURE = """
import sys
from mapper.frontend import load_model
import mapper.frontend.load
def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
before = peak()
found = load_model(sys.argv[1], dims={"n": 1})
print(found.graph.parameters, peak() - before)
"""


@pytest.mark.slow
def test_a_file_of_three_gigabytes_is_read_in_little_memory(tmp_path: Path) -> None:
    width, layers = 8192, 12
    nodes = [node("MatMul", [f"h{i}", f"w{i}"], [f"h{i + 1}"]) for i in range(layers)]
    built = model(nodes, {"h0": ["n", width]}, [f"h{layers}"])
    payload = 4 * width * width
    heads = [
        TensorProto(name=f"w{i}", data_type=1, dims=[width, width]).SerializeToString() + b"\x4a" + varint(payload)
        for i in range(layers)
    ]
    graph = built.graph.SerializeToString()
    framed = [b"\x2a" + varint(len(head) + payload) + head for head in heads]
    built.ClearField("graph")
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        total = len(graph) + sum(len(head) + payload for head in framed)
        file.write(built.SerializeToString() + b"\x3a" + varint(total) + graph)
        for head in framed:
            file.write(head)
            file.seek(payload, 1)  # a hole
        file.truncate(file.tell())
    assert path.stat().st_size > 3 << 30
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], text=True, capture_output=True, check=True)
    elements, grown_mb = done.stdout.split()
    assert int(elements) == layers * width * width
    assert float(grown_mb) < 100
