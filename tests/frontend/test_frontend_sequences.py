from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from control_graphs import FLOAT, INT, load, loop_body, macs, shape, value
from onnx import helper, numpy_helper
from onnx_graphs import const, model, node, typed, weight

from mapper.errors import ModelError
from mapper.frontend.load import Imported


def results(imported: Imported) -> dict[str, tuple[int | str, ...]]:
    return {v.name: v.shape for v in imported.graph.values if v.role.value == "output"}


def constant_results(imported: Imported, declared: Sequence[str]) -> dict[str, tuple[int | str, ...]]:
    """The same of declared outputs that are constants of the file, which no op makes: weights."""
    return {v.name: v.shape for v in imported.graph.values if v.name in declared and v.role.value == "weight"}


def test_elements_of_a_sequence_are_the_values_put_into_it(tmp_path: Path) -> None:
    nodes = [
        node("SequenceConstruct", ["a", "b"], ["s"]),
        node("SequenceInsert", ["s", "c", "first"], ["s3"]),
        node("SequenceErase", ["s3", "last"], ["s2"]),
        node("SequenceAt", ["s2", "last"], ["picked"]),
        node("Relu", ["picked"], ["y"]),
        node("SequenceLength", ["s2"], ["n"]),
        node("Expand", ["one", "n1"], ["z"]),
        node("Unsqueeze", ["n", "first1"], ["n1"]),
    ]
    constants = [const("first", 0), const("last", -1), const("first1", [0]), const("one", [1.0], np.float32)]
    built = model(nodes, {"a": [1], "b": [2], "c": [3]}, ["y", "z"], constants)
    imported = load(tmp_path, built)
    assert results(imported) == {"y": (1,), "z": (2,)}
    assert [op.kind for op in imported.graph.ops if op.kind == "opaque"] == []


@pytest.mark.parametrize(("new_axis", "expected"), [(0, (6, 4)), (1, (3, 2, 4))])
def test_parts_are_split_and_joined(tmp_path: Path, new_axis: int, expected: tuple[int, ...]) -> None:
    nodes = [
        node("SplitToSequence", ["x", "two"], ["s"], axis=0),
        node("ConcatFromSequence", ["s"], ["y"], axis=0, new_axis=new_axis),
    ]
    imported = load(tmp_path, model(nodes, {"x": [6, 4]}, ["y"], [const("two", 2)]))
    assert shape(imported, "y") == expected


def test_parts_of_one_lose_their_axis_if_asked_to(tmp_path: Path) -> None:
    nodes = [node("SplitToSequence", ["x"], ["s"], axis=1, keepdims=0), node("SequenceAt", ["s", "at"], ["y"])]
    built = model([*nodes, node("Relu", ["y"], ["z"])], {"x": [6, 4]}, ["z"], [const("at", 2)])
    assert shape(load(tmp_path, built), "z") == (6,)


def test_an_element_that_data_pick_comes_from_all_of_them(tmp_path: Path) -> None:
    nodes = [node("SequenceConstruct", ["a", "b"], ["s"]), node("SequenceAt", ["s", "at"], ["y"])]
    built = model(nodes, {"a": [2, 3], "b": [2, 3], "at": typed([], INT)}, ["y"])
    imported = load(tmp_path, built)
    assert shape(imported, "y") == (2, 3)
    assert [op.kind for op in imported.graph.ops][-1] == "gather"


def test_an_element_of_unlike_ones_that_data_pick_is_the_first_or_as_set(tmp_path: Path) -> None:
    nodes = [node("SequenceConstruct", ["a", "b"], ["s"]), node("Abs", ["at"], ["place"]),
             node("SequenceAt", ["s", "place"], ["y"])]  # fmt: skip
    built = model(nodes, {"a": [2], "b": [3], "at": typed([], INT)}, ["y"])
    assert results(load(tmp_path, built)) == {"y": (2,)}
    assert "--expect place=N" in load(tmp_path, built).warnings[0]
    assert results(load(tmp_path, built, {"place": 1})) == {"y": (3,)}


@pytest.mark.parametrize(
    ("dims", "expect", "parts"), [([], {}, [(6,)]), ([], {"n": 4}, [(4,), (2,)]), ([2], {}, [(3,), (3,)]),
                                  ([2], {"n[0]": 1, "n[1]": 5}, [(1,), (5,)])]
)  # fmt: skip
def test_sizes_of_parts_that_data_decide_have_a_default_and_can_be_set(
    tmp_path: Path, dims: list[int], expect: dict[str, int], parts: list[tuple[int, ...]]
) -> None:
    built = model([node("SplitToSequence", ["x", "n"], ["s"])], {"x": [6], "n": typed(dims, INT)}, ["s"])
    built.graph.output[0].CopyFrom(onnx.helper.make_tensor_sequence_value_info("s", 1, None))
    assert list(results(load(tmp_path, built, expect)).values()) == parts


def lstm_as_loop() -> onnx.ModelProto:
    """A cell run over time whose outputs are collected in a sequence, as exporters of TensorArrays write it."""
    nodes = [
        node("Gather", ["xs", "i"], ["x"], axis=0),
        node("MatMul", ["x", "w"], ["xw"]),
        node("MatMul", ["h", "u"], ["hu"]),
        node("Add", ["xw", "hu"], ["sum"]),
        node("Tanh", ["sum"], ["h2"]),
        node("SequenceInsert", ["outs", "h2"], ["outs2"]),
    ]
    body = loop_body(nodes, [("h", "h2"), ("outs", "outs2")])
    element = helper.make_tensor_type_proto(FLOAT, None)
    for info in (body.input[-1], body.output[-1]):
        info.type.CopyFrom(helper.make_sequence_type_proto(element))
    main = [
        node("Shape", ["xs"], ["dims"]),
        node("Gather", ["dims", "zero"], ["steps"]),
        node("SequenceEmpty", [], ["none"]),
        node("Loop", ["steps", "", "h0", "none"], ["h_end", "all"], body=body),
        node("ConcatFromSequence", ["all"], ["y"], axis=0, new_axis=1),
    ]
    weights = [weight("w", [8, 16]), weight("u", [16, 16]), const("zero", 0)]
    return model(main, {"xs": ["time", 2, 8], "h0": [2, 16]}, ["y", "h_end"], weights)


def test_a_loop_may_collect_its_results_in_a_sequence(tmp_path: Path) -> None:
    imported = load(tmp_path, lstm_as_loop(), time=7)
    assert results(imported) == {"y": (7, 2, 16), "h_end": (2, 16)}
    assert macs(imported) == 7 * 2 * (8 * 16 + 16 * 16)


def test_a_sequence_that_leaves_the_graph_leaves_by_its_elements(tmp_path: Path) -> None:
    built = model([node("SequenceConstruct", ["a", "b"], ["s"])], {"a": [1], "b": [2]}, ["s"])
    assert results(load(tmp_path, built)) == {"s.0": (1,), "s.1": (2,)}


def sequence_input() -> onnx.ModelProto:
    nodes = [node("ConcatFromSequence", ["s"], ["y"], axis=0)]
    built = model(nodes, {"s": [3, 4]}, ["y"])
    inner = built.graph.input[0].type.tensor_type
    built.graph.input[0].type.CopyFrom(
        helper.make_sequence_type_proto(helper.make_tensor_type_proto(inner.elem_type, [3, 4]))
    )
    return built


def test_a_sequence_input_has_an_expected_length(tmp_path: Path) -> None:
    assert shape(load(tmp_path, sequence_input(), {"s": 5}), "y") == (15, 4)
    by_default = load(tmp_path, sequence_input())
    assert shape(by_default, "y") == (3, 4)
    assert "'s' depends on data (length of this sequence input): assumed 1" in by_default.warnings[0]


def optional_input() -> onnx.ModelProto:
    then = helper.make_graph([node("OptionalGetElement", ["o"], ["r"])], "then", [], [value("r")])
    other = helper.make_graph([node("Relu", ["x"], ["r"])], "else", [], [value("r")])
    nodes = [
        node("OptionalHasElement", ["o"], ["given"]),
        node("If", ["given"], ["y"], then_branch=then, else_branch=other),
        node("Neg", ["y"], ["z"]),
    ]
    built = model(nodes, {"x": [7], "o": [3]}, ["z"])
    built.graph.input[1].type.CopyFrom(helper.make_optional_type_proto(helper.make_tensor_type_proto(FLOAT, [3])))
    return built


@pytest.mark.parametrize(("given", "expected"), [(1, (3,)), (0, (7,))])
def test_an_optional_input_is_given_or_not(tmp_path: Path, given: int, expected: tuple[int, ...]) -> None:
    assert shape(load(tmp_path, optional_input(), {"o": given}), "z") == expected


WRONG: Mapping[str, tuple[list[onnx.NodeProto], str]] = {
    "beyond the end": ([node("SequenceConstruct", ["a"], ["s"]), node("SequenceAt", ["s", "two"], ["y"])],
                       "position 2 of a sequence of 1"),
    "of none": ([node("SequenceEmpty", [], ["s"]), node("SequenceAt", ["s", "two"], ["y"])], "empty sequence"),
    "no sequence": ([node("SequenceAt", ["a", "two"], ["y"])], "expects a sequence, but 'a' is a tensor"),
    "nothing inside": ([node("Optional", [], ["o"], type=helper.make_tensor_type_proto(FLOAT, [1])),
                        node("OptionalGetElement", ["o"], ["y"])], "holds nothing"),
    "parts too many": ([node("SplitToSequence", ["a", "parts"], ["s"]), node("SequenceAt", ["s", "zero"], ["y"])],
                       "do not add up to 4"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_sequence_used_wrongly_is_refused(tmp_path: Path, what: str) -> None:
    nodes, message = WRONG[what]
    built = model(nodes, {"a": [4]}, ["y"], [const("two", 2), const("zero", 0), const("parts", [1, 9])])
    with pytest.raises(ModelError, match=message):
        load(tmp_path, built)


# The cases that ONNX itself defines, with the results that it expects.

PROBES = ("loop", "scan9", "if", "sequence", "optional", "nonzero", "compress", "nonmax", "range_float_", "range_int32")


@lru_cache(maxsize=1)
def cases() -> dict[str, Any]:
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    return {c.name: c for c in found if any(f"test_{p}" in c.name or f"_{p}_" in c.name for p in PROBES)}


@pytest.mark.slow
def test_every_case_of_onnx_itself_has_the_shapes_that_it_expects(tmp_path: Path) -> None:
    assert len(cases()) > 50
    wrong = []
    for name, case in cases().items():
        given, expected = case.data_sets[0]
        built, dims, expect = prepared(case.model, given)
        imported = load(tmp_path, built, expect, **dims)
        declared = [o.name for o in built.graph.output]
        found = sorted((results(imported) | constant_results(imported, declared)).values())
        if found != sorted(shape_ for result in expected for shape_ in shapes_of(result)):
            wrong.append((name, found))
    assert wrong == []


def shapes_of(result: Any) -> list[tuple[int, ...]]:
    if result is None:
        return []
    return [np.asarray(r).shape for r in result] if isinstance(result, list) else [np.asarray(result).shape]


def prepared(case: onnx.ModelProto, given: list[Any]) -> tuple[onnx.ModelProto, dict[str, int], dict[str, int]]:
    """The case with the shapes of its data as types and its small vectors as constants, and what it expects."""
    built, dims, expect = onnx.ModelProto(), {}, {}
    built.CopyFrom(case)
    inputs = list(built.graph.input)
    del built.graph.input[:]
    for info, data in zip(inputs, given, strict=True):
        inner = info.type.optional_type.elem_type if info.type.HasField("optional_type") else info.type
        tensor = (inner.sequence_type.elem_type if inner.HasField("sequence_type") else inner).tensor_type
        tensor.shape.Clear()
        tensor.shape.SetInParent()
        if data is None:
            expect[info.name] = 0
        elif isinstance(data, list):
            expect[info.name] = len(data)
            for _ in np.asarray(data[0]).shape if data else ():
                tensor.shape.dim.add()
            dims.update({f"{info.name}.{i}.{j}": n for i, d in enumerate(data) for j, n in enumerate(np.shape(d))})
        elif inner is info.type and np.ndim(data) <= 1 and np.size(data) and np.asarray(data).dtype.kind in "if":
            built.graph.initializer.append(numpy_helper.from_array(np.asarray(data), info.name))
            continue
        else:
            for size in np.shape(data):
                tensor.shape.dim.add(dim_value=size)
            if np.asarray(data).dtype.kind == "b" and np.size(data) == 1:
                dims[info.name] = int(np.asarray(data).reshape(-1)[0])
        built.graph.input.append(info)
    return built, dims, expect
