"""Operators that nobody knows and vectors known in part: what is expected of them, and how it is set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import pytest
from onnx import helper

from mapper.errors import ModelError, UnresolvedShapes
from mapper.frontend.load import Imported, load_model
from tests.frontend.onnx_graphs import IDS, const, model, node, save, typed, weight


def magic(*outputs: str) -> onnx.NodeProto:
    return helper.make_node("Magic", ["x"], outputs or ["y"], domain="acme", name="m")


def load(folder: Path, built: onnx.ModelProto, expect: Mapping[str, int] = {}, **dims: int) -> Imported:
    return load_model(save(folder, built), dims=dims, expect=expect)


def shape(imported: Imported, name: str = "y") -> tuple[int | str, ...]:
    return imported.graph.value[name].shape


# Unknown operators.


def unknown(*then: onnx.NodeProto, out: str = "y", depth: int = 2) -> onnx.ModelProto:
    return model([magic(), *then], {"x": ["b", 2]}, [out], [weight("w", [depth, 4])], domains=["acme"])


def test_an_unknown_operator_is_expected_to_keep_the_shape_of_its_input_and_told_once(tmp_path: Path) -> None:
    imported = load(tmp_path, unknown(), b=3)
    assert shape(imported) == (3, 2)
    assert [op.kind for op in imported.graph.ops] == ["opaque"]
    assert imported.warnings[0] == (
        "'y' depends on data (the shape that acme::Magic makes, an operator that is not known): assumed [3, 2], that "
        "of its first input that is no constant; set it with --expect y[i]=N"
    )
    assert len(imported.warnings) == 2


@pytest.mark.parametrize(
    ("expect", "made"),
    [({"y[1]": 5}, (3, 5)), ({"y[2]": 4}, (3, 2, 4)), ({"y.rank": 1}, (3,)), ({"y[0]": 7, "y.rank": 1}, (7,))],
)
def test_the_user_sets_its_dims_and_how_many_there_are(
    tmp_path: Path, expect: dict[str, int], made: tuple[int, ...]
) -> None:
    assert shape(load(tmp_path, unknown(), expect, b=3)) == made


def test_an_unknown_operator_that_makes_a_scalar_of_nothing_is_told(tmp_path: Path) -> None:
    clock = helper.make_node("Clock", [], ["y"], domain="acme")
    imported = load(tmp_path, model([clock], {}, ["y"], domains=["acme"]))
    assert shape(imported) == ()
    assert "--expect y.rank=N" in imported.warnings[0]


def test_what_the_file_states_in_part_comes_first(tmp_path: Path) -> None:
    stated = model([magic()], {"x": ["b", 2]}, {"y": ["nobody", 9]}, domains=["acme"])
    assert shape(load(tmp_path, stated, b=3)) == (3, 9)


def test_a_product_that_reads_it_says_how_wide_it_is(tmp_path: Path) -> None:
    built = unknown(node("MatMul", ["y", "w"], ["z"]), out="z", depth=5)
    assert shape(load(tmp_path, built, b=3)) == (3, 5)


def test_where_it_does_not_fit_the_unknown_operator_is_named(tmp_path: Path) -> None:
    then = [node("Neg", ["y"], ["y2"]), node("MatMul", ["y2", "w"], ["z"])]
    with pytest.raises(
        UnresolvedShapes, match=r"probably because 'y', made by acme::Magic 'm', was .*--expect y\[0\]=N"
    ):
        load(tmp_path, unknown(*then, out="z", depth=5), b=3)
    assert shape(load(tmp_path, unknown(*then, out="z", depth=5), {"y[1]": 5}, b=3), "z") == (3, 4)


def test_every_output_of_an_unknown_operator_is_expected(tmp_path: Path) -> None:
    imported = load(tmp_path, model([magic("y", "z")], {"x": [3, 2]}, ["y", "z"], domains=["acme"]), {"z[0]": 8})
    assert (shape(imported), shape(imported, "z")) == ((3, 2), (8, 2))


def test_an_impossible_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="0 to 64 dims"):
        load(tmp_path, unknown(), {"y.rank": 65}, b=3)
    with pytest.raises(ModelError, match=r"cannot make a value of \[-1, 2\]"):
        load(tmp_path, unknown(), {"y[0]": -1}, b=3)


# Vectors known in part.


def reshaped(target: Sequence[str], *nodes: onnx.NodeProto, op: str = "Reshape", rows: int = 6) -> onnx.ModelProto:
    """x [rows, 64] in a shape of which `n1` and `k1` depend on data."""
    number = typed([], IDS)
    start = [node("Unsqueeze", ["n", "zero"], ["n1"]), node("Unsqueeze", ["k", "zero"], ["k1"])]
    end = [node("Concat", target, ["t"], axis=0), node(op, ["x", "t"], ["y"])]
    constants = [const("zero", [0]), const("one", [1]), const("two", [2]), const("rest", [-1]), const("c64", [64])]
    return model([*start, *nodes, *end], {"x": [rows, 64], "n": number, "k": number}, ["y"], constants)


def test_a_single_open_dim_follows_from_the_number_of_elements(tmp_path: Path) -> None:
    imported = load(tmp_path, reshaped(["n1", "two", "c64"]))
    assert (shape(imported), imported.warnings) == ((3, 2, 64), ())


def test_only_the_open_dim_beside_a_rest_is_expected(tmp_path: Path) -> None:
    imported = load(tmp_path, reshaped(["n1", "rest", "c64"]))
    assert shape(imported) == (6, 1, 64)
    assert [e.name for e in imported.expectations] == ["t[0]"]
    assert shape(load(tmp_path, reshaped(["n1", "rest", "c64"]), {"t[0]": 2})) == (2, 3, 64)
    assert shape(load(tmp_path, reshaped(["n1", "rest", "c64"]), n=2)) == (2, 3, 64)


def test_the_last_of_two_open_dims_follows_from_the_other(tmp_path: Path) -> None:
    built = reshaped(["n1", "k1", "c64"])
    assert shape(load(tmp_path, built, {"t[0]": 2})) == (2, 3, 64)
    assert shape(load(tmp_path, built, {"t[1]": 2})) == (3, 2, 64)


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Concat", ["k1", "c64"], ["h"], axis=0), node("Gather", ["h", "one"], ["last"])],
        [node("Concat", ["k1", "c64"], ["h"], axis=0), node("Slice", ["h", "one", "two"], ["last"])],
        [node("Concat", ["k1", "two"], ["h"], axis=0), node("Mul", ["h", "c32"], ["h2"]),
         node("Gather", ["h2", "one"], ["last"])],
    ],
)  # fmt: skip
def test_the_known_elements_are_carried(tmp_path: Path, nodes: list[onnx.NodeProto]) -> None:
    built = reshaped(["rest", "last"], *nodes)
    built.graph.initializer.append(const("c32", [32]))
    assert shape(load(tmp_path, built)) == (6, 64)


def test_an_expansion_is_asked_for_its_open_dim_alone(tmp_path: Path) -> None:
    built = reshaped(["n1", "c64"], op="Expand", rows=1)
    assert shape(load(tmp_path, built)) == (1, 64)
    assert shape(load(tmp_path, built, {"t[0]": 5})) == (5, 64)


def test_a_target_that_cannot_be_met_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not fit"):
        load(tmp_path, reshaped(["n1", "c64", "c64"], rows=3))
