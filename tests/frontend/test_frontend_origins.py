"""Every node of a file is in the origin of an op or in the record of those that left none, under a name of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from control_graphs import branch, loop_body
from onnx_graphs import const, decode_block, model, node, save, weight
from test_frontend_corpus import SIZES

from mapper.frontend import Imported, load_model, parse_phase


def loaded(folder: Path, built: onnx.ModelProto, sizes: str = "") -> Imported:
    return load_model(save(folder, built), [parse_phase(f"run: {sizes}")] if sizes else [])


def origins(found: Imported) -> set[str]:
    return {name for op in found.graph.ops for name in op.origin}


def count(graph: onnx.GraphProto) -> int:
    return sum(1 + sum(count(a.g) for a in n.attribute if a.HasField("g")) for n in graph.node)


def told(found: Imported) -> list[str]:
    return [name for names in found.folded.values() for name in names]


def test_each_node_is_in_an_op_or_among_the_folded_ones(tmp_path: Path) -> None:
    built = decode_block()
    found = loaded(tmp_path, built, "batch=1 seq=4 past=3")
    assert not origins(found) & set(told(found))
    assert len(origins(found)) + len(told(found)) == count(built.graph)
    assert "Shape_4" in found.folded["sizes"]


def test_the_record_says_why_a_node_left_no_op(tmp_path: Path) -> None:
    nodes = [
        node("Constant", [], ["c"], value=const("", [1.0, 2.0], np.float32)),
        node("Neg", ["c"], ["d"], name="negated"),
        node("Identity", ["x"], ["same"], name="same"),
        node("Add", ["same", "d"], ["y"], name="sum"),
        node("Exp", ["y"], ["nobody"], name="unused"),
    ]
    found = loaded(tmp_path, model(nodes, {"x": [2]}, ["y"]))
    assert found.folded == {"constant": ("Constant_0", "negated"), "dead": ("unused",), "renames": ("same",)}
    assert origins(found) == {"sum"}


def test_nodes_without_a_name_and_of_one_name_are_told_apart(tmp_path: Path) -> None:
    nodes = [
        node("Relu", ["x"], ["a"], name="n"),
        node("Neg", ["a"], ["b"], name="n"),
        node("Exp", ["b"], ["c"]),
        node("Abs", ["c"], ["y"], name="Exp_2"),
    ]
    found = loaded(tmp_path, model(nodes, {"x": [1]}, ["y"]))
    assert [op.origin for op in found.graph.ops] == [("Relu_0",), ("Neg_1",), ("Exp_2_",), ("Exp_2",)]


def test_a_branch_that_is_not_taken_is_told_from_the_one_that_is(tmp_path: Path) -> None:
    then, other = branch([node("Neg", ["x"], ["t"])], "t"), branch([node("Exp", ["x"], ["e"])], "e")
    nodes = [node("If", ["truth"], ["y"], then_branch=then, else_branch=other)]
    found = loaded(tmp_path, model(nodes, {"x": [2]}, ["y"], [const("truth", True, np.bool_)]))
    assert {"If_0", "If_0/then_branch/Neg_0"} == origins(found)
    assert found.folded == {"branch not taken": ("If_0/else_branch/Exp_0",)}


def test_all_copies_of_a_loops_node_name_the_node_of_the_file(tmp_path: Path) -> None:
    body = loop_body([node("MatMul", ["h", "w"], ["h2"])], [("h", "h2")])
    loop = node("Loop", ["trips", "", "x"], ["y"], body=body, name="loop")
    found = loaded(tmp_path, model([loop], {"x": [2, 8]}, ["y"], [weight("w", [8, 8]), const("trips", 3)]))
    products = [op.origin for op in found.graph.ops if op.kind == "matmul"]
    assert products == [("loop/body/MatMul_1",)] * 3


def test_the_body_of_a_loop_that_stands_as_one_op_is_inside_it(tmp_path: Path) -> None:
    body = loop_body([node("MatMul", ["h", "w"], ["h2"], name="product")], [("h", "h2")])
    loop = node("Loop", ["trips", "", "x"], ["y"], body=body, name="loop")
    found = loaded(tmp_path, model([loop], {"x": [2, 8]}, ["y"], [weight("w", [8, 8]), const("trips", 30_000)]))
    assert "product" in found.folded["inside an op"]
    assert origins(found) == {"loop"}


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_no_node_of_a_real_graph_is_forgotten_or_told_twice(models_folder: Path, name: str) -> None:
    path = models_folder / f"{name}.onnx"
    found = load_model(path, [parse_phase(f"run: {SIZES[name]}")])
    assert not origins(found) & set(told(found))
    assert len(set(told(found))) == len(told(found))
    proto = onnx.load(path, load_external_data=False)
    if not proto.functions:
        assert len(origins(found)) + len(told(found)) == count(proto.graph)
