"""Of a table of angles an op reads the rows of its tokens."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from mapper.frontend.load import load_model
from mapper.hw.work import Role
from mapper.ir.op_work import work
from tests.frontend.onnx_graphs import model, node, save, typed, weight

I64 = onnx.TensorProto.INT64
TABLES = [weight("cos", [4096, 8]), weight("sin", [4096, 8])]


def weights_read(folder: Path, nodes: list[onnx.NodeProto], inputs: dict[str, object]) -> int:
    """Bytes of weights that the first op reads."""
    built = model(nodes, inputs, ["y"], TABLES, domains=["com.microsoft"])  # type: ignore[arg-type]
    found = load_model(save(folder, built), [], {}, {})
    return work(found.graph, found.graph.ops[0], found.phases[0].bindings()[0]).bytes(Role.WEIGHT)


@pytest.mark.parametrize("shape", [[2, 3, 64], [2, 4, 3, 16]])
def test_a_rotary_embedding_reads_a_row_of_each_table_for_each_token(tmp_path: Path, shape: list[int]) -> None:
    rope = node("RotaryEmbedding", ["x", "at", "cos", "sin"], ["y"], domain="com.microsoft", num_heads=4)
    assert weights_read(tmp_path, [rope], {"x": shape, "at": typed([2, 3], I64)}) == 2 * (2 * 3) * 8 * 4


def test_attention_that_rotates_reads_rows_of_new_tokens_only(tmp_path: Path) -> None:
    inputs = {
        "q": [1, 1, 64], "k": [1, 1, 32], "v": [1, 1, 32], "pk": [1, 2, 100, 16], "pv": [1, 2, 100, 16],
        "len": typed([1, 1], onnx.TensorProto.INT32), "total": typed([1], onnx.TensorProto.INT32),
    }  # fmt: skip
    attention = node(
        "GroupQueryAttention", [*inputs, "cos", "sin"], ["y", "nk", "nv"], domain="com.microsoft", num_heads=4,
        kv_num_heads=2, do_rotary=1,
    )  # fmt: skip
    assert weights_read(tmp_path, [attention], inputs) == 2 * 1 * 8 * 4
