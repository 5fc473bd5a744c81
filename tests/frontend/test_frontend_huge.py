"""Sizes that are legal but large: nothing of their size is ever held."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnx_graphs import const, model, node, save

from mapper.errors import ModelError
from mapper.frontend import load_model

CONSTANTS = [const("zero", 0), const("one", 1), const("axis", [0]), const("column", [1]), const("f0", 0.0, np.float32)]
LENGTH = [node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["n"]), node("Unsqueeze", ["n", "axis"], ["n1"])]
SUM = [node("ReduceMax", ["m"], ["q"], keepdims=0), node("Add", ["x", "q"], ["y"])]
WAYS: dict[str, list[onnx.NodeProto]] = {
    "a causal mask of ranges": [
        node("Range", ["zero", "n", "one"], ["r"]),
        node("Unsqueeze", ["r", "column"], ["c"]),
        node("Less", ["r", "c"], ["l"]),
        node("Cast", ["l"], ["m"], to=TensorProto.FLOAT),
    ],
    "a triangle of a filled square": [
        node("Concat", ["n1", "n1"], ["square"], axis=0),
        node("ConstantOfShape", ["square"], ["full"]),
        node("Trilu", ["full"], ["m"]),
    ],
    "a number spread over a square": [
        node("Concat", ["n1", "n1"], ["square"], axis=0),
        node("Expand", ["f0", "square"], ["m"]),
    ],
    "the places that are not zero": [
        node("ConstantOfShape", ["n1"], ["full"]),
        node("NonZero", ["full"], ["places"]),
        node("Cast", ["places"], ["m"], to=TensorProto.FLOAT),
    ],
    "a range of floats": [
        node("Cast", ["n"], ["nf"], to=TensorProto.FLOAT),
        node("Cast", ["one"], ["f1"], to=TensorProto.FLOAT),
        node("Range", ["f0", "nf", "f1"], ["m"]),
    ],
}


@pytest.mark.parametrize("what", WAYS)
def test_a_million_tokens_take_no_memory(tmp_path: Path, what: str) -> None:
    path = save(tmp_path, model([*LENGTH, *WAYS[what], *SUM], {"x": ["n"]}, ["y"], CONSTANTS))
    load_model(path, dims={"n": 8})  # warm caches are not counted
    tracemalloc.start()
    graph = load_model(path, dims={"n": 1_000_000}).graph
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert graph.value["y"].shape == (1_000_000,)
    assert peak < 2_000_000


def test_a_square_mask_beyond_63_bits_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, model([*LENGTH, *WAYS["a causal mask of ranges"], *SUM], {"x": ["n"]}, ["y"], CONSTANTS))
    with pytest.raises(ModelError, match=r"2\^63"):
        load_model(path, dims={"n": 2**32})
