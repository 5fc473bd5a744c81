from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from control_graphs import BOOL, INT, load, loop_body, macs, shape, value
from onnx import TensorProto, helper
from onnx_graphs import const, model, node, save, typed, weight

from mapper.errors import ModelError, UsageError
from mapper.frontend import load_model, parse_phase

POSITIVE = [node("Greater", ["x", "zero"], ["mask"]), node("NonZero", ["mask"], ["found"])]
ZERO = const("zero", 0.0, np.float32)


def counting() -> onnx.ModelProto:
    """The positive numbers of a row, gathered and multiplied."""
    nodes = [
        *POSITIVE,
        node("Transpose", ["found"], ["where"]),
        node("GatherND", ["x", "where"], ["kept"]),
        node("Unsqueeze", ["kept", "one"], ["column"]),
        node("MatMul", ["column", "w"], ["y"]),
    ]
    return model(nodes, {"x": [100]}, ["y"], [ZERO, const("one", [1]), weight("w", [1, 10])])


def test_a_count_that_depends_on_data_is_the_largest_and_told(tmp_path: Path) -> None:
    imported = load(tmp_path, counting())
    assert macs(imported) == 100 * 10
    assert imported.warnings == (
        "'found' depends on data (elements that are not zero): assumed 100, the largest possible; "
        "set it with --expect found=N",
    )


def test_the_user_sets_a_count(tmp_path: Path) -> None:
    imported = load(tmp_path, counting(), {"found": 7})
    assert (macs(imported), imported.warnings) == (7 * 10, ())
    found = imported.expectations[0]
    assert (found.name, found.values, found.given) == ("found", (7,), True)


def test_a_count_beyond_what_there_is_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="0 to 100"):
        load(tmp_path, counting(), {"found": 101})


def test_a_name_that_stands_for_nothing_is_refused_with_near_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'found'"):
        load(tmp_path, counting(), {"fund": 7})


def test_many_of_a_kind_are_told_in_two_lines(tmp_path: Path) -> None:
    nodes = [node("NonZero", ["x"], [f"y{i}"]) for i in range(9)]
    imported = load(tmp_path, model(nodes, {"x": [3]}, [f"y{i}" for i in range(9)]))
    assert len(imported.expectations) == 9
    assert len(imported.warnings) == 2
    assert "8 more like 'y0'" in imported.warnings[1]


SIZES = {
    "Compress": (
        node("Compress", ["x", "mask"], ["y"], axis=0),
        {"x": [6, 4], "mask": typed([6], BOOL)},
        (6, 4),
        (2, 4),
    ),
    "NonMaxSuppression": (
        node("NonMaxSuppression", ["x", "scores", "most"], ["y"]),
        {"x": [1, 50, 4], "scores": [1, 3, 50]},
        (3 * 9, 3),
        (2, 3),
    ),
    "Slice": (node("Slice", ["x", "nought", "k1"], ["y"]), {"x": [6, 4], "k1": typed([1], INT)}, (6, 4), (2, 4)),
    "TopK": (node("TopK", ["x", "k1"], ["y", "i"]), {"x": [6, 4], "k1": typed([1], INT)}, (6, 4), (6, 2)),
    "Unique": (node("Unique", ["x"], ["y"]), {"x": [6, 4]}, (24,), (2,)),
}
"""By operator: node, inputs, the shape of its output by default and with an expected size of 2."""


@pytest.mark.parametrize("operator", SIZES)
def test_each_operator_has_a_default_and_takes_a_size(tmp_path: Path, operator: str) -> None:
    made, inputs, default, expected = SIZES[operator]
    built = model([made], inputs, ["y"], [const("most", [9]), const("nought", [0])])
    assert shape(load(tmp_path, built), "y") == default
    assert shape(load(tmp_path, built, {"y": 2}), "y") == expected


def test_a_number_that_depends_on_data_can_be_given_by_its_name(tmp_path: Path) -> None:
    nodes = [
        node("ReduceMax", ["lengths"], ["longest"], keepdims=0),
        node("Range", ["nought", "longest", "one"], ["positions"]),
    ]
    built = model(nodes, {"lengths": typed([4], INT)}, ["positions"], [const("nought", 0), const("one", 1)])
    assert shape(load(tmp_path, built, {"longest": 33}), "positions") == (33,)


# Loops.


def generation(most: int | None) -> onnx.ModelProto:
    """A loop that goes on until data say stop."""
    nodes = [
        node("MatMul", ["h", "w"], ["h2"]),
        node("ReduceMax", ["h2"], ["top"], keepdims=0),
        node("Less", ["top", "zero"], ["more"]),
    ]
    body = loop_body(nodes, [("h", "h2")], condition="more")
    count = "most" if most is not None else ""
    weights = [weight("w", [8, 8]), ZERO, const("true", True, np.bool_), *([const("most", most)] if most else [])]
    return model([node("Loop", [count, "true", "x"], ["y"], body=body, name="generate")], {"x": [1, 8]}, ["y"], weights)


def test_a_loop_that_data_end_runs_its_largest_count(tmp_path: Path) -> None:
    imported = load(tmp_path, generation(12))
    assert macs(imported) == 12 * 64
    assert "how often Loop 'generate' runs" in imported.warnings[0]
    assert "assumed 12" in imported.warnings[0]


def test_a_loop_that_only_data_end_runs_once_and_is_told(tmp_path: Path) -> None:
    imported = load(tmp_path, generation(None))
    assert macs(imported) == 64
    assert "assumed 1, one iteration; set it with --expect y=N" in imported.warnings[0]
    assert macs(load(tmp_path, generation(None), {"y": 5})) == 5 * 64


def test_a_loop_cannot_be_expected_to_run_more_often_than_it_may(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="0 to 12 times"):
        load(tmp_path, generation(12), {"y": 13})


def bounded() -> onnx.ModelProto:
    """`while x.max() < 0 and n < 20`, the `and` written as an If."""
    compare = helper.make_graph([node("Less", ["n2", "twenty"], ["r"])], "then", [], [value("r", [], BOOL)])
    never = helper.make_graph([node("Identity", ["false"], ["r"])], "else", [], [value("r", [], BOOL)])
    nodes = [
        node("MatMul", ["h", "w"], ["h2"]),
        node("Add", ["n", "one"], ["n2"]),
        node("ReduceMax", ["h2"], ["top"], keepdims=0),
        node("Less", ["top", "zero"], ["low"]),
        node("If", ["low"], ["more"], then_branch=compare, else_branch=never),
    ]
    body = loop_body(nodes, [("h", "h2"), ("n", "n2")], condition="more")
    loop = node("Loop", ["", "true", "x", "nought"], ["y", "count"], body=body)
    constants = [ZERO, const("true", True, np.bool_), const("false", False, np.bool_)]
    numbers = [const("nought", 0), const("one", 1), const("twenty", 20)]
    return model([loop], {"x": [1, 8]}, ["y"], [weight("w", [8, 8]), *constants, *numbers])


def test_a_loop_that_data_may_end_early_runs_as_long_as_its_condition_allows(tmp_path: Path) -> None:
    imported = load(tmp_path, bounded())
    assert macs(imported) == 20 * 64
    assert [e.name for e in imported.expectations] == ["y"]
    assert macs(load(tmp_path, bounded(), {"y": 3})) == 3 * 64


# Mixtures of experts, written as a loop over experts.


EXPERTS, PICKED, WIDTH, HIDDEN = 8, 2, 16, 32


def expert(number: int, selects: list[onnx.NodeProto], rows: str) -> list[onnx.NodeProto]:
    """Rows of x through one expert and back."""
    e = str(number)
    return [
        *selects,
        node("Gather", ["x", rows], [f"in{e}"], axis=0),
        node("MatMul", [f"in{e}", f"gate{e}"], [f"g{e}"]),
        node("MatMul", [f"in{e}", f"up{e}"], [f"u{e}"]),
        node("Sigmoid", [f"g{e}"], [f"s{e}"]),
        node("Mul", [f"s{e}", f"u{e}"], [f"h{e}"]),
        node("MatMul", [f"h{e}", f"down{e}"], [f"o{e}"]),
        node("Unsqueeze", [rows, "minus"], [f"at{e}"]),
        node("ScatterND", [f"y{number}", f"at{e}", f"o{e}"], [f"y{number + 1}"], reduction="add"),
    ]


def mixture(select: str) -> onnx.ModelProto:
    """A router and its experts; `select` says how an expert finds its rows."""
    nodes = [
        node("MatMul", ["x", "router"], ["logits"]),
        node("Softmax", ["logits"], ["probs"]),
        node("TopK", ["probs", "k"], ["weights", "chosen"]),
        node("OneHot", ["chosen", "experts", "off_on"], ["hot"]),
        node("Transpose", ["hot"], ["mask"], perm=[2, 1, 0]),
        node("Mul", ["x", "zero"], ["y0"]),
    ]
    for e in range(EXPERTS):
        one_hot = [node("Gather", ["mask", f"n{e}"], [f"m{e}"], axis=0), node("NonZero", [f"m{e}"], [f"nz{e}"])]
        equal = [
            node("Equal", ["chosen", f"n{e}"], [f"m{e}"]),
            node("Transpose", [f"m{e}"], [f"mt{e}"]),
            node("NonZero", [f"mt{e}"], [f"nz{e}"]),
        ]
        any_pick = [
            node("Equal", ["chosen", f"n{e}"], [f"m{e}"]),
            node("Cast", [f"m{e}"], [f"mi{e}"], to=TensorProto.INT64),
            node("ReduceSum", [f"mi{e}", "last"], [f"mt{e}"], keepdims=1),
            node("Transpose", [f"mt{e}"], [f"mu{e}"]),
            node("NonZero", [f"mu{e}"], [f"nz{e}"]),
        ]
        rows = node("Gather", [f"nz{e}", "second"], [f"rows{e}"], axis=0)
        chosen = {"one-hot": one_hot, "equal": equal, "any": any_pick}[select]
        nodes += expert(e, [*chosen, rows], f"rows{e}")
    stacks = [("gate", WIDTH, HIDDEN), ("up", WIDTH, HIDDEN), ("down", HIDDEN, WIDTH)]
    weights = [weight(f"{n}{e}", [a, b]) for e in range(EXPERTS) for n, a, b in stacks]
    constants = [
        weight("router", [WIDTH, EXPERTS]), const("k", [PICKED]), const("experts", EXPERTS), const("off_on", [0, 1]),
        ZERO, const("second", 1), const("minus", [-1]), const("last", [-1]),
        *(const(f"n{e}", e) for e in range(EXPERTS)),
    ]  # fmt: skip
    return model(nodes, {"x": ["tokens", WIDTH]}, [f"y{EXPERTS}"], [*weights, *constants])


@pytest.mark.parametrize("select", ["one-hot", "equal", "any"])
@pytest.mark.parametrize("tokens", [1, 3, 16, 500])
def test_experts_together_get_as_many_rows_as_the_router_deals(tmp_path: Path, select: str, tokens: int) -> None:
    imported = load(tmp_path, mixture(select), tokens=tokens)
    routed = tokens * PICKED * 3 * WIDTH * HIDDEN
    assert macs(imported) == tokens * WIDTH * EXPERTS + routed


def test_the_user_sets_the_rows_of_an_expert(tmp_path: Path) -> None:
    imported = load(tmp_path, mixture("one-hot"), {"nz3": 9}, tokens=16)
    assert shape(imported, "in3") == (9, WIDTH)
    assert shape(imported, "in2") == (4, WIDTH)


def test_rows_of_experts_follow_the_tokens_of_each_phase(tmp_path: Path) -> None:
    phases = [parse_phase("prefill: tokens=64"), parse_phase("decode: tokens=4")]
    imported = load_model(save(tmp_path, mixture("one-hot")), phases)
    assert [macs(imported, i) for i in (0, 1)] == [n * (WIDTH * EXPERTS + PICKED * 3 * WIDTH * HIDDEN) for n in (64, 4)]
