from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from control_graphs import BOOL, INT, branch, load, loop_body, macs, random, run, scan_body, shape, value
from onnx import TensorProto
from onnx_graphs import const, model, node, save, typed, weight

from mapper.errors import ModelError, UnresolvedShapes
from mapper.frontend import load_model, parse_phase
from mapper.frontend.walk.walk import MOST_NODES
from mapper.ir.op_work import work

TRUE = const("true", True, np.bool_)


def step(weights: str = "w") -> onnx.GraphProto:
    """h -> relu(h @ w), which is also a scan output."""
    return loop_body(
        [
            node("MatMul", ["h", weights], ["p"], name="project"),
            node("Relu", ["p"], ["h2"]),
            node("Neg", ["h2"], ["o"]),
        ],
        [("h", "h2")],
        ["o"],
    )


def looped(body: onnx.GraphProto, trips: int | None = 5, **extra: object) -> onnx.ModelProto:
    inputs = {"x": [2, 8], **({"trips": typed([], INT)} if trips is None else {})}
    weights = [weight("w", [8, 8]), TRUE, *([const("trips", trips)] if trips is not None else [])]
    return model(
        [node("Loop", ["trips", "true", "x"], ["y", "all"], body=body, name="loop")], inputs, ["y", "all"], weights
    )


def test_a_loop_of_known_trips_becomes_as_many_copies_of_its_body(tmp_path: Path) -> None:
    imported = load(tmp_path, looped(step()))
    products = [op for op in imported.graph.ops if op.kind == "matmul"]
    assert macs(imported) == 5 * 2 * 8 * 8
    assert shape(imported, "all") == (5, 2, 8)
    assert {op.origin for op in products} == {("project",)}
    assert len({op.name for op in imported.graph.ops}) == len(imported.graph.ops)
    assert imported.warnings == ()


def test_each_copy_reads_what_the_one_before_made(tmp_path: Path) -> None:
    graph = load(tmp_path, looped(step())).graph
    first, second = [op for op in graph.ops if op.kind == "matmul"][:2]
    assert graph.producer[second.inputs[0]].inputs == first.outputs


def test_weights_of_a_body_are_stored_once(tmp_path: Path) -> None:
    body = loop_body([node("MatMul", ["h", "own"], ["h2"])], [("h", "h2")], weights=[weight("own", [8, 8])])
    built = model([node("Loop", ["trips", "", "x"], ["y"], body=body)], {"x": [2, 8]}, ["y"], [const("trips", 7)])
    imported = load(tmp_path, built)
    assert (imported.graph.parameters, macs(imported)) == (64, 7 * 2 * 64)


def growing() -> onnx.GraphProto:
    """A cache that grows by a row each time and is multiplied whole."""
    return loop_body(
        [
            node("Concat", ["cache", "x"], ["cache2"], axis=0),
            node("MatMul", ["cache2", "w"], ["p"]),
            node("ReduceSum", ["p"], ["o"], keepdims=0),
        ],
        [("cache", "cache2")],
        ["o"],
    )


def test_a_value_that_grows_has_another_size_in_each_iteration(tmp_path: Path) -> None:
    built = looped(growing(), 4)
    imported = load(tmp_path, built)
    assert shape(imported, "y") == (10, 8)
    assert macs(imported) == 64 * sum(2 + 2 * i for i in range(1, 5))


def counting() -> onnx.GraphProto:
    """A while loop: a counter runs down to 0."""
    nodes = [
        node("Sub", ["left", "one"], ["left2"]),
        node("Greater", ["left2", "least"], ["more"]),
        node("MatMul", ["h", "w"], ["h2"]),
    ]
    weights = [const("one", 1), const("least", 0)]
    return loop_body(nodes, [("left", "left2"), ("h", "h2")], condition="more", weights=weights)


def test_a_while_loop_whose_condition_counts_runs_until_it_is_false(tmp_path: Path) -> None:
    nodes = [node("Loop", ["", "true", "start", "x"], ["left", "y"], body=counting())]
    built = model(nodes, {"x": [2, 8]}, ["y"], [weight("w", [8, 8]), TRUE, const("start", 6)])
    assert macs(load(tmp_path, built)) == 6 * 2 * 64


def test_a_loop_that_runs_never_hands_on_its_values_and_collects_nothing(tmp_path: Path) -> None:
    built = looped(step(), 0)
    imported = load(tmp_path, built)
    assert (shape(imported, "y"), shape(imported, "all"), macs(imported)) == ((2, 8), (0, 2, 8), 0)


def test_trips_follow_from_a_dim(tmp_path: Path) -> None:
    nodes = [
        node("Shape", ["x"], ["dims"]),
        node("Gather", ["dims", "zero"], ["trips"]),
        node("Loop", ["trips", "", "x"], ["y", "all"], body=step()),
    ]
    built = model(nodes, {"x": ["rows", 8]}, ["y", "all"], [weight("w", [8, 8]), const("zero", 0)])
    assert shape(load(tmp_path, built, rows=3), "all") == (3, 3, 8)


def test_a_loop_with_other_trips_at_other_sizes_stands_as_one_op(tmp_path: Path) -> None:
    nodes = [
        node("Shape", ["x"], ["dims"]),
        node("Gather", ["dims", "zero"], ["trips"]),
        node("Slice", ["x", "from", "to"], ["row"]),
        node("Loop", ["trips", "", "row"], ["y"], body=loop_body([node("MatMul", ["h", "w"], ["h2"])], [("h", "h2")])),
    ]
    built = model(
        nodes, {"x": ["rows", 8]}, ["y"],
        [weight("w", [8, 8]), const("zero", 0), const("from", [0]), const("to", [1])],
    )  # fmt: skip
    imported = load_model(save(tmp_path, built), [parse_phase("a: rows=3"), parse_phase("b: rows=30")])
    assert [macs(imported, phase) for phase in (0, 1)] == [3 * 64, 30 * 64]
    assert [op.kind for op in imported.graph.ops] == ["move", "opaque"]


def test_a_long_loop_stands_as_one_op_with_the_work_of_all_iterations(tmp_path: Path) -> None:
    few, many = load(tmp_path, looped(step(), 10)), load(tmp_path, looped(step(), MOST_NODES))
    assert macs(many) == MOST_NODES * macs(few) // 10
    assert shape(many, "all") == (MOST_NODES, 2, 8)
    assert any("stands as one opaque op" in w for w in many.warnings)
    loop = next(op for op in many.graph.ops if op.kind == "opaque")
    assert loop.attr("trips") == MOST_NODES
    priced = work(many.graph, loop, {})
    assert priced.flops > 2 * macs(many)
    assert priced.bytes() >= MOST_NODES * (64 + 4 * 16) * 4


def test_a_long_loop_over_a_growing_value_adds_up_its_iterations(tmp_path: Path) -> None:
    trips = MOST_NODES // 2
    imported = load(tmp_path, looped(growing(), trips))
    assert macs(imported) == 64 * sum(2 + 2 * i for i in range(1, trips + 1))
    assert shape(imported, "y") == (2 + 2 * trips, 8)


def test_a_body_may_hold_branches_and_loops_that_read_from_all_around(tmp_path: Path) -> None:
    inner = loop_body([node("MatMul", ["g", "w"], ["g2"])], [("g", "g2")])
    then = branch([node("Loop", ["two", "", "h"], ["r"], body=inner)], "r")
    other = branch([node("MatMul", ["h", "w"], ["r"])], "r")
    nodes = [
        node("Less", ["i", "two"], ["early"]),
        node("If", ["early"], ["h2"], then_branch=then, else_branch=other),
    ]
    body = loop_body(nodes, [("h", "h2")])
    built = model(
        [node("Loop", ["five", "", "x"], ["y"], body=body)], {"x": [2, 8]}, ["y"],
        [weight("w", [8, 8]), const("two", 2), const("five", 5)],
    )  # fmt: skip
    assert macs(load(tmp_path, built)) == (2 * 2 + 3) * 2 * 64


# Scan.


def scanned(**attributes: object) -> onnx.ModelProto:
    body = scan_body(
        [node("MatMul", ["e", "w"], ["p"]), node("Add", ["s", "p"], ["s2"]), node("Neg", ["s2"], ["o"])],
        [("s", "s2")],
        ["e"],
        ["o"],
    )
    scan = node("Scan", ["s0", "xs"], ["s_end", "outs"], body=body, num_scan_inputs=1, **attributes)
    return model([scan], {"s0": [3, 4], "xs": ["steps", 3, 8]}, ["s_end", "outs"], [weight("w", [8, 4])])


def test_a_scan_runs_once_per_element(tmp_path: Path) -> None:
    imported = load(tmp_path, scanned(), steps=6)
    assert (macs(imported), shape(imported, "outs")) == (6 * 3 * 8 * 4, (6, 3, 4))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_a_scan_collects_along_the_axis_it_names(tmp_path: Path, axis: int) -> None:
    built = scanned(scan_output_axes=[axis], scan_output_directions=[1], scan_input_directions=[1])
    built.graph.initializer.remove(built.graph.initializer[0])
    built.graph.initializer.append(onnx.numpy_helper.from_array(random(8, 4), "w"))
    found = run(built, {"s0": random(3, 4), "xs": random(6, 3, 8)})
    imported = load(tmp_path, built, steps=6)
    assert shape(imported, "outs") == found["outs"].shape
    assert shape(imported, "s_end") == found["s_end"].shape


def test_a_long_scan_stands_as_one_op(tmp_path: Path) -> None:
    imported = load(tmp_path, scanned(), steps=MOST_NODES)
    assert (macs(imported), shape(imported, "outs")) == (MOST_NODES * 3 * 8 * 4, (MOST_NODES, 3, 4))


def test_a_scan_over_nothing_collects_nothing(tmp_path: Path) -> None:
    built = scanned()
    del built.graph.input[1:]
    built.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((0, 3, 8), np.float32), "xs"))
    assert shape(load(tmp_path, built), "outs") == (0, 3, 4)


# If.


def choice(costly: str = "then_branch") -> onnx.ModelProto:
    """A product in one branch, a Relu in the other, and a flag that nobody knows."""
    product, plain = branch([node("MatMul", ["x", "w"], ["r"])], "r"), branch([node("Relu", ["x"], ["r"])], "r")
    other = "else_branch" if costly == "then_branch" else "then_branch"
    nodes = [
        node("Cast", ["flag"], ["cond"], to=BOOL),
        node("If", ["cond"], ["y"], name="pick", **{costly: product, other: plain}),
    ]
    return model(nodes, {"x": [2, 8], "flag": typed([], INT)}, ["y"], [weight("w", [8, 8])])


@pytest.mark.parametrize("costly", ["then_branch", "else_branch"])
def test_of_an_unknown_condition_the_costlier_branch_is_taken_and_told(tmp_path: Path, costly: str) -> None:
    imported = load(tmp_path, choice(costly))
    assert macs(imported) == 2 * 64
    assert len(imported.warnings) == 1
    for words in ("'y' depends on data", "--expect y=N", "--dim flag=", "costlier"):
        assert words in imported.warnings[0]


def test_an_expected_branch_is_taken_without_a_word(tmp_path: Path) -> None:
    imported = load(tmp_path, choice(), {"y": 0})
    assert (macs(imported), imported.warnings) == (0, ())


def test_an_input_given_by_value_decides(tmp_path: Path) -> None:
    assert macs(load(tmp_path, choice(), flag=0)) == 0


def test_only_a_branch_whose_shapes_are_found_is_taken(tmp_path: Path) -> None:
    broken = branch([node("MatMul", ["x", "x"], ["r"])], "r")
    plain = branch([node("Relu", ["x"], ["r"])], "r")
    nodes = [
        node("Cast", ["flag"], ["cond"], to=BOOL),
        node("If", ["cond"], ["y"], then_branch=broken, else_branch=plain),
    ]
    built = model(nodes, {"x": [2, 8], "flag": typed([], INT)}, ["y"])
    assert shape(load(tmp_path, built), "y") == (2, 8)


def test_a_condition_that_changes_with_the_size_is_refused(tmp_path: Path) -> None:
    nodes = [
        node("Shape", ["x"], ["dims"]),
        node("Gather", ["dims", "zero"], ["rows"]),
        node("Less", ["rows", "ten"], ["few"]),
        node("If", ["few"], ["y"], then_branch=branch([node("Relu", ["x"], ["r"])], "r"),
             else_branch=branch([node("Neg", ["x"], ["r"])], "r")),
    ]  # fmt: skip
    built = model(nodes, {"x": ["n", 8]}, ["y"], [const("zero", 0), const("ten", 10)])
    with pytest.raises(ModelError, match="separate runs"):
        load_model(save(tmp_path, built), [parse_phase("a: n=2"), parse_phase("b: n=20")])


# What is wrong is said.


def wrong(folder: Path, built: onnx.ModelProto, **dims: int) -> str:
    with pytest.raises(ModelError) as caught:
        load(folder, built, **dims)
    return str(caught.value)


def test_a_loop_without_a_body(tmp_path: Path) -> None:
    built = model([node("Loop", ["n", "", "x"], ["y"], name="l")], {"x": [2]}, ["y"], [const("n", 3)])
    assert "Loop 'l' has no body" in wrong(tmp_path, built)


def test_an_if_without_its_other_branch(tmp_path: Path) -> None:
    built = model([node("If", ["c"], ["y"], name="i", then_branch=branch([node("Relu", ["x"], ["r"])], "r"))],
                  {"x": [2]}, ["y"], [const("c", False, np.bool_)])  # fmt: skip
    assert "If 'i' has no else_branch" in wrong(tmp_path, built)


def test_a_loop_that_hands_its_body_too_little(tmp_path: Path) -> None:
    built = model([node("Loop", ["n", ""], ["y"], name="l", body=step())], {"x": [2, 8]}, ["y"],
                  [const("n", 3), weight("w", [8, 8])])  # fmt: skip
    assert "its body has 3 inputs, but is given 2" in wrong(tmp_path, built)


def test_a_loop_with_more_outputs_than_its_body(tmp_path: Path) -> None:
    built = looped(step())
    built.graph.node[0].output.append("more")
    built.graph.output.append(value("more"))
    assert "its body has 3 outputs, fewer than 4" in wrong(tmp_path, built)


def test_a_scan_that_scans_more_than_it_reads(tmp_path: Path) -> None:
    built = scanned()
    next(a for a in built.graph.node[0].attribute if a.name == "num_scan_inputs").i = 9
    assert "num_scan_inputs is 9, with 2 inputs" in wrong(tmp_path, built, steps=2)


def test_scan_inputs_of_different_lengths(tmp_path: Path) -> None:
    body = scan_body([node("Add", ["a", "b"], ["o"])], [], ["a", "b"], ["o"])
    built = model([node("Scan", ["p", "q"], ["y"], body=body, num_scan_inputs=2)], {"p": [3, 2], "q": [4, 2]}, ["y"])
    assert "'p' 3, 'q' 4" in wrong(tmp_path, built)


def test_a_negative_trip_count(tmp_path: Path) -> None:
    assert "negative trip count, -3" in wrong(tmp_path, looped(step(), -3))


def test_a_body_that_reads_what_nobody_makes(tmp_path: Path) -> None:
    assert "'nowhere'" in wrong(tmp_path, looped(step("nowhere")))


def test_a_body_that_makes_a_value_twice(tmp_path: Path) -> None:
    body = step()
    body.node.append(node("Neg", ["p"], ["o"]))
    assert "'o' of its body is made twice" in wrong(tmp_path, looped(body))


def test_a_loop_that_never_ends_is_one_iteration(tmp_path: Path) -> None:
    built = model([node("Loop", ["", "", "x"], ["y"], name="l",
                        body=loop_body([node("Neg", ["h"], ["h2"])], [("h", "h2")]))], {"x": [2]}, ["y"])  # fmt: skip
    assert "--expect y=N" in load(tmp_path, built).warnings[0]


@pytest.mark.slow
def test_a_while_loop_too_long_to_follow_asks_for_its_trips(tmp_path: Path) -> None:
    nodes = [node("Loop", ["", "true", "start", "x"], ["left", "y"], body=counting())]
    built = model(nodes, {"x": [2, 8]}, ["y"], [weight("w", [8, 8]), TRUE, const("start", 10**6)])
    with pytest.raises(UnresolvedShapes, match="--expect left=N"):
        load(tmp_path, built)
    assert macs(load(tmp_path, built, {"left": 10**6})) == 10**6 * 2 * 64


def test_loops_in_loops_of_any_length_end(tmp_path: Path) -> None:
    body = loop_body([node("MatMul", ["h", "w"], ["h2"])], [("h", "h2")])
    for _ in range(3):
        body = loop_body([node("Loop", ["trips", "", "h"], ["h2"], body=body)], [("h", "h2")])
    built = model([node("Loop", ["trips", "", "x"], ["y"], body=body)], {"x": [2, 8]}, ["y"],
                  [const("trips", 1000), weight("w", [8, 8])])  # fmt: skip
    assert macs(load(tmp_path, built)) == 1000**4 * 2 * 64


def test_branches_in_branches_are_followed(tmp_path: Path) -> None:
    plain = branch([node("Neg", ["x"], ["r"])], "r")
    graph = branch([node("MatMul", ["x", "w"], ["r"])], "r")
    for _ in range(20):
        graph = branch([node("If", ["c"], ["r"], then_branch=graph, else_branch=plain)], "r")
    built = model(list(graph.node), {"x": [2, 8]}, ["r"], [const("c", True, np.bool_), weight("w", [8, 8])])
    assert macs(load(tmp_path, built)) == 2 * 64


def test_elements_and_types_are_those_of_the_runtime(tmp_path: Path) -> None:
    """A loop with a scan output of another type and rank than its carried values."""
    body = loop_body(
        [node("Add", ["h", "h"], ["h2"]), node("ReduceMax", ["h2"], ["top"], keepdims=0),
         node("Cast", ["top"], ["flag"], to=TensorProto.INT32)],
        [("h", "h2")], ["flag"],
    )  # fmt: skip
    body.output[-1].type.tensor_type.elem_type = TensorProto.INT32
    built = model([node("Loop", ["n", "", "x"], ["y", "flags"], body=body)], {"x": [2, 3]},
                  {"y": [2, 3], "flags": [None]}, [const("n", 4)])  # fmt: skip
    built.graph.output[1].type.tensor_type.elem_type = TensorProto.INT32
    found, imported = run(built, {"x": random(2, 3)}), load(tmp_path, built)
    assert shape(imported, "flags") == found["flags"].shape
    assert imported.graph.value["flags"].dtype == "i32"
